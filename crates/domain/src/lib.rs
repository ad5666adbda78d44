//! Keepstone's entities, value types and rules.
//!
//! Pure: no input, no output, no async. A value that exists here is valid; the only way in is a `parse`.

mod audit;
mod email;
mod id;
mod invalid;
mod page;
mod role;
mod session;
mod text;
mod time;
mod user;

pub use audit::{AuditEvent, AuditKind};
pub use email::Email;
pub use id::{AuditEventId, SessionId, UserId};
pub use invalid::Invalid;
pub use page::{Page, PageRequest};
pub use role::RoleName;
pub use session::{RefreshToken, RefreshTokenState, Session, SessionEnd, SessionScope, SessionState};
pub use text::{DisplayName, Username};
pub use time::{Clock, Timestamp};
pub use user::{Credentials, Login, NewUser, User, UserPatch};
