//! From what the databases and the pool say to the few facts of [`StorageError`].

use deadpool::managed::{PoolError, TimeoutType};
use diesel::result::{
    DatabaseErrorInformation, DatabaseErrorKind as Kind,
    Error::{self, DatabaseError},
};
use diesel_async::pooled_connection::PoolError as ConnectError;
use keepstone_repository::{StorageError, UniqueKey};

/// What the databases say when two transactions are in each other's way. diesel keeps no code for these, so their words
/// have to do.
const CONTENTION: [&str; 6] = [
    "database is locked",       // SQLite: SQLITE_BUSY
    "database table is locked", // SQLite: SQLITE_LOCKED
    "deadlock detected",        // PostgreSQL: 40P01
    "due to lock timeout",      // PostgreSQL: 55P03
    "Deadlock found",           // MariaDB, MySQL: 1213
    "Lock wait timeout",        // MariaDB, MySQL: 1205
];

pub fn classify(error: Error) -> StorageError {
    match error {
        DatabaseError(Kind::UniqueViolation, info) => StorageError::Duplicate { key: unique_key(&*info) },
        DatabaseError(Kind::SerializationFailure, info) => StorageError::Contention(info.message().to_owned()),
        DatabaseError(Kind::NotNullViolation | Kind::ForeignKeyViolation | Kind::CheckViolation, info) => {
            StorageError::Corrupt(info.message().to_owned())
        }
        DatabaseError(_, info) if CONTENTION.iter().any(|words| info.message().contains(words)) => {
            StorageError::Contention(info.message().to_owned())
        }
        DatabaseError(_, info) => StorageError::Unavailable(info.message().to_owned()),
        Error::BrokenTransactionManager | Error::RollbackErrorOnCommit { .. } => {
            StorageError::Unavailable(error.to_string())
        }
        other => StorageError::Corrupt(other.to_string()),
    }
}

/// The key is named by its index on servers, by its column on SQLite. MariaDB tells it in a message that quotes the
/// value first, which may say anything.
fn unique_key(info: &(dyn DatabaseErrorInformation + Send + Sync)) -> UniqueKey {
    let text = info.constraint_name().unwrap_or_else(|| info.message());
    let name = text.rsplit(" for key ").next().unwrap_or(text);
    if name.contains("email_key") {
        UniqueKey::Email
    } else if name.contains("username_key") {
        UniqueKey::Username
    } else {
        UniqueKey::Other
    }
}

pub fn classify_pool(error: PoolError<ConnectError>) -> StorageError {
    StorageError::Unavailable(match error {
        PoolError::Timeout(TimeoutType::Wait) => "all connections are in use".to_owned(),
        PoolError::Backend(ConnectError::ConnectionError(error)) => error.to_string(),
        PoolError::Backend(ConnectError::QueryError(error)) => error.to_string(),
        other => other.to_string(),
    })
}
