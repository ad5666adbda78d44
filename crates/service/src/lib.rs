//! Keepstone's use cases, shared by HTTP, the command line, jobs and sockets.
//!
//! Services decide which callers may act, which rules apply and what is committed. They know storage, time and external
//! systems only by their traits.

mod accounts;
mod audit;
mod caller;
mod client;
mod closed;
mod email_change;
mod error;
mod export;
mod first_admin;
mod health;
mod idempotency;
mod import;
mod items;
mod jobs;
mod letters;
mod login_throttle;
mod mail;
mod mail_proof;
mod outbox;
mod password_change;
pub mod permission;
mod principals;
mod purge;
mod rate_limit;
mod registration;
mod seed;
mod session_store;
mod sessions;
mod tasks;
mod to_the_end;
mod user_change;
mod users;
mod worker;

pub use accounts::{AccountParts, Accounts, Rules};
pub use audit::Audit;
pub use caller::Caller;
pub use client::Client;
pub use error::{Error, Result};
pub use export::{Export, ExportPart, Exports};
pub use first_admin::FirstAdmin;
pub use health::{Check, Health, Readiness};
pub use idempotency::{Claim, Idempotency, KeyedRequest, Receipt, Turn};
pub use import::{Import, ImportParts, Newcomer};
pub use items::Items;
pub use jobs::Jobs;
pub use keepstone_auth::session::{SessionInfo, SessionPolicy, TokenPair};
pub use letters::Letters;
pub use login_throttle::{Admission, Guess, LoginThrottle, PasswordGuard, Target};
pub use mail::{Letter, Mail, MailError, Mailer};
pub use mail_proof::{MailProof, MailProofParts};
pub use outbox::Outbox;
pub use principals::{Principal, Principals};
pub use purge::Purge;
pub use rate_limit::{AddressPrefix, Decision, Key, Limit, Outcome, Quota, Quotas, RateLimiter, RateLimits};
pub use registration::{NewPassword, Registration};
pub use seed::{Seed, SeedParts, numbered_user_id};
pub use session_store::{RequestStore, RequestStoreError};
pub use sessions::{SessionParts, Sessions};
pub use tasks::{TaskParts, Tasks};
pub use user_change::UserChange;
pub use users::{Sight, UserParts, Users};
pub use worker::{JobPolicy, Pulse, Worker};
