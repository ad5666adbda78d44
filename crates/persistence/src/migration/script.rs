//! What would be done, as SQL, and what has been done, without doing anything: no file, no table, no lock is made here.

use std::path::Path;

use diesel::{
    Connection, QueryDsl, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    dsl::sql,
    sql_types::{BigInt, Text},
};
use diesel_async::{AsyncPgConnection, async_connection_wrapper::AsyncConnectionWrapper};

use super::{
    Database, MigrationError, MigrationState, Migrator,
    marking::{MARK, MysqlConnection},
};
use crate::schema::schema_migrations;

mod texts {
    include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
}

/// As diesel makes it.
const BOOKKEEPING: &str = "CREATE TABLE IF NOT EXISTS __diesel_schema_migrations (\n    \
    version VARCHAR(50) PRIMARY KEY NOT NULL,\n    run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP\n);\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Migrator {
    /// The migrations that this program knows, oldest first, and which of them this database has. It may not be there,
    /// and may not be written to.
    ///
    /// # Errors
    /// See [`MigrationError`].
    pub async fn look(&self) -> Result<Vec<MigrationState>, MigrationError> {
        self.blocking(|database| database.look()).await
    }

    /// The marks of migrations that were interrupted half-way, where a database cannot undo them. They are tables.
    ///
    /// # Errors
    /// See [`MigrationError`].
    pub async fn marks(&self) -> Result<Vec<String>, MigrationError> {
        self.blocking(|database| database.marks()).await
    }

    /// The SQL of up to `count` of the migrations that are missing, with what makes them known as applied.
    ///
    /// # Errors
    /// See [`MigrationError`].
    pub async fn upgrade_script(&self, count: usize) -> Result<String, MigrationError> {
        self.blocking(move |database| {
            let steps = database.look()?.into_iter().filter(|step| !step.is_applied).take(count);
            Ok(database.script(steps, Direction::Up))
        })
        .await
    }

    /// The SQL that takes back up to `count` of the applied migrations.
    ///
    /// # Errors
    /// See [`MigrationError`].
    pub async fn downgrade_script(&self, count: usize) -> Result<String, MigrationError> {
        self.blocking(move |database| {
            let steps = database.look()?.into_iter().rev().filter(|step| step.is_applied).take(count);
            Ok(database.script(steps, Direction::Down))
        })
        .await
    }
}

/// The versions that are applied, of a database that says by this query how many tables there are to ask for them.
macro_rules! applied {
    ($connection:expr, $tables:expr) => {{
        let connection = &mut $connection;
        let tables: i64 = sql::<BigInt>($tables).get_result(connection)?;
        if tables == 0 {
            return Ok(Vec::new());
        }
        Ok(schema_migrations::table.select(schema_migrations::version).load(connection)?)
    }};
}

impl Database {
    const fn texts(&self) -> &'static [(&'static str, &'static str, &'static str)] {
        match self {
            Self::Sqlite(_) => texts::SQLITE,
            Self::Postgres(_) => texts::POSTGRES,
            Self::Mysql(_) => texts::MYSQL,
        }
    }

    fn look(&self) -> Result<Vec<MigrationState>, MigrationError> {
        let applied = self.applied()?;
        let state = |(name, _up, _down): &(&str, &str, &str)| MigrationState {
            name: (*name).to_owned(),
            is_applied: applied.contains(&version(name)),
        };
        Ok(self.texts().iter().map(state).collect())
    }

    fn applied(&self) -> Result<Vec<String>, MigrationError> {
        match self {
            Self::Sqlite(name) if !Path::new(name).exists() => Ok(Vec::new()),
            Self::Sqlite(name) => {
                let mut connection = SqliteConnection::establish(name)?;
                connection.batch_execute("PRAGMA busy_timeout = 2500; PRAGMA query_only = ON")?;
                applied!(
                    connection,
                    "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '__diesel_schema_migrations'"
                )
            }
            Self::Postgres(url) => applied!(
                AsyncConnectionWrapper::<AsyncPgConnection>::establish(url)?,
                "SELECT count(*) FROM pg_class WHERE oid = to_regclass('__diesel_schema_migrations')"
            ),
            Self::Mysql(url) => applied!(
                MysqlConnection::establish(url)?,
                "SELECT count(*) FROM information_schema.tables \
                 WHERE table_schema = DATABASE() AND table_name = '__diesel_schema_migrations'"
            ),
        }
    }

    fn marks(&self) -> Result<Vec<String>, MigrationError> {
        let Self::Mysql(url) = self else { return Ok(Vec::new()) };
        let tables = sql::<Text>(
            "SELECT CONVERT(table_name USING utf8mb4) FROM information_schema.tables WHERE table_schema = DATABASE()",
        );
        let tables: Vec<String> = tables.load(&mut MysqlConnection::establish(url)?)?;
        Ok(tables.into_iter().filter(|table| table.starts_with(MARK)).collect())
    }

    fn script(&self, steps: impl Iterator<Item = MigrationState>, direction: Direction) -> String {
        let steps: Vec<String> = steps.filter_map(|step| self.step(&step.name, direction)).collect();
        match self {
            _ if steps.is_empty() => "-- nothing to do\n".to_owned(),
            Self::Mysql(_) => format!("{BOOKKEEPING}{}", steps.concat()),
            Self::Sqlite(_) | Self::Postgres(_) => format!("BEGIN;\n{BOOKKEEPING}{}\nCOMMIT;\n", steps.concat()),
        }
    }

    /// One migration, and what makes it known as applied or not.
    fn step(&self, name: &str, direction: Direction) -> Option<String> {
        let (_name, up, down) = self.texts().iter().find(|(known, _up, _down)| *known == name)?;
        let version = version(name);
        let (sql, note) = match direction {
            Direction::Up => (up, format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}');")),
            Direction::Down => (down, format!("DELETE FROM __diesel_schema_migrations WHERE version = '{version}';")),
        };
        let sql = sql.trim_end();
        Some(match self {
            // What stands while a migration runs: see `Marking`.
            Self::Mysql(_) => format!(
                "\n-- {name}\nCREATE TABLE {MARK}{version} (since DATETIME NOT NULL DEFAULT NOW());\n{sql}\n{note}\n\
                 DROP TABLE {MARK}{version};\n"
            ),
            Self::Sqlite(_) | Self::Postgres(_) => format!("\n-- {name}\n{sql}\n{note}\n"),
        })
    }
}

/// As diesel keeps it.
fn version(name: &str) -> String {
    name.split('_').next().unwrap_or_default().replace('-', "")
}
