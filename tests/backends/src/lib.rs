//! Private PostgreSQL, MariaDB, Redis and SMTP servers for tests, a fresh database for each test, and a browser.
//!
//! The servers run the programs installed on this machine. They start once per test process and end with it, even if it
//! is killed: see [`Watched`]. This crate is not for production.

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
    /// All databases.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Mariadb];

    /// Returns the database to test: `TEST_DATABASE`, or SQLite by default.
    #[must_use]
    pub fn chosen() -> Self {
        let Some(name) = programs::variable("TEST_DATABASE") else { return Self::Sqlite };
        let named = Self::ALL.into_iter().find(|database| database.to_string() == name);
        named.unwrap_or_else(|| panic!("TEST_DATABASE={name:?} is not one of sqlite, postgres, mariadb"))
    }

    /// Returns why this machine cannot test this database, or `None`.
    #[must_use]
    pub fn missing(self) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => programs::missing(postgres::RECIPE.programs),
            Self::Mariadb => programs::missing(mariadb::RECIPE.programs),
        }
    }

    /// Returns why this machine cannot dump and restore this database, or `None`.
    #[must_use]
    pub fn dump_missing(self) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => programs::missing(&["pg_dump", "pg_restore", "psql"]),
            Self::Mariadb => programs::missing(&["mariadb-dump", "mariadb"]),
        }
    }

    /// Creates an empty database on the server that all tests of this process share.
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

    /// Creates an empty database on a server of `self.server()`, and returns its URL.
    #[must_use]
    pub fn create_on(self, server: &Server, name: &str) -> String {
        match self {
            Self::Sqlite => panic!("SQLite has no server"),
            Self::Postgres => postgres::create(server, name),
            Self::Mariadb => mariadb::create(server, name),
        }
    }

    /// Starts a server for a single test, which may stop or kill it.
    #[must_use]
    pub fn server(self) -> Server {
        self.server_with(&ServerOptions::default())
    }

    /// Starts a server for a single test, with other options.
    #[must_use]
    pub fn server_with(self, options: &ServerOptions) -> Server {
        match self {
            Self::Sqlite => panic!("SQLite has no server"),
            Self::Postgres => Server::start_with(&postgres::RECIPE, options),
            Self::Mariadb => Server::start_with(&mariadb::RECIPE, options),
        }
    }

    /// Runs statements as the administrator of a server of `self.server()`, and returns whether that succeeded.
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

/// A database of a single test. It is deleted when it is dropped.
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

    /// Returns the URL for `DATABASE_URL`. On servers the user and the password are "keepstone".
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs a statement that returns no rows, with the database's own client. (For SQLite that is part of Python.)
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

    /// Returns the folder of `keepstone.db`. `None` on servers.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(TempDir::path)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        match self.database {
            Database::Sqlite => {} // deleted with its folder
            Database::Postgres => postgres::drop(&POSTGRES, &self.name),
            Database::Mariadb => mariadb::drop(&MARIADB, &self.name),
        }
    }
}

/// Whether a test must be skipped because a program is missing. Prints the reason. (`REQUIRE_BACKENDS=all tests/run`
/// fails instead of skipping tests.)
#[must_use]
pub fn is_skipped(missing: Option<String>) -> bool {
    if let Some(missing) = &missing {
        eprintln!("skipped: {missing}");
    }
    missing.is_some()
}

/// Returns a PATH that contains the programs of the databases.
#[must_use]
pub fn path() -> OsString {
    programs::path()
}

/// Returns the URL of the Redis server that all tests of this process share.
#[must_use]
pub fn redis_url() -> String {
    format!("redis://127.0.0.1:{}/0", REDIS.port)
}

/// Starts a Redis server for a single test.
#[must_use]
pub fn redis() -> Server {
    Server::start(&redis::RECIPE)
}

/// Returns why this machine cannot run Redis, or `None`.
#[must_use]
pub fn redis_missing() -> Option<String> {
    programs::missing(redis::RECIPE.programs)
}

/// Returns why this machine cannot run TypeScript programs, or `None`.
#[must_use]
pub fn node_missing() -> Option<String> {
    programs::missing(&["node", "npm"])
}
