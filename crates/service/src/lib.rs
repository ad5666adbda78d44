//! What Keepstone does, whoever asks: HTTP, the command line, jobs and sockets all come here.
//!
//! Services decide: who may, what counts, what is committed. They know storage, time and the outside by their traits only.

mod accounts;
mod audit;
mod caller;
mod client;
mod error;
mod health;
mod idempotency;
mod import;
mod items;
mod login_throttle;
mod mail;
pub mod permission;
mod principals;
mod rate_limit;
mod registration;
mod seed;
mod session_store;
mod sessions;
mod to_the_end;
mod users;

pub use accounts::{AccountParts, Accounts, Rules};
pub use audit::Audit;
pub use caller::Caller;
pub use client::Client;
pub use error::{Error, Result};
pub use health::{Check, Health, Readiness};
pub use idempotency::{Claim, Idempotency, KeyedRequest, Receipt, Turn};
pub use import::{Import, ImportParts, Newcomer};
pub use items::Items;
pub use keepstone_auth::session::{SessionInfo, SessionPolicy, TokenPair};
pub use login_throttle::{Admission, Guess, LoginThrottle, PasswordGuard, Target};
pub use mail::{Letter, Mail, MailError, Mailer};
pub use principals::{Principal, Principals};
pub use rate_limit::{AddressPrefix, Decision, Key, Limit, Outcome, Quota, Quotas, RateLimiter, RateLimits};
pub use registration::{NewPassword, Registration};
pub use seed::{Seed, SeedParts, numbered_user_id};
pub use session_store::{RequestStore, RequestStoreError};
pub use sessions::{SessionParts, Sessions};
pub use users::{Sight, UserParts, Users};
