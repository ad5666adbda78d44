//! The [`Store`] over SQLite, PostgreSQL, MySQL and MariaDB.

use std::{path::Path, sync::Arc, thread::available_parallelism};

use async_trait::async_trait;
use diesel::{IntoSql, QueryDsl, select, sql_types::Integer};
use diesel_async::RunQueryDsl;
use keepstone_repository::{Repositories, Result, StorageError, Store, Transaction};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    DatabaseUrl, Migrator,
    connect::ConnectFailure,
    connection::on,
    pool::Pools,
    repositories::DieselRepositories,
    schema::schema_migrations,
    sqlite::{self, Access, AsyncSqliteConnection},
};

/// A database with its connection pools.
pub struct DieselStore {
    pools: Pools,
    migrator: Migrator,
    work: Arc<Notify>,
    /// Keeps a database in memory alive: it exists as long as a connection to it.
    _anchor: Option<AsyncSqliteConnection>,
}

impl DieselStore {
    /// Opens a database. A missing SQLite file is created, readable by its owner only. A server is contacted only when
    /// the first connection is needed.
    ///
    /// `pool_size` is the maximum number of connections to a server. SQLite has one writer, and one reader per core (at
    /// least two).
    ///
    /// # Errors
    /// [`Unavailable`](StorageError::Unavailable) if the file cannot be created or opened, or is not a database.
    pub async fn open(url: &DatabaseUrl, pool_size: usize) -> Result<Self> {
        let (pools, anchor, migrator) = match url {
            DatabaseUrl::SqliteFile(path) => {
                let name = create(path)?;
                let readers = available_parallelism().map_or(2, |cores| cores.get().max(2));
                (Pools::sqlite(name, readers)?, None, Migrator::sqlite(name))
            }
            DatabaseUrl::SqliteMemory => {
                let name = format!("file:/keepstone-{}?vfs=memdb", Uuid::now_v7());
                let anchor = sqlite::establish(&name, Access::Write)
                    .await
                    .map_err(|error| StorageError::Unavailable(error.to_string()))?;
                (Pools::sqlite_in_memory(&name)?, Some(anchor), Migrator::sqlite(&name))
            }
            DatabaseUrl::Postgres(server) => (Pools::postgres(server, pool_size)?, None, Migrator::of(url)),
            DatabaseUrl::Mysql(server) => (Pools::mysql(server, pool_size)?, None, Migrator::of(url)),
        };
        Ok(Self { pools, migrator, work: Arc::default(), _anchor: anchor })
    }

    /// Returns the migrator of this database.
    #[must_use]
    pub const fn migrator(&self) -> &Migrator {
        &self.migrator
    }

    pub(crate) async fn reader(&self) -> Result<DieselRepositories> {
        Ok(DieselRepositories::new(self.pools.reader().await?, Arc::clone(&self.work)))
    }
}

fn create(path: &Path) -> Result<&str> {
    let name = path
        .to_str()
        .ok_or_else(|| StorageError::Unavailable(format!("the name {} is not valid UTF-8", path.display())))?;
    let failed = |failure: ConnectFailure| StorageError::Unavailable(failure.to_string());
    sqlite::create_file(path).map_err(|error| failed(ConnectFailure::of_file(path, sqlite::cause(path, &error))))?;
    sqlite::examine(path, Access::Write).map_err(failed)?;
    Ok(name)
}

#[async_trait]
impl Store for DieselStore {
    async fn read(&self) -> Result<Box<dyn Repositories>> {
        Ok(Box::new(self.reader().await?))
    }

    async fn write(&self) -> Result<Box<dyn Repositories>> {
        Ok(Box::new(DieselRepositories::new(self.pools.writer().await?, Arc::clone(&self.work))))
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>> {
        let acquired = self.pools.writer().await?;
        Ok(Box::new(DieselRepositories::begin(acquired, Arc::clone(&self.work)).await?))
    }

    async fn job_written(&self) {
        self.work.notified().await;
    }

    async fn ping(&self) -> Result<()> {
        let mut reader = self.reader().await?;
        on!(&mut reader, |conn| select(1_i32.into_sql::<Integer>()).get_result::<i32>(conn).await).map(drop)
    }

    async fn is_migrated(&self) -> Result<bool> {
        let mut reader = self.reader().await?;
        let applied = on!(&mut reader, |conn| {
            schema_migrations::table.select(schema_migrations::version).load::<String>(conn).await
        })?;
        Ok(self.migrator.known_versions().iter().all(|version| applied.contains(version)))
    }
}
