//! Keepstone's entities, value types and rules.
//!
//! Pure: no input, no output, no async. A value that exists here is valid; the only way in is a `parse`.

mod audit;
mod email;
mod id;
mod idempotency;
mod invalid;
mod item;
mod mail;
mod page;
mod role;
mod search;
mod session;
mod text;
mod time;
mod user;
mod version;

pub use audit::{AuditEvent, AuditKind, Involvement};
pub use email::Email;
pub use id::{AuditEventId, ItemId, JobId, SessionId, UserId};
pub use idempotency::{Answer, Attempt};
pub use invalid::Invalid;
pub use item::{Description, Item, ItemFilter, ItemPatch, NewItem, Title};
pub use mail::{MailText, Subject};
pub use page::{Page, PageRequest, Position, Start};
pub use role::RoleName;
pub use search::{SearchText, fold};
pub use session::{RefreshToken, RefreshTokenState, Session, SessionEnd, SessionScope, SessionState};
pub use text::{DisplayName, Username};
pub use time::{Clock, Timestamp};
pub use user::{Credentials, Login, NewUser, User, UserFilter, UserPatch};
pub use version::{Expected, Version};
