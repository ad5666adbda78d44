//! The pools of connections, and what each connection is told before its first query.
//!
//! Every wait is bounded, and shorter than the one around it: connection 2 s, lock 3 s, statement 5 s.

use std::time::Duration;

use deadpool::{
    Runtime,
    managed::{self, Timeouts},
};
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::{
    AsyncConnection, AsyncMysqlConnection, AsyncPgConnection, SimpleAsyncConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool::Pool},
};
use futures_util::{FutureExt, future::BoxFuture};
use keepstone_repository::{Result, StorageError};

use crate::{
    connection::Connection,
    error::classify_pool,
    sqlite::{self, Access, AsyncSqliteConnection},
};

const WAIT_FOR_A_FREE_CONNECTION: Duration = Duration::from_secs(2);
const WAIT_FOR_A_NEW_CONNECTION: Duration = Duration::from_secs(4);

const POSTGRES_SETUP: &str = "SET TIME ZONE 'UTC'; SET statement_timeout = '5s'; SET lock_timeout = '3s'; \
     SET idle_in_transaction_session_timeout = '15s';";

/// `READ COMMITTED`, as PostgreSQL does by itself. What is between `/*M!` and `*/` is for MariaDB alone.
const MYSQL_SETUP: [&str; 2] = [
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET sql_mode = 'TRADITIONAL', innodb_lock_wait_timeout = 3 /*M! , max_statement_time = 5 */",
];

/// Where connections come from.
pub enum Pools {
    Sqlite {
        readers: Pool<AsyncSqliteConnection>,
        /// SQLite has one writer at a time; waiting for it here is fair, waiting inside SQLite is not.
        writer: Pool<AsyncSqliteConnection>,
    },
    Postgres(Pool<AsyncPgConnection>),
    Mysql(Pool<AsyncMysqlConnection>),
}

impl Pools {
    pub fn sqlite(name: &str, readers: usize) -> Result<Self> {
        let pool = |size, access| build(name, size, move |name| sqlite::establish(name, access).boxed());
        Ok(Self::Sqlite { readers: pool(readers, Access::Read)?, writer: pool(1, Access::Write)? })
    }

    /// A database in memory knows no readers beside a writer, so everything goes over one connection.
    pub fn sqlite_in_memory(name: &str) -> Result<Self> {
        let only = build(name, 1, |name| sqlite::establish(name, Access::Write).boxed())?;
        Ok(Self::Sqlite { readers: only.clone(), writer: only })
    }

    pub fn postgres(url: &str, size: usize) -> Result<Self> {
        build(url, size, |url| establish_postgres(url).boxed()).map(Self::Postgres)
    }

    pub fn mysql(url: &str, size: usize) -> Result<Self> {
        build(url, size, |url| establish_mysql(url).boxed()).map(Self::Mysql)
    }

    /// A connection to look with.
    pub async fn reader(&self) -> Result<Connection> {
        match self {
            Self::Sqlite { readers, .. } => readers.get().await.map(Connection::Sqlite),
            Self::Postgres(pool) => pool.get().await.map(Connection::Postgres),
            Self::Mysql(pool) => pool.get().await.map(Connection::Mysql),
        }
        .map_err(classify_pool)
    }

    /// A connection to change with.
    pub async fn writer(&self) -> Result<Connection> {
        match self {
            Self::Sqlite { writer, .. } => writer.get().await.map(Connection::Sqlite).map_err(classify_pool),
            Self::Postgres(_) | Self::Mysql(_) => self.reader().await,
        }
    }
}

/// A pool that trusts its connections: pinging each at check-out costs a third of all requests, and a broken one is
/// thrown away by whoever meets it.
fn build<C>(
    url: &str,
    size: usize,
    establish: impl Fn(&str) -> BoxFuture<'_, ConnectionResult<C>> + Send + Sync + 'static,
) -> Result<Pool<C>>
where
    AsyncDieselConnectionManager<C>: managed::Manager<Type = C>,
    C: AsyncConnection + 'static,
{
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(establish);
    Pool::builder(AsyncDieselConnectionManager::new_with_config(url, config))
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .timeouts(Timeouts {
            wait: Some(WAIT_FOR_A_FREE_CONNECTION),
            create: Some(WAIT_FOR_A_NEW_CONNECTION),
            recycle: None,
        })
        .build()
        .map_err(|error| StorageError::Corrupt(error.to_string()))
}

async fn establish_postgres(url: &str) -> ConnectionResult<AsyncPgConnection> {
    let mut connection = AsyncPgConnection::establish(url).await?;
    connection.batch_execute(POSTGRES_SETUP).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

async fn establish_mysql(url: &str) -> ConnectionResult<AsyncMysqlConnection> {
    let mut connection = AsyncMysqlConnection::establish(url).await?;
    for statement in MYSQL_SETUP {
        connection.batch_execute(statement).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    }
    Ok(connection)
}
