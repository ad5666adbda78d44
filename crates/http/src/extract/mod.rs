//! Extractors: the caller, a validated body, an id of the path. Their errors are problems.

mod body;
mod caller;
mod form;
mod json;
mod logout;
mod path;
mod requester;
mod token;

pub use body::{BodyLimit, Extraction, Making, Valid};
pub use caller::{Attempted, Authenticated, MaybeAuthenticated};
pub use form::is_form;
pub use logout::{LogoutForm, LogoutJson, LogoutRequest};
pub use path::{IdPath, not_a_uuid};
pub use requester::{IdempotencyKey, IdempotencyKeyHeader, Requester};
pub use token::{GRANT_TYPES, Grant, LoginJson, RefreshJson, TokenForm, TokenRequest};
