//! The errors that this crate returns.
//!
//! No message ever contains a password, a hash, a key or a token.

mod password;
mod session;
mod token;

use thiserror::Error;

pub use password::{PasswordError, PolicyViolation, Refusal, SchemeError};
pub use session::{OpenError, RefreshError, SessionPolicyError};
pub use token::{IssueError, KeyError, KeyFolderError, RemoteError, SetupError, TokenError, TokenFault};

/// An invalid permission or role table.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PermissionError {
    /// Not `resource:action` in lower case.
    #[error("`{0}` is not a valid permission; expected `resource:action` with a-z 0-9 _ -")]
    Permission(String),
    /// Not 1 to 32 characters of `a-z 0-9 _ -`, ignoring case.
    #[error("`{0}` is not a valid role name; use 1 to 32 of a-z 0-9 _ -")]
    RoleName(String),
    /// The table contains a role twice (role names are case-insensitive).
    #[error("the role `{0}` is defined twice")]
    DuplicateRole(String),
    /// The role has no permissions, which is usually a configuration mistake.
    #[error("the role `{0}` has no permissions")]
    EmptyRole(String),
}
