//! What Keepstone does, whoever asks: HTTP, the command line, jobs and sockets all come here.
//!
//! Services decide: who may, what counts, what is committed. They know storage, time and the outside by their traits only.

mod accounts;
mod caller;
mod error;
mod health;
pub mod permission;
mod users;

pub use accounts::{Accounts, Client, NewPassword, Parts, Registration, Rules, TokenPair};
pub use caller::Caller;
pub use error::{Error, Result};
pub use health::{Check, Health, Readiness};
pub use users::{Sight, Users};
