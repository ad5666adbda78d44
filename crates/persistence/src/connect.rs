//! The only place that connects to servers, for pools, migrations and diagnostics.

mod failure;
mod mysql;
mod postgres;

use std::time::Duration;

use diesel_async::{AsyncMysqlConnection, AsyncPgConnection};

pub use failure::{Cause, ConnectFailure};

use crate::{
    database_url::{DatabaseUrl, ServerUrl},
    sqlite::{self, Access},
};

/// The maximum time to establish a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(4);

/// Connects to PostgreSQL.
pub(crate) async fn postgres(server: &ServerUrl) -> Result<AsyncPgConnection, ConnectFailure> {
    in_time(server, postgres::connect(server)).await
}

/// Connects to MySQL or MariaDB.
pub(crate) async fn mysql(server: &ServerUrl) -> Result<AsyncMysqlConnection, ConnectFailure> {
    in_time(server, mysql::connect(server)).await
}

/// Connects once and disconnects, to check that it works. A missing SQLite file is not a failure.
///
/// # Errors
/// Returns the cause of the failure.
pub async fn probe(url: &DatabaseUrl) -> Result<(), ConnectFailure> {
    match url {
        DatabaseUrl::SqliteFile(path) if path.exists() => sqlite::examine(path, Access::Write),
        DatabaseUrl::SqliteFile(_) | DatabaseUrl::SqliteMemory => Ok(()),
        DatabaseUrl::Postgres(server) => postgres(server).await.map(drop),
        DatabaseUrl::Mysql(server) => mysql(server).await.map(drop),
    }
}

async fn in_time<C>(
    server: &ServerUrl,
    connection: impl Future<Output = Result<C, ConnectFailure>>,
) -> Result<C, ConnectFailure> {
    let limit = server.session().connect_timeout.map_or(CONNECT_LIMIT, |asked| asked.min(CONNECT_LIMIT));
    match tokio::time::timeout(limit, connection).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => Err(ConnectFailure::new(server, Cause::Silent)),
    }
}
