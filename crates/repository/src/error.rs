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
    /// Others were changing the same rows (a deadlock, a lock that did not come free); the same work may succeed at
    /// once.
    #[error("others were changing the same rows: {0}")]
    Contention(String),
    /// The database did not answer, or could not do it now: a lost connection, a full disk, tables that are not there
    /// yet. The same work may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database and this program disagree about a value. Trying again will not help.
    #[error("the database and this program disagree: {0}")]
    Corrupt(String),
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
