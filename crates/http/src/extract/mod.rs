//! What handlers ask for by type: the caller, a checked body, an id of the path. Their errors are problems.

mod body;
mod caller;
mod path;

pub use body::{LoginBody, LoginRequest, Valid};
pub use caller::{Authenticated, MaybeAuthenticated};
pub use path::IdPath;
