//! Every failure of a use case. Each adapter maps each variant to its own response, exhaustively.

use std::time::Duration;

use keepstone_auth::error::{IssueError, PasswordError, PolicyViolation, TokenError};
use keepstone_repository::{StorageError, UniqueKey};
use thiserror::Error;

use crate::Decision;

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a use case failed. The texts are for the caller; the sources are for the log.
#[derive(Debug, Error)]
pub enum Error {
    /// A sign-up uses an address that already has an account.
    #[error("Email already registered")]
    EmailAlreadyRegistered,
    /// Another account has this address.
    #[error("Email already registered")]
    EmailTaken,
    /// Another account has this user name.
    #[error("Username already in use")]
    UsernameTaken,
    /// The password violates the policy.
    #[error("the password {0}")]
    Password(#[from] PolicyViolation),
    /// The password cannot be changed by this operation.
    #[error("the password cannot be changed here")]
    PasswordNotChangeable,
    /// The role is not configured.
    #[error("there is no such role")]
    UnknownRole,
    /// Wrong password or unknown account, deliberately not distinguished.
    #[error("Invalid email or password")]
    InvalidCredentials,
    /// The password is right, but the account is deactivated.
    #[error("This account is deactivated")]
    UserInactive,
    /// The access token was not issued by this server.
    #[error("Invalid or expired token")]
    TokenInvalid,
    /// The access token has expired.
    #[error("Invalid or expired token")]
    TokenExpired,
    /// The session or the account behind the token has ended.
    #[error("Invalid or expired token")]
    TokenRevoked,
    /// The request has no credentials.
    #[error("Not authenticated")]
    NotAuthenticated,
    /// A consumed refresh token was used again, and its session has ended.
    #[error("The refresh token was used before; its session has ended")]
    RefreshTokenReused,
    /// The current password is incorrect.
    #[error("The current password is incorrect")]
    CurrentPasswordInvalid,
    /// Changing the address requires the current password, which is missing.
    #[error("Send current_password to change the e-mail address")]
    CurrentPasswordRequired,
    /// The caller has no live session with this ID.
    #[error("Session not found")]
    SessionNotFound,
    /// The caller does not have the required permission.
    #[error("Insufficient permissions")]
    InsufficientPermissions,
    /// Sign-up is closed.
    #[error("Registration is closed")]
    RegistrationClosed,
    /// There is no such user, or the caller may not know of them.
    #[error("User not found")]
    UserNotFound,
    /// There is no such item.
    #[error("Item not found")]
    ItemNotFound,
    /// There is no such job.
    #[error("Job not found")]
    JobNotFound,
    /// The job is done or running.
    #[error("Only dead or waiting jobs can be retried")]
    JobNotRetryable,
    /// A token from an e-mail was not issued by this server, has expired, was used before, or is not the newest.
    #[error("This link has expired, was used before, or is not the newest one")]
    MailTokenInvalid,
    /// E-mail is not configured.
    #[error("E-mail is not configured on this server")]
    MailOff,
    /// The last active administrator must remain one.
    #[error("The last active administrator cannot be deleted, deactivated or given another role")]
    LastAdmin,
    /// The resource has changed since the caller read it.
    #[error("The resource has changed; fetch it again")]
    PreconditionFailed,
    /// The same idempotency key was sent before with another body.
    #[error("This Idempotency-Key was used for another request body")]
    IdempotencyKeyReused,
    /// The same request, with the same idempotency key, is still in progress.
    #[error("The same request is still in progress; retry in a moment")]
    IdempotencyInProgress,
    /// A rate limit was exceeded; nothing was done.
    #[error("Too many requests")]
    TooManyRequests(Decision),
    /// The queue of passwords to hash is full; none was hashed.
    #[error("The server is busy")]
    Overloaded {
        /// The time to wait before a retry.
        retry_after: Duration,
    },
    /// The database does not respond; the cause is for the log.
    #[error("The database is not available")]
    Unavailable(#[source] StorageError),
    /// A defect; the cause is for the log.
    #[error("Internal server error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Duplicate { key: UniqueKey::Email } => Self::EmailTaken,
            StorageError::Duplicate { key: UniqueKey::Username } => Self::UsernameTaken,
            StorageError::Contention(_) | StorageError::Unavailable(_) => Self::Unavailable(error),
            StorageError::Duplicate { key: UniqueKey::Other } | StorageError::Corrupt(_) => {
                Self::Internal(Box::new(error))
            }
        }
    }
}

impl From<PasswordError> for Error {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Overloaded { retry_after } => Self::Overloaded { retry_after },
            PasswordError::Unacceptable(violation) => Self::Password(violation),
            PasswordError::Failed => Self::Internal(Box::new(error)),
        }
    }
}

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => Self::TokenExpired,
            TokenError::Invalid(fault) => {
                tracing::debug!(%fault, "rejected a token");
                Self::TokenInvalid
            }
        }
    }
}

impl From<IssueError> for Error {
    fn from(error: IssueError) -> Self {
        Self::Internal(Box::new(error))
    }
}
