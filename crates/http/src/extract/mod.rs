//! What handlers ask for by type: the caller, a checked body, an id of the path. Their errors are problems.

mod body;
mod caller;
mod json;
mod login;
mod path;
mod refresh;
mod requester;

pub use body::{BodyLimit, Extraction, Making, Valid};
pub use caller::{Attempted, Authenticated, MaybeAuthenticated};
pub use login::{LoginForm, LoginJson, LoginRequest};
pub use path::IdPath;
pub use refresh::{LogoutJson, LogoutRequest, RefreshForm, RefreshJson, RefreshRequest};
pub use requester::{IDEMPOTENCY_KEY, IdempotencyKey, IdempotencyKeyHeader, Requester};
