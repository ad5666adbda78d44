//! Read-only commands: pending changes as SQL, and applied migrations. They create no file, no table and no lock.

use std::path::Path;

use diesel::{
    Connection, QueryDsl, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    dsl::sql,
    sql_types::{BigInt, Text},
};

use super::{
    Database, MigrationError, MigrationState, Migrator, Target, connect_mysql, connect_postgres,
    marking::MARK,
    plan::{self, Direction, Plan, version},
};
use crate::{
    schema::schema_migrations,
    sqlite::{self, Access},
};

mod texts {
    include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
}

/// The bookkeeping table, as diesel creates it.
const BOOKKEEPING: &str = "CREATE TABLE IF NOT EXISTS __diesel_schema_migrations (\n    \
    version VARCHAR(50) PRIMARY KEY NOT NULL,\n    run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP\n);\n";

impl Migrator {
    /// Lists the migrations of this program and of this database, oldest first. The database need not exist, and may be
    /// read-only.
    ///
    /// # Errors
    /// See [`MigrationError`].
    pub async fn look(&self) -> Result<Vec<MigrationState>, MigrationError> {
        self.blocking(|database| database.look()).await
    }

    /// Lists the marker tables of interrupted migrations, on databases that cannot roll them back.
    ///
    /// # Errors
    /// See [`MigrationError`].
    pub async fn marks(&self) -> Result<Vec<String>, MigrationError> {
        self.blocking(|database| database.marks()).await
    }

    /// Returns the SQL of the migrations up to the target, including the bookkeeping.
    ///
    /// # Errors
    /// See [`MigrationError`].
    pub async fn upgrade_script(&self, target: Target) -> Result<String, MigrationError> {
        self.script(Plan { direction: Direction::Up, target }).await
    }

    /// Returns the SQL that reverts the migrations after the target.
    ///
    /// # Errors
    /// See [`MigrationError`].
    pub async fn downgrade_script(&self, target: Target) -> Result<String, MigrationError> {
        self.script(Plan { direction: Direction::Down, target }).await
    }

    /// Returns the names of the migrations that `upgrade` would apply.
    ///
    /// # Errors
    /// See [`MigrationError`].
    pub async fn upgrade_steps(&self, target: Target) -> Result<Vec<String>, MigrationError> {
        let plan = Plan { direction: Direction::Up, target };
        self.blocking(move |database| plan.steps(&database.look()?)).await
    }

    /// Returns the migrations that `downgrade` would revert, each with the tables and columns that it drops.
    ///
    /// # Errors
    /// See [`MigrationError`].
    pub async fn downgrade_losses(&self, target: Target) -> Result<Vec<(String, Vec<String>)>, MigrationError> {
        let plan = Plan { direction: Direction::Down, target };
        self.blocking(move |database| {
            let steps = plan.steps(&database.look()?)?;
            Ok(steps.into_iter().map(|name| (database.losses(&name), name)).map(|(lost, name)| (name, lost)).collect())
        })
        .await
    }

    async fn script(&self, plan: Plan) -> Result<String, MigrationError> {
        self.blocking(move |database| Ok(database.script(&plan.steps(&database.look()?)?, plan.direction))).await
    }
}

/// Returns the applied versions. The query counts the bookkeeping tables, so a new database is not an error.
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
        Ok(plan::states(self.texts().iter().map(|(name, _up, _down)| *name), &applied))
    }

    /// Returns the tables and columns that are dropped when this migration is reverted.
    fn losses(&self, name: &str) -> Vec<String> {
        let text = self.texts().iter().find(|(known, _up, _down)| *known == name);
        let statements = text.map_or("", |(_name, _up, down)| down).split(';');
        statements.flat_map(lost).collect()
    }

    fn applied(&self) -> Result<Vec<String>, MigrationError> {
        match self {
            Self::Sqlite(name) if !Path::new(name).exists() => Ok(Vec::new()),
            Self::Sqlite(name) => {
                sqlite::examine(Path::new(name), Access::Read)?;
                let mut connection = SqliteConnection::establish(name)?;
                connection.batch_execute("PRAGMA busy_timeout = 2500; PRAGMA query_only = ON")?;
                applied!(
                    connection,
                    "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '__diesel_schema_migrations'"
                )
            }
            Self::Postgres(server) => applied!(
                connect_postgres(server)?,
                "SELECT count(*) FROM pg_class WHERE oid = to_regclass('__diesel_schema_migrations')"
            ),
            Self::Mysql(server) => applied!(
                connect_mysql(server)?,
                "SELECT count(*) FROM information_schema.tables \
                 WHERE table_schema = DATABASE() AND table_name = '__diesel_schema_migrations'"
            ),
        }
    }

    fn marks(&self) -> Result<Vec<String>, MigrationError> {
        let Self::Mysql(server) = self else { return Ok(Vec::new()) };
        let tables = sql::<Text>(
            "SELECT CONVERT(table_name USING utf8mb4) FROM information_schema.tables WHERE table_schema = DATABASE()",
        );
        let tables: Vec<String> = tables.load(&mut connect_mysql(server)?)?;
        Ok(tables.into_iter().filter(|table| table.starts_with(MARK)).collect())
    }

    fn script(&self, steps: &[String], direction: Direction) -> String {
        let steps: Vec<String> = steps.iter().filter_map(|name| self.step(name, direction)).collect();
        match self {
            _ if steps.is_empty() => "-- nothing to do\n".to_owned(),
            Self::Mysql(_) => format!("{BOOKKEEPING}{}", steps.concat()),
            Self::Sqlite(_) | Self::Postgres(_) => format!("BEGIN;\n{BOOKKEEPING}{}\nCOMMIT;\n", steps.concat()),
        }
    }

    /// Returns the SQL of a migration and of its bookkeeping.
    fn step(&self, name: &str, direction: Direction) -> Option<String> {
        let (_name, up, down) = self.texts().iter().find(|(known, _up, _down)| *known == name)?;
        let version = version(name);
        let (sql, note) = match direction {
            Direction::Up => (up, format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}');")),
            Direction::Down => (down, format!("DELETE FROM __diesel_schema_migrations WHERE version = '{version}';")),
        };
        let sql = sql.trim_end();
        Some(match self {
            // The marker table: see `Marking`.
            Self::Mysql(_) => format!(
                "\n-- {name}\nCREATE TABLE {MARK}{version} (since DATETIME NOT NULL DEFAULT NOW());\n{sql}\n{note}\n\
                 DROP TABLE {MARK}{version};\n"
            ),
            Self::Sqlite(_) | Self::Postgres(_) => format!("\n-- {name}\n{sql}\n{note}\n"),
        })
    }
}

/// Returns the tables and columns that a statement drops.
fn lost(statement: &str) -> Vec<String> {
    let words: Vec<&str> = statement.split_whitespace().map(|word| word.trim_end_matches(',')).collect();
    let altered =
        words.windows(3).find_map(|words| if let ["ALTER", "TABLE", name] = words { Some(*name) } else { None });
    let removed = words.windows(3).filter_map(|words| match (words, altered) {
        (["DROP", "TABLE", name], _) => Some(format!("table {name}")),
        (["DROP", "COLUMN", name], Some(table)) => Some(format!("column {table}.{name}")),
        _ => None,
    });
    removed.collect()
}
