//! The migrations, carried in the binary, and what applies them.
//!
//! Always under a lock that the database itself holds, so that of many nodes starting at once one migrates and the
//! others wait. diesel has none.

mod marking;
mod script;

use diesel::{
    Connection, ConnectionError, RunQueryDsl,
    backend::Backend,
    connection::SimpleConnection,
    dsl::sql,
    migration::{Migration, MigrationSource, MigrationVersion},
    mysql::Mysql,
    pg::Pg,
    result::Error::DatabaseError,
    select,
    sql_types::{BigInt, Nullable},
    sqlite::Sqlite,
};
use diesel_async::{AsyncPgConnection, async_connection_wrapper::AsyncConnectionWrapper};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use thiserror::Error;

use self::marking::{Marking, MysqlConnection};
use crate::{DatabaseUrl, sqlite};

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const MYSQL: EmbeddedMigrations = embed_migrations!("../../migrations/mysql");

/// Whoever waits longer than a minute for the others should be told so rather than wait for ever.
const SQLITE_PATIENCE: &str = "PRAGMA busy_timeout = 60000";
/// The number is "keepston" in ASCII: any constant does, as long as nobody else in this database uses it.
const POSTGRES_LOCK: &str = "SET lock_timeout = '60s'; SELECT pg_advisory_lock(7738135655979085678)";
/// Hashed, because the names of locks are shared by all databases of a server and may not be long.
const MYSQL_LOCK: &str = "GET_LOCK(CONCAT('keepstone:', MD5(DATABASE())), 60)";

/// Why the schema could not be changed, or looked at.
#[derive(Debug, Error)]
pub enum MigrationError {
    /// The database could not be reached, or does not let us.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// Somebody else is migrating.
    #[error("another process has been migrating this database for over a minute; try again when it is done")]
    Busy,
    /// A migration did not run to its end. On SQLite and PostgreSQL nothing of it has happened.
    #[error("migration {name}: {cause}")]
    Failed {
        /// Its whole name.
        name: String,
        /// What the database said.
        cause: String,
    },
}

impl From<diesel::result::Error> for MigrationError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<ConnectionError> for MigrationError {
    fn from(error: ConnectionError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// One migration that this program knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// Its whole name: `<date>-<number>_<what it does>`.
    pub name: String,
    /// Whether this database has it.
    pub is_applied: bool,
}

#[derive(Debug, Clone)]
enum Database {
    Sqlite(String),
    Postgres(String),
    Mysql(String),
}

#[derive(Debug, Clone, Copy)]
enum Plan {
    Upgrade(usize),
    Downgrade(usize),
}

/// Changes the schema of one database. Everything runs on a thread that may block.
pub struct Migrator {
    database: Database,
    known_versions: Vec<String>,
}

impl Migrator {
    /// For a look at a database that is not open: it makes no file. A database in memory is always a new one.
    #[must_use]
    pub fn of(url: &DatabaseUrl) -> Self {
        match url {
            DatabaseUrl::SqliteFile(path) => Self::sqlite(&path.to_string_lossy()),
            DatabaseUrl::SqliteMemory => Self::sqlite(":memory:"),
            DatabaseUrl::Postgres(url) => Self::postgres(url),
            DatabaseUrl::Mysql(url) => Self::mysql(url),
        }
    }

    pub(crate) fn sqlite(name: &str) -> Self {
        Self::new(Database::Sqlite(name.to_owned()))
    }

    pub(crate) fn postgres(url: &str) -> Self {
        Self::new(Database::Postgres(url.to_owned()))
    }

    pub(crate) fn mysql(url: &str) -> Self {
        Self::new(Database::Mysql(url.to_owned()))
    }

    fn new(database: Database) -> Self {
        // The three folders hold the same names, so any of them tells the versions.
        let known = MigrationSource::<Sqlite>::migrations(&SQLITE).unwrap_or_default();
        Self {
            database,
            known_versions: known.iter().map(|migration| migration.name().version().to_string()).collect(),
        }
    }

    /// The versions of the migrations that this program carries, as the database lists them.
    pub(crate) fn known_versions(&self) -> &[String] {
        &self.known_versions
    }

    /// Applies up to `count` of the migrations that are missing, oldest first, and gives those it applied.
    ///
    /// # Errors
    /// See [`MigrationError`]; migrations before the one that failed stay applied, except on SQLite.
    pub async fn upgrade(&self, count: usize) -> Result<Vec<MigrationState>, MigrationError> {
        self.follow(Plan::Upgrade(count)).await
    }

    /// Takes back up to `count` of the applied migrations, newest first, and gives those it took back. Their data is
    /// gone.
    ///
    /// # Errors
    /// See [`MigrationError`].
    pub async fn downgrade(&self, count: usize) -> Result<Vec<MigrationState>, MigrationError> {
        self.follow(Plan::Downgrade(count)).await
    }

    async fn follow(&self, plan: Plan) -> Result<Vec<MigrationState>, MigrationError> {
        self.blocking(move |database| database.follow(plan)).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(Database) -> Result<T, MigrationError> + Send + 'static,
    ) -> Result<T, MigrationError> {
        let database = self.database.clone();
        tokio::task::spawn_blocking(move || work(database))
            .await
            .unwrap_or_else(|error| Err(MigrationError::Unavailable(error.to_string())))
    }
}

impl Database {
    /// Connects, locks, and follows the plan. The lock goes with the connection.
    fn follow(&self, plan: Plan) -> Result<Vec<MigrationState>, MigrationError> {
        match self {
            Self::Sqlite(name) => {
                let mut connection = sqlite::establish_blocking(name)?;
                connection.batch_execute(SQLITE_PATIENCE)?;
                connection.exclusive_transaction(|connection| follow::<Sqlite>(plan, connection, &SQLITE)).map_err(
                    |error| match error {
                        MigrationError::Unavailable(words) if words.contains("is locked") => MigrationError::Busy,
                        other => other,
                    },
                )
            }
            Self::Postgres(url) => {
                let mut connection = AsyncConnectionWrapper::<AsyncPgConnection>::establish(url)?;
                connection.batch_execute(POSTGRES_LOCK).map_err(|error| match error {
                    DatabaseError(_, info) if info.message().contains("lock timeout") => MigrationError::Busy,
                    other => other.into(),
                })?;
                follow::<Pg>(plan, &mut connection, &POSTGRES)
            }
            Self::Mysql(url) => {
                let mut connection = MysqlConnection::establish(url)?;
                let lock = select(sql::<Nullable<BigInt>>(MYSQL_LOCK));
                if lock.get_result::<Option<i64>>(&mut connection)? != Some(1) {
                    return Err(MigrationError::Busy);
                }
                follow::<Mysql>(plan, &mut Marking(&mut connection), &MYSQL)
            }
        }
    }
}

fn follow<DB: Backend>(
    plan: Plan,
    harness: &mut impl MigrationHarness<DB>,
    source: &impl MigrationSource<DB>,
) -> Result<Vec<MigrationState>, MigrationError> {
    let unavailable = |error: BoxedError| MigrationError::Unavailable(error.to_string());
    let applied = harness.applied_migrations().map_err(unavailable)?;
    let mut migrations = source.migrations().map_err(unavailable)?;
    migrations.sort_by_key(|migration| migration.name().version().as_owned());
    let is_applied = |version: &MigrationVersion<'_>| applied.contains(&version.as_owned());

    let mut states = Vec::new();
    match plan {
        Plan::Upgrade(count) => {
            for migration in migrations.iter().filter(|migration| !is_applied(&migration.name().version())).take(count)
            {
                harness.run_migration(migration).map_err(|error| failed(migration, &error))?;
                states.push(state(migration, true));
            }
        }
        Plan::Downgrade(count) => {
            for migration in
                migrations.iter().rev().filter(|migration| is_applied(&migration.name().version())).take(count)
            {
                harness.revert_migration(migration).map_err(|error| failed(migration, &error))?;
                states.push(state(migration, false));
            }
        }
    }
    Ok(states)
}

fn state<DB: Backend>(migration: &dyn Migration<DB>, is_applied: bool) -> MigrationState {
    MigrationState { name: migration.name().to_string(), is_applied }
}

fn failed<DB: Backend>(migration: &dyn Migration<DB>, cause: &BoxedError) -> MigrationError {
    MigrationError::Failed { name: migration.name().to_string(), cause: cause.to_string() }
}
