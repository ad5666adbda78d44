//! Private PostgreSQL, MariaDB, Redis and SMTP servers for tests, a fresh database for each test on one of them, and a
//! browser.
//!
//! The servers come from the programs on this machine, start once per test process and end with it, even if it is
//! killed: see [`Watched`]. Nothing here is for production.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a test that cannot be set up has failed")]

mod authority;
mod browser;
mod mariadb;
mod postgres;
mod programs;
mod received;
mod redis;
mod server;
mod smtp;
mod watched;

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

pub use authority::{Authority, Certificate};
pub use browser::Browser;
pub use received::Received;
pub use server::{Server, ServerOptions};
pub use smtp::{Fault, Smtp, SmtpOptions, SmtpStep};
pub use watched::{Watch, Watched};

static POSTGRES: LazyLock<Server> = LazyLock::new(|| Database::Postgres.server());
static MARIADB: LazyLock<Server> = LazyLock::new(|| Database::Mariadb.server());
static REDIS: LazyLock<Server> = LazyLock::new(redis);

/// A kind of database that Keepstone runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
    Mariadb,
}

impl Database {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Mariadb];

    /// The one that this run tests: `TEST_DATABASE`, or else SQLite.
    #[must_use]
    pub fn chosen() -> Self {
        let Some(name) = programs::variable("TEST_DATABASE") else { return Self::Sqlite };
        let named = Self::ALL.into_iter().find(|database| database.to_string() == name);
        named.unwrap_or_else(|| panic!("TEST_DATABASE={name:?} is not one of sqlite, postgres, mariadb"))
    }

    /// Why this machine cannot test it.
    #[must_use]
    pub fn missing(self) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => programs::missing(postgres::RECIPE.programs),
            Self::Mariadb => programs::missing(mariadb::RECIPE.programs),
        }
    }

    /// Why this machine cannot dump and restore one.
    #[must_use]
    pub fn dump_missing(self) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => programs::missing(&["pg_dump", "pg_restore", "psql"]),
            Self::Mariadb => programs::missing(&["mariadb-dump", "mariadb"]),
        }
    }

    /// A new and empty database on the server that all tests of this process share.
    #[must_use]
    pub fn create(self) -> TestDatabase {
        static CREATED: AtomicUsize = AtomicUsize::new(1);
        let name = format!("test_{}", CREATED.fetch_add(1, Ordering::Relaxed));
        let (url, folder) = match self {
            Self::Sqlite => {
                let folder = tempfile::Builder::new().prefix("keepstone-").tempdir().expect("a temporary folder");
                (format!("sqlite:///{}", folder.path().join("keepstone.db").display()), Some(folder))
            }
            Self::Postgres => (self.create_on(&POSTGRES, &name), None),
            Self::Mariadb => (self.create_on(&MARIADB, &name), None),
        };
        TestDatabase { database: self, name, url, folder }
    }

    /// The address of a new and empty database on this server of `self.server()`.
    #[must_use]
    pub fn create_on(self, server: &Server, name: &str) -> String {
        match self {
            Self::Sqlite => panic!("SQLite has no server"),
            Self::Postgres => postgres::create(server, name),
            Self::Mariadb => mariadb::create(server, name),
        }
    }

    /// A server that a test does not share, to stop and to kill.
    #[must_use]
    pub fn server(self) -> Server {
        self.server_with(&ServerOptions::default())
    }

    /// A server that a test does not share, and that is not the usual one.
    #[must_use]
    pub fn server_with(self, options: &ServerOptions) -> Server {
        match self {
            Self::Sqlite => panic!("SQLite has no server"),
            Self::Postgres => Server::start_with(&postgres::RECIPE, options),
            Self::Mariadb => Server::start_with(&mariadb::RECIPE, options),
        }
    }

    /// Runs statements on this server of `self.server()`, as its administrator, and returns whether that succeeded.
    #[must_use]
    pub fn execute(self, server: &Server, sql: &str) -> bool {
        match self {
            Self::Sqlite => panic!("SQLite has no server"),
            Self::Postgres => postgres::run(server.port, sql),
            Self::Mariadb => mariadb::run(server.port, sql),
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
        })
    }
}

/// A database that belongs to one test, and goes when it is dropped.
pub struct TestDatabase {
    database: Database,
    name: String,
    url: String,
    folder: Option<TempDir>,
}

impl TestDatabase {
    #[must_use]
    pub fn database(&self) -> Database {
        self.database
    }

    /// As `DATABASE_URL` takes it. On servers the user and the password are "keepstone".
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs a statement that returns nothing, by a client of the database's own. (Python has the one of SQLite.)
    pub fn run(&self, sql: &str) {
        const SQLITE: &str = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])";
        let has_run = match self.database {
            Database::Sqlite => {
                let file = self.url.trim_start_matches("sqlite://");
                server::succeeds("python3", &["-c", SQLITE, file, sql], &[])
            }
            Database::Postgres => postgres::run_in(POSTGRES.port, &self.name, sql),
            Database::Mariadb => mariadb::run(MARIADB.port, &format!("USE {}; {sql}", self.name)),
        };
        assert!(has_run, "{sql}");
    }

    /// The folder of `keepstone.db`, with SQLite.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(TempDir::path)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        match self.database {
            Database::Sqlite => {} // goes with its folder
            Database::Postgres => postgres::drop(&POSTGRES, &self.name),
            Database::Mariadb => mariadb::drop(&MARIADB, &self.name),
        }
    }
}

/// Whether a test has to be left out because this is missing, which is then said. (`REQUIRE_BACKENDS=all tests/run` has
/// made sure that nothing is.)
#[must_use]
pub fn is_skipped(missing: Option<String>) -> bool {
    if let Some(missing) = &missing {
        eprintln!("skipped: {missing}");
    }
    missing.is_some()
}

/// The PATH on which the programs of the databases are.
#[must_use]
pub fn path() -> OsString {
    programs::path()
}

/// The Redis server that all tests of this process share.
#[must_use]
pub fn redis_url() -> String {
    format!("redis://127.0.0.1:{}/0", REDIS.port)
}

/// A Redis server that a test does not share.
#[must_use]
pub fn redis() -> Server {
    Server::start(&redis::RECIPE)
}

/// Why this machine cannot test with Redis.
#[must_use]
pub fn redis_missing() -> Option<String> {
    programs::missing(redis::RECIPE.programs)
}

/// Why this machine cannot run programs in TypeScript.
#[must_use]
pub fn node_missing() -> Option<String> {
    programs::missing(&["node", "npm"])
}
