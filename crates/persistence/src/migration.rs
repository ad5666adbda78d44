//! The embedded migrations, and the code that applies them.
//!
//! Migrations always run under a lock of the database: of many nodes that start at once, one migrates and the others
//! wait. diesel has no such lock.

mod marking;
mod plan;
mod script;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use diesel::{
    ConnectionError, RunQueryDsl, SqliteConnection,
    backend::Backend,
    connection::SimpleConnection,
    dsl::sql,
    migration::{Migration, MigrationSource},
    mysql::Mysql,
    pg::Pg,
    select,
    sql_types::{BigInt, Nullable},
    sqlite::Sqlite,
};
use diesel_async::{AsyncPgConnection, async_connection_wrapper::AsyncConnectionWrapper};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use thiserror::Error;
use tokio::runtime::Handle;

pub use self::plan::Target;
use self::{
    marking::{Marking, MysqlConnection},
    plan::{Direction, Plan},
};
use crate::{
    DatabaseUrl,
    connect::{self, ConnectFailure},
    database_url::ServerUrl,
    sqlite::{self, Access},
};

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const MYSQL: EmbeddedMigrations = embed_migrations!("../../migrations/mysql");

/// The time after which a lock error means that the lock is held: the timeout of the lock, less the difference of
/// clocks.
const PATIENCE: Duration = Duration::from_secs(59);
/// A process that has waited for a minute should report it rather than wait indefinitely.
const SQLITE_PATIENCE: &str = "PRAGMA busy_timeout = 60000";
/// The number is "keepston" in ASCII. Any constant works, as long as no other program in this database uses it.
const POSTGRES_LOCK: &str = "SET lock_timeout = '60s'; SELECT pg_advisory_lock(7738135655979085678)";
/// Hashed, because lock names are shared by all databases of a server and are limited in length.
const MYSQL_LOCK: &str = "GET_LOCK(CONCAT('keepstone:', MD5(DATABASE())), 60)";

/// The reason why the schema could not be read or changed.
#[derive(Debug, Error)]
pub enum MigrationError {
    /// The database is unreachable, or denied access.
    #[error("the database cannot be used: {0}")]
    Unavailable(String),
    /// Another process is migrating.
    #[error("another process has been migrating this database for over a minute; try again when it has finished")]
    Busy,
    /// The target does not exist in this database, or cannot be reached. Nothing has been changed.
    #[error("{0}")]
    Target(String),
    /// The database has these migrations, which this program does not know. Nothing has been changed.
    #[error(
        "a newer program has changed this database, by the migrations {}, which this one does not know: use the \
         program that made them",
        .0.join(", ")
    )]
    Newer(Vec<String>),
    /// A migration failed. On SQLite and PostgreSQL nothing of it has been applied.
    #[error("migration {name}: {cause}")]
    Failed {
        /// The full name of the migration.
        name: String,
        /// The error of the database.
        cause: String,
    },
}

impl From<diesel::result::Error> for MigrationError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<ConnectFailure> for MigrationError {
    fn from(failure: ConnectFailure) -> Self {
        Self::Unavailable(format!("{}: {failure}", failure.place()))
    }
}

impl From<ConnectionError> for MigrationError {
    fn from(error: ConnectionError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// A migration that this program knows, or that was applied to this database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// The full name, `<date>-<number>_<description>`; only the number if this program does not know the migration.
    pub name: String,
    /// Whether the migration is applied to this database.
    pub is_applied: bool,
    /// Whether this program knows the migration.
    pub is_known: bool,
}

#[derive(Debug, Clone)]
enum Database {
    Sqlite(String),
    Postgres(Box<ServerUrl>),
    Mysql(Box<ServerUrl>),
}

/// Changes the schema of a database. All work runs on a blocking thread.
pub struct Migrator {
    database: Database,
    known_versions: Vec<String>,
}

impl Migrator {
    /// Creates a migrator for a database that is not open. It creates no file. A database in memory is always a new
    /// one.
    #[must_use]
    pub fn of(url: &DatabaseUrl) -> Self {
        match url {
            DatabaseUrl::SqliteFile(path) => Self::sqlite(&path.to_string_lossy()),
            DatabaseUrl::SqliteMemory => Self::sqlite(":memory:"),
            DatabaseUrl::Postgres(server) => Self::new(Database::Postgres(Box::new(server.clone()))),
            DatabaseUrl::Mysql(server) => Self::new(Database::Mysql(Box::new(server.clone()))),
        }
    }

    pub(crate) fn sqlite(name: &str) -> Self {
        Self::new(Database::Sqlite(name.to_owned()))
    }

    fn new(database: Database) -> Self {
        // The three folders hold the same names, so any of them provides the versions.
        let known = MigrationSource::<Sqlite>::migrations(&SQLITE).unwrap_or_default();
        Self {
            database,
            known_versions: known.iter().map(|migration| migration.name().version().to_string()).collect(),
        }
    }

    /// Returns the versions of the embedded migrations, as the database stores them.
    pub(crate) fn known_versions(&self) -> &[String] {
        &self.known_versions
    }

    /// Applies the migrations up to the target, oldest first, and returns them.
    ///
    /// # Errors
    /// See [`MigrationError`]; migrations before the one that failed stay applied, except on SQLite.
    pub async fn upgrade(&self, target: Target) -> Result<Vec<MigrationState>, MigrationError> {
        self.follow(Plan { direction: Direction::Up, target }).await
    }

    /// Reverts the migrations after the target, newest first, and returns them. Their data is lost.
    ///
    /// # Errors
    /// See [`MigrationError`].
    pub async fn downgrade(&self, target: Target) -> Result<Vec<MigrationState>, MigrationError> {
        self.follow(Plan { direction: Direction::Down, target }).await
    }

    async fn follow(&self, plan: Plan) -> Result<Vec<MigrationState>, MigrationError> {
        self.blocking(move |database| database.follow(&plan)).await
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
    /// Connects, locks, and executes the plan. The lock is released with the connection.
    fn follow(&self, plan: &Plan) -> Result<Vec<MigrationState>, MigrationError> {
        let start = Instant::now();
        // After all this time, an error of the lock means that it is held. The messages are in many languages.
        let busy_or = |error: MigrationError| if start.elapsed() < PATIENCE { error } else { MigrationError::Busy };
        match self {
            Self::Sqlite(name) => {
                let mut connection = connect_sqlite(name)?;
                connection.batch_execute(SQLITE_PATIENCE)?;
                let mut is_locked = false;
                let outcome = connection.exclusive_transaction(|connection| {
                    is_locked = true;
                    follow::<Sqlite>(plan, connection, &SQLITE)
                });
                outcome.map_err(|error| if is_locked { error } else { busy_or(error) })
            }
            Self::Postgres(server) => {
                let mut connection = connect_postgres(server)?;
                connection.batch_execute(POSTGRES_LOCK).map_err(|error| busy_or(error.into()))?;
                follow::<Pg>(plan, &mut connection, &POSTGRES)
            }
            Self::Mysql(server) => {
                let mut connection = connect_mysql(server)?;
                let lock = select(sql::<Nullable<BigInt>>(MYSQL_LOCK));
                if lock.get_result::<Option<i64>>(&mut connection)? != Some(1) {
                    return Err(MigrationError::Busy);
                }
                follow::<Mysql>(plan, &mut Marking(&mut connection), &MYSQL)
            }
        }
    }
}

fn connect_sqlite(name: &str) -> Result<SqliteConnection, MigrationError> {
    let path = Path::new(name);
    if path.exists() {
        sqlite::examine(path, Access::Write)?;
    }
    Ok(sqlite::establish_blocking(name)?)
}

/// Connects on a blocking thread.
fn connect_postgres(server: &ServerUrl) -> Result<AsyncConnectionWrapper<AsyncPgConnection>, MigrationError> {
    Ok(Handle::current().block_on(connect::postgres(server))?.into())
}

/// Connects on a blocking thread.
fn connect_mysql(server: &ServerUrl) -> Result<MysqlConnection, MigrationError> {
    Ok(Handle::current().block_on(connect::mysql(server))?.into())
}

fn follow<DB: Backend>(
    plan: &Plan,
    harness: &mut impl MigrationHarness<DB>,
    source: &impl MigrationSource<DB>,
) -> Result<Vec<MigrationState>, MigrationError> {
    let unavailable = |error: BoxedError| MigrationError::Unavailable(error.to_string());
    let applied = harness.applied_migrations().map_err(unavailable)?;
    let applied: Vec<_> = applied.iter().map(ToString::to_string).collect();
    let migrations = source.migrations().map_err(unavailable)?;
    let names: Vec<_> = migrations.iter().map(|migration| migration.name().to_string()).collect();
    let states = plan::states(names.iter().map(String::as_str), &applied);

    let is_applied = plan.direction == Direction::Up;
    let mut changed = Vec::new();
    for name in plan.steps(&states)? {
        // Every step is a migration of `source`.
        let Some(migration) = migrations.iter().find(|migration| migration.name().to_string() == name) else {
            continue;
        };
        let outcome = match plan.direction {
            Direction::Up => harness.run_migration(migration),
            Direction::Down => harness.revert_migration(migration),
        };
        outcome.map_err(|error| failed(migration, &error))?;
        changed.push(MigrationState { name, is_applied, is_known: true });
    }
    Ok(changed)
}

fn failed<DB: Backend>(migration: &dyn Migration<DB>, cause: &BoxedError) -> MigrationError {
    MigrationError::Failed { name: migration.name().to_string(), cause: cause.to_string() }
}
