//! Diagnostics of a database.

use diesel::{dsl::sql, sql_types::Text};
use diesel_async::RunQueryDsl;
use keepstone_domain::Timestamp;
use keepstone_repository::Result;

use crate::{
    DieselStore,
    connection::{Connection, on},
    types::{Time, UtcDateTime},
};

/// Reports at most five errors; more would not help.
const INTEGRITY: &str = "PRAGMA quick_check(5)";
const REFERENCES: &str = "SELECT DISTINCT 'rows of ' || \"table\" || ' point at rows of ' || parent || ' that are not there' \
                          FROM pragma_foreign_key_check LIMIT 5";

impl DieselStore {
    /// Returns the product name and the version of the database.
    ///
    /// # Errors
    /// Returns the error of the database.
    pub async fn version(&self) -> Result<String> {
        let mut reader = self.reader().await?;
        let query = match reader.connection() {
            Connection::Postgres(_) => "SELECT 'PostgreSQL ' || current_setting('server_version')",
            Connection::Mysql(_) => "SELECT CONCAT(IF(VERSION() LIKE '%MariaDB%', '', 'MySQL '), VERSION())",
            Connection::Sqlite(_) | Connection::Closed => "SELECT 'SQLite ' || sqlite_version()",
        };
        on!(&mut reader, |conn| sql::<Text>(query).get_result(conn).await)
    }

    /// Returns the current time of the database server; `None` for SQLite, which uses this machine's clock.
    ///
    /// # Errors
    /// Returns the error of the database.
    pub async fn time(&self) -> Result<Option<Timestamp>> {
        let mut reader = self.reader().await?;
        let query = match reader.connection() {
            Connection::Postgres(_) => "SELECT clock_timestamp()",
            Connection::Mysql(_) => "SELECT UTC_TIMESTAMP(6)",
            Connection::Sqlite(_) | Connection::Closed => return Ok(None),
        };
        let time: Time = on!(&mut reader, |conn| sql::<UtcDateTime>(query).get_result(conn).await)?;
        Ok(Some(time.0))
    }

    /// Checks the integrity of a SQLite file and returns the errors found. Always empty for a server, which checks its
    /// files itself.
    ///
    /// # Errors
    /// Returns the error of the database.
    pub async fn damage(&self) -> Result<Vec<String>> {
        let mut reader = self.reader().await?;
        if !matches!(reader.connection(), Connection::Sqlite(_)) {
            return Ok(Vec::new());
        }
        let mut found: Vec<String> = on!(&mut reader, |conn| sql::<Text>(INTEGRITY).load(conn).await)?;
        found.retain(|line| line != "ok");
        found.extend::<Vec<String>>(on!(&mut reader, |conn| sql::<Text>(REFERENCES).load(conn).await)?);
        Ok(found)
    }
}
