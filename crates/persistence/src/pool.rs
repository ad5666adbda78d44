//! The connection pools, and the setup of each connection.
//!
//! Every wait is limited, and shorter than the wait around it: a free connection 2 s, a lock 3 s, a statement 4 s by
//! the server's clock, and [`ANSWER_LIMIT`] by our clock for connection and statement together.

use std::time::{Duration, Instant};

use deadpool::{
    Runtime,
    managed::{self, Timeouts},
};
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::{
    AsyncConnection, AsyncMysqlConnection, AsyncPgConnection, SimpleAsyncConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, PoolError, PoolableConnection, RecyclingMethod,
        deadpool::{Object, Pool},
    },
};
use futures_util::{FutureExt, future::BoxFuture};
use keepstone_repository::{Result, StorageError};
use tokio::time::timeout;

use crate::{
    connect::{self, ConnectFailure},
    connection::Connection,
    database_url::ServerUrl,
    error::classify_pool,
    sqlite::{self, Access, AsyncSqliteConnection},
};

const WAIT_FOR_A_FREE_CONNECTION: Duration = Duration::from_secs(2);
/// The maximum time for acquiring a connection and its first statement together, and for each further statement.
/// Requests are answered within 5 s even if the server has been stopped, or its packets are lost.
pub const ANSWER_LIMIT: Duration = Duration::from_millis(4300);

const POSTGRES_SETUP: &str = "SET TIME ZONE 'UTC'; SET statement_timeout = '4s'; SET lock_timeout = '3s'; \
     SET idle_in_transaction_session_timeout = '15s';";

/// `READ COMMITTED`, which is PostgreSQL's default. MariaDB alone executes the text between `/*M!` and `*/`.
const MYSQL_SETUP: [&str; 2] = [
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET sql_mode = 'TRADITIONAL', innodb_lock_wait_timeout = 3 /*M! , max_statement_time = 4 */",
];

/// The connection pools of a database.
pub enum Pools {
    Sqlite {
        readers: Pool<AsyncSqliteConnection>,
        /// SQLite has one writer at a time. Waiting for it in this pool is fair, unlike waiting inside SQLite.
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

    /// Creates the pool of a database in memory. It cannot have readers beside a writer, so there is a single
    /// connection.
    pub fn sqlite_in_memory(name: &str) -> Result<Self> {
        let only = build(name, 1, |name| sqlite::establish(name, Access::Write).boxed())?;
        Ok(Self::Sqlite { readers: only.clone(), writer: only })
    }

    pub fn postgres(server: &ServerUrl, size: usize) -> Result<Self> {
        let server = server.clone();
        build("", size, move |_url| establish_postgres(server.clone()).boxed()).map(Self::Postgres)
    }

    pub fn mysql(server: &ServerUrl, size: usize) -> Result<Self> {
        let server = server.clone();
        build("", size, move |_url| establish_mysql(server.clone()).boxed()).map(Self::Mysql)
    }

    /// Acquires a connection for reading, and returns how long that took.
    pub async fn reader(&self) -> Result<(Connection, Duration)> {
        match self {
            Self::Sqlite { readers, .. } => acquire(readers, Connection::Sqlite).await,
            Self::Postgres(pool) => acquire(pool, Connection::Postgres).await,
            Self::Mysql(pool) => acquire(pool, Connection::Mysql).await,
        }
    }

    /// Acquires a connection for writing, and returns how long that took.
    pub async fn writer(&self) -> Result<(Connection, Duration)> {
        match self {
            Self::Sqlite { writer, .. } => acquire(writer, Connection::Sqlite).await,
            Self::Postgres(_) | Self::Mysql(_) => self.reader().await,
        }
    }
}

async fn acquire<C>(pool: &Pool<C>, connection: fn(Object<C>) -> Connection) -> Result<(Connection, Duration)>
where
    AsyncDieselConnectionManager<C>: managed::Manager<Type = C, Error = PoolError>,
    C: AsyncConnection + PoolableConnection + 'static,
{
    let start = Instant::now();
    match timeout(ANSWER_LIMIT, pool.get()).await {
        Ok(acquired) => acquired.map(|object| (connection(object), start.elapsed())).map_err(classify_pool),
        Err(_elapsed) => Err(StorageError::Unavailable("the server did not answer in time".to_owned())),
    }
}

/// Builds a pool that does not test its connections: a ping at each check-out would take a third of each request's
/// time. A broken connection is discarded on its first error.
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
        .timeouts(Timeouts { wait: Some(WAIT_FOR_A_FREE_CONNECTION), create: Some(ANSWER_LIMIT), recycle: None })
        .build()
        .map_err(|error| StorageError::Corrupt(error.to_string()))
}

async fn establish_postgres(server: ServerUrl) -> ConnectionResult<AsyncPgConnection> {
    let mut connection = connect::postgres(&server).await.map_err(unavailable)?;
    connection.batch_execute(POSTGRES_SETUP).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

async fn establish_mysql(server: ServerUrl) -> ConnectionResult<AsyncMysqlConnection> {
    let mut connection = connect::mysql(&server).await.map_err(unavailable)?;
    for statement in MYSQL_SETUP {
        connection.batch_execute(statement).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    }
    Ok(connection)
}

fn unavailable(failure: ConnectFailure) -> ConnectionError {
    ConnectionError::BadConnection(failure.to_string())
}
