//! Keepstone's entities, value types and rules.
//!
//! The crate is pure: no I/O and no async. Every value that exists is valid, because only a `parse` function creates
//! it.

mod audit;
mod email;
mod email_change;
mod id;
mod idempotency;
mod invalid;
mod item;
mod job;
mod kept;
mod mail;
mod mail_token;
mod page;
mod pending_user;
mod role;
mod search;
mod session;
mod text;
mod time;
mod user;
mod version;

pub use audit::{AuditEvent, AuditFilter, AuditKind, Involvement};
pub use email::Email;
pub use email_change::EmailChange;
pub use id::{AuditEventId, ItemId, JobId, MailTokenId, SessionId, UserId};
pub use idempotency::{Answer, Attempt};
pub use invalid::Invalid;
pub use item::{Description, Item, ItemFilter, ItemPatch, NewItem, Title};
pub use job::{DueJob, DueJobs, Job, JobFilter, JobOutcome, JobState, Routine, RoutineTask, Task};
pub use mail::{MailText, Subject};
pub use mail_token::{MailPurpose, MailToken};
pub use page::{Page, PageRequest, Position, Start};
pub use pending_user::{KeptHash, PendingUser};
pub use role::RoleName;
pub use search::{SearchText, fold};
pub use session::{RefreshToken, RefreshTokenState, Session, SessionEnd, SessionScope, SessionState};
pub use text::{DisplayName, Username};
pub use time::{Clock, Timestamp};
pub use user::{Credentials, Login, NewUser, User, UserFilter, UserPatch};
pub use version::{Expected, Version};
