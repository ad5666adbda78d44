//! One connection, to whichever database is open. A query is written once, inside [`on!`].

use diesel::result::{Error, QueryResult};
use diesel_async::{
    AnsiTransactionManager, AsyncMysqlConnection, AsyncPgConnection, TransactionManager,
    pooled_connection::deadpool::Object, sync_connection_wrapper::SyncTransactionManagerWrapper,
};

use crate::sqlite::{self, AsyncSqliteConnection};

/// A connection on loan from its pool.
#[expect(clippy::large_enum_variant, reason = "there are as many as requests under way, each in a box already")]
pub enum Connection {
    Sqlite(Object<AsyncSqliteConnection>),
    Postgres(Object<AsyncPgConnection>),
    Mysql(Object<AsyncMysqlConnection>),
    /// It was in a state that nobody else should meet, and has been closed.
    Closed,
}

/// Runs one query on whichever database is open, and classifies its error.
///
/// The arms give diesel concrete types, so queries need no generic bounds and are type-checked for each database. The
/// first argument is a [`DieselRepositories`](crate::repositories::DieselRepositories).
///
/// With two queries, the first is for SQLite and the second for servers.
macro_rules! on {
    ($repositories:expr, |$connection:ident| $query:expr) => {
        $crate::connection::on!($repositories, |$connection| $query, |$connection| $query)
    };
    ($repositories:expr, |$connection:ident| $sqlite:expr, |$same:ident| $query:expr) => {{
        let repositories = &mut *$repositories;
        let outcome = match repositories.start() {
            $crate::connection::Connection::Sqlite(connection) => {
                let $connection = &mut **connection;
                $sqlite
            }
            $crate::connection::Connection::Postgres(connection) => {
                let $same = &mut **connection;
                $query
            }
            $crate::connection::Connection::Mysql(connection) => {
                let $same = &mut **connection;
                $query
            }
            $crate::connection::Connection::Closed => Err($crate::connection::closed()),
        };
        repositories.finish(outcome)
    }};
}
pub(crate) use on;

type SqliteTransactions = SyncTransactionManagerWrapper<diesel::connection::AnsiTransactionManager>;

impl Connection {
    /// Opens a transaction: on SQLite with the write lock, on servers in their `READ COMMITTED`.
    pub async fn begin(&mut self) -> QueryResult<()> {
        match self {
            Self::Sqlite(connection) => sqlite::begin(connection).await,
            Self::Postgres(connection) => AnsiTransactionManager::begin_transaction(&mut **connection).await,
            Self::Mysql(connection) => AnsiTransactionManager::begin_transaction(&mut **connection).await,
            Self::Closed => Err(closed()),
        }
    }

    pub async fn commit(&mut self) -> QueryResult<()> {
        match self {
            Self::Sqlite(connection) => SqliteTransactions::commit_transaction(&mut **connection).await,
            Self::Postgres(connection) => AnsiTransactionManager::commit_transaction(&mut **connection).await,
            Self::Mysql(connection) => AnsiTransactionManager::commit_transaction(&mut **connection).await,
            Self::Closed => Err(closed()),
        }
    }

    pub async fn rollback(&mut self) -> QueryResult<()> {
        match self {
            Self::Sqlite(connection) => SqliteTransactions::rollback_transaction(&mut **connection).await,
            Self::Postgres(connection) => AnsiTransactionManager::rollback_transaction(&mut **connection).await,
            Self::Mysql(connection) => AnsiTransactionManager::rollback_transaction(&mut **connection).await,
            Self::Closed => Err(closed()),
        }
    }

    /// Takes the connection out of its pool and closes it, which ends its transaction and frees its locks.
    pub fn close(&mut self) {
        match std::mem::replace(self, Self::Closed) {
            Self::Sqlite(connection) => drop(Object::take(connection)),
            Self::Postgres(connection) => drop(Object::take(connection)),
            Self::Mysql(connection) => drop(Object::take(connection)),
            Self::Closed => {}
        }
    }
}

/// What a statement on a closed connection meets.
pub const fn closed() -> Error {
    Error::BrokenTransactionManager
}
