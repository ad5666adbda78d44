//! What Keepstone does, whoever asks: HTTP, the command line, jobs and sockets all come here.
//!
//! Services decide: who may, what counts, what is committed. They know storage, time and the outside by their traits only.

mod accounts;
mod audit;
mod caller;
mod client;
mod error;
mod health;
mod login_throttle;
pub mod permission;
mod principals;
mod rate_limit;
mod session_store;
mod sessions;
mod to_the_end;
mod users;

pub use accounts::{AccountParts, Accounts, NewPassword, Registration, Rules};
pub use audit::Audit;
pub use caller::Caller;
pub use client::Client;
pub use error::{Error, Result};
pub use health::{Check, Health, Readiness};
pub use keepstone_auth::session::{SessionInfo, SessionPolicy, TokenPair};
pub use login_throttle::{Admission, Guess, LoginThrottle, PasswordGuard, Target};
pub use principals::{Principal, Principals};
pub use rate_limit::{AddressPrefix, Decision, Key, Limit, Outcome, Quota, Quotas, RateLimiter, RateLimits};
pub use session_store::{RequestStore, RequestStoreError};
pub use sessions::{SessionParts, Sessions};
pub use users::{Sight, Users};
