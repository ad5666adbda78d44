//! Storage errors: few variants, the same for every database.

use thiserror::Error;

/// The result of a storage operation.
pub type Result<T, E = StorageError> = std::result::Result<T, E>;

/// The error of a storage operation. After any of these the transaction can only be rolled back.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StorageError {
    /// A row with the same unique key exists.
    #[error("{key:?} is taken")]
    Duplicate {
        /// The key.
        key: UniqueKey,
    },
    /// The database rolled back the transaction because of concurrent ones, as shown by the error code (a serialization
    /// failure). This is certain even if the COMMIT failed; an immediate retry may succeed.
    #[error("the database rolled back the transaction because of concurrent ones: {0}")]
    Contention(String),
    /// The database did not answer, or could not execute the statement now: a deadlock, a lock timeout, a lost
    /// connection, a full disk, missing tables. The drivers do not distinguish these. A later retry may succeed.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database and this program disagree about a value. Retrying does not help.
    #[error("the database and this program disagree: {0}")]
    Corrupt(String),
}

impl StorageError {
    /// Whether a retry may succeed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Contention(_) | Self::Unavailable(_))
    }
}

/// A unique key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UniqueKey {
    /// The e-mail address of a user who is not deleted.
    Email,
    /// The user name of a user who is not deleted.
    Username,
    /// An id or a digest. A duplicate is a defect, not an error of the caller.
    Other,
}
