//! Every way in which a use case can end other than well. The adapters map each to their own answer, exhaustively.

use std::time::Duration;

use keepstone_auth::error::{IssueError, PasswordError, PolicyViolation, TokenError};
use keepstone_repository::{StorageError, UniqueKey};
use thiserror::Error;

use crate::Decision;

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a use case did not do as asked. The texts are for the person who asked; causes inside are for the log.
#[derive(Debug, Error)]
pub enum Error {
    /// Somebody signs up with an address that has an account.
    #[error("Email already registered")]
    EmailAlreadyRegistered,
    /// An account is given an address that another has.
    #[error("Email already registered")]
    EmailTaken,
    /// An account is given a user name that another has.
    #[error("Username already in use")]
    UsernameTaken,
    /// A password may not be set.
    #[error("the password {0}")]
    Password(#[from] PolicyViolation),
    /// The caller changes a password where that is not possible.
    #[error("the password cannot be changed here")]
    PasswordNotChangeable,
    /// There is no such role.
    #[error("there is no such role")]
    UnknownRole,
    /// Wrong password or unknown account: the two are not told apart.
    #[error("Invalid email or password")]
    InvalidCredentials,
    /// The right password of a deactivated account.
    #[error("This account is deactivated")]
    UserInactive,
    /// The access token is not one of ours.
    #[error("Invalid or expired token")]
    TokenInvalid,
    /// The access token is too old.
    #[error("Invalid or expired token")]
    TokenExpired,
    /// The session or the account behind the token has ended.
    #[error("Invalid or expired token")]
    TokenRevoked,
    /// Nothing tells who asks.
    #[error("Not authenticated")]
    NotAuthenticated,
    /// A consumed refresh token was used again, and its session has ended.
    #[error("The refresh token was used before; its session has ended")]
    RefreshTokenReused,
    /// What was given as the current password is not it.
    #[error("The current password is wrong")]
    CurrentPasswordInvalid,
    /// Changing the address needs the current password, and none was sent.
    #[error("Send current_password to change the e-mail address")]
    CurrentPasswordRequired,
    /// The caller has no such session that lives.
    #[error("Session not found")]
    SessionNotFound,
    /// The caller may not do this.
    #[error("Insufficient permissions")]
    InsufficientPermissions,
    /// Nobody can sign up here.
    #[error("Registration is closed")]
    RegistrationClosed,
    /// There is no such user, or none that the caller may know of.
    #[error("User not found")]
    UserNotFound,
    /// There is no such item.
    #[error("Item not found")]
    ItemNotFound,
    /// There is no such job.
    #[error("Job not found")]
    JobNotFound,
    /// The job is done, or somebody is at it.
    #[error("Only a job that is dead or waits can be tried again")]
    JobNotRetryable,
    /// A token from an e-mail is none of ours, too old, used up, or not the newest.
    #[error("This link has expired, was used before, or is not the newest one")]
    MailTokenInvalid,
    /// Nobody carries e-mails here.
    #[error("No e-mails are sent here: the operator has not configured a mail server")]
    MailOff,
    /// The last active administrator has to stay one.
    #[error("The last active administrator cannot be deleted, deactivated or given another role")]
    LastAdmin,
    /// The thing has changed since the caller saw it.
    #[error("It has changed since: fetch it again")]
    PreconditionFailed,
    /// The same idempotency key came with another body before.
    #[error("This Idempotency-Key was used for another request body")]
    IdempotencyKeyReused,
    /// The same request, with the same idempotency key, is being answered.
    #[error("The same request is being answered; try again in a moment")]
    IdempotencyInProgress,
    /// It was asked for too often; nothing was done.
    #[error("Too many requests")]
    TooManyRequests(Decision),
    /// More passwords are to be hashed than can be; none was.
    #[error("The server is busy")]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The database does not answer; the cause is for the log.
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
                tracing::debug!(%fault, "refused a token");
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
