//! What can go wrong with storage: few facts, on every database the same.

use thiserror::Error;

/// The result of a storage operation.
pub type Result<T, E = StorageError> = std::result::Result<T, E>;

/// Why storage did not do as asked. After any of these the transaction can only be rolled back.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StorageError {
    /// Something with the same unique key exists.
    #[error("{key:?} is taken")]
    Duplicate {
        /// Which key.
        key: UniqueKey,
    },
    /// The database has undone the transaction because of others, and says so by its code (a serialization failure).
    /// This is certain even if the COMMIT failed; the same work may succeed at once.
    #[error("the database undid the transaction because of others: {0}")]
    Contention(String),
    /// The database did not answer, or could not do it now: a deadlock, a lock that did not become free, a lost
    /// connection, a full disk, missing tables. The drivers do not tell these apart. The same work may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database and this program disagree about a value. Trying again will not help.
    #[error("the database and this program disagree: {0}")]
    Corrupt(String),
}

impl StorageError {
    /// Whether the same work may succeed when it is tried again.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Contention(_) | Self::Unavailable(_))
    }
}

/// What may exist only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UniqueKey {
    /// The e-mail address of a user who is not deleted.
    Email,
    /// The user name of a user who is not deleted.
    Username,
    /// An id or a digest: a clash is a defect, not a choice of the caller's.
    Other,
}
