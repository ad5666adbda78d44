//! A connection to any of the databases. A query is written once, inside [`on!`].

use std::time::Duration;

use diesel::result::{DatabaseErrorKind::ClosedConnection, Error, QueryResult};
use diesel_async::{
    AnsiTransactionManager, AsyncMysqlConnection, AsyncPgConnection, TransactionManager,
    pooled_connection::deadpool::Object, sync_connection_wrapper::SyncTransactionManagerWrapper,
};
use tokio::time::timeout;

use crate::sqlite::{self, AsyncSqliteConnection};

/// A connection borrowed from its pool.
#[expect(clippy::large_enum_variant, reason = "there is one for each request in progress, already in a box")]
pub enum Connection {
    Sqlite(Object<AsyncSqliteConnection>),
    Postgres(Object<AsyncPgConnection>),
    Mysql(Object<AsyncMysqlConnection>),
    /// Closed because it was in an unknown state.
    Closed,
}

/// Runs a query on the open database and classifies its error.
///
/// The arms provide concrete types to diesel, so queries need no generic bounds and are type-checked for each database.
/// The first argument is a [`DieselRepositories`](crate::repositories::DieselRepositories).
///
/// With two queries, the first is for SQLite and the second for servers.
macro_rules! on {
    ($repositories:expr, |$connection:ident| $query:expr) => {
        $crate::connection::on!($repositories, |$connection| $query, |$connection| $query)
    };
    ($repositories:expr, |$connection:ident| $sqlite:expr, |$same:ident| $query:expr) => {{
        let repositories = &mut *$repositories;
        let limit = repositories.limit();
        let outcome = match repositories.start() {
            $crate::connection::Connection::Sqlite(connection) => {
                let $connection = &mut **connection;
                $sqlite
            }
            $crate::connection::Connection::Postgres(connection) => {
                let $same = &mut **connection;
                $crate::connection::within(limit, async { $query }).await
            }
            $crate::connection::Connection::Mysql(connection) => {
                let $same = &mut **connection;
                $crate::connection::within(limit, async { $query }).await
            }
            $crate::connection::Connection::Closed => Err($crate::connection::closed()),
        };
        repositories.finish(outcome)
    }};
}
pub(crate) use on;

/// Limits the wait for a server: a stopped server, or one whose packets are lost, would never answer.
pub async fn within<T>(limit: Duration, statement: impl Future<Output = QueryResult<T>>) -> QueryResult<T> {
    match timeout(limit, statement).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => Err(silent()),
    }
}

/// The error of a statement that the server has not answered in time.
fn silent() -> Error {
    Error::DatabaseError(ClosedConnection, Box::new("the server did not answer in time".to_owned()))
}

type SqliteTransactions = SyncTransactionManagerWrapper<diesel::connection::AnsiTransactionManager>;

impl Connection {
    /// Begins a transaction: on SQLite with the write lock, on servers with `READ COMMITTED`.
    pub async fn begin(&mut self, limit: Duration) -> QueryResult<()> {
        match self {
            Self::Sqlite(connection) => sqlite::begin(connection).await,
            Self::Postgres(connection) => {
                within(limit, AnsiTransactionManager::begin_transaction(&mut **connection)).await
            }
            Self::Mysql(connection) => {
                within(limit, AnsiTransactionManager::begin_transaction(&mut **connection)).await
            }
            Self::Closed => Err(closed()),
        }
    }

    pub async fn commit(&mut self, limit: Duration) -> QueryResult<()> {
        match self {
            Self::Sqlite(connection) => SqliteTransactions::commit_transaction(&mut **connection).await,
            Self::Postgres(connection) => {
                within(limit, AnsiTransactionManager::commit_transaction(&mut **connection)).await
            }
            Self::Mysql(connection) => {
                within(limit, AnsiTransactionManager::commit_transaction(&mut **connection)).await
            }
            Self::Closed => Err(closed()),
        }
    }

    pub async fn rollback(&mut self, limit: Duration) -> QueryResult<()> {
        match self {
            Self::Sqlite(connection) => SqliteTransactions::rollback_transaction(&mut **connection).await,
            Self::Postgres(connection) => {
                within(limit, AnsiTransactionManager::rollback_transaction(&mut **connection)).await
            }
            Self::Mysql(connection) => {
                within(limit, AnsiTransactionManager::rollback_transaction(&mut **connection)).await
            }
            Self::Closed => Err(closed()),
        }
    }

    /// Removes the connection from its pool and closes it, which ends its transaction and releases its locks.
    pub fn close(&mut self) {
        match std::mem::replace(self, Self::Closed) {
            Self::Sqlite(connection) => drop(Object::take(connection)),
            Self::Postgres(connection) => drop(Object::take(connection)),
            Self::Mysql(connection) => drop(Object::take(connection)),
            Self::Closed => {}
        }
    }
}

/// The error of a statement on a closed connection.
pub const fn closed() -> Error {
    Error::BrokenTransactionManager
}
