//! Every error this crate returns, in one place, so that a caller maps them to its own answers once.
//! The rule: no message ever contains a password, a hash, a key or a token.

mod password;
mod session;
mod token;

use thiserror::Error;

pub use password::{PasswordError, PolicyViolation, Refusal, SchemeError};
pub use session::{OpenError, RefreshError, SessionPolicyError};
pub use token::{IssueError, KeyError, KeyFolderError, RemoteError, SetupError, TokenError, TokenFault};

/// Why a permission or a set of roles is unusable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PermissionError {
    /// Not `resource:action` in lower case.
    #[error("`{0}` is no permission: write `resource:action` with a-z 0-9 _ -")]
    Permission(String),
    /// Not 1 to 32 characters of `a-z 0-9 _ -`, whatever its case.
    #[error("`{0}` is no role name: use 1 to 32 of a-z 0-9 _ -")]
    RoleName(String),
    /// The same role twice (role names are compared without case).
    #[error("the role `{0}` is defined twice")]
    DuplicateRole(String),
    /// A role that may do nothing, which is a mistake in a configuration more often than a wish.
    #[error("the role `{0}` has no permissions")]
    EmptyRole(String),
}
