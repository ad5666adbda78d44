//! Migration of databases that cannot roll back schema changes.

use diesel::{
    connection::SimpleConnection,
    migration::{self, Migration, MigrationVersion},
    mysql::Mysql,
};
use diesel_async::{AsyncMysqlConnection, async_connection_wrapper::AsyncConnectionWrapper};
use diesel_migrations::MigrationHarness;

/// The prefix of the marker table's name; the version of the migration follows.
pub const MARK: &str = "__keepstone_unfinished_";

pub type MysqlConnection = AsyncConnectionWrapper<AsyncMysqlConnection>;

/// A migration harness with a marker table.
///
/// MySQL and MariaDB cannot roll back schema changes, so an interrupted migration is left half applied. A table named
/// after the migration exists while it runs. A program that finds such a table knows what happened, and changes
/// nothing.
pub struct Marking<'c>(pub &'c mut MysqlConnection);

impl Marking<'_> {
    fn marked(
        &mut self,
        migration: &dyn Migration<Mysql>,
        work: fn(&mut MysqlConnection, &dyn Migration<Mysql>) -> migration::Result<MigrationVersion<'static>>,
    ) -> migration::Result<MigrationVersion<'static>> {
        let mark = format!("{MARK}{}", migration.name().version());
        self.0.batch_execute(&format!("CREATE TABLE {mark} (since DATETIME NOT NULL DEFAULT NOW())")).map_err(|_| {
            format!(
                "was interrupted half-way, and this database cannot undo such changes by itself. Restore a backup, or \
                 manually undo its changes; then DROP TABLE {mark} and try again"
            )
        })?;
        let version = work(self.0, migration).inspect_err(|error| {
            // The server rejected it before it changed anything: see the migration that counts rows.
            if error.to_string().contains("log_bin_trust_function_creators") {
                drop(self.0.batch_execute(&format!("DROP TABLE {mark}")));
            }
        })?;
        self.0.batch_execute(&format!("DROP TABLE {mark}"))?;
        Ok(version)
    }
}

impl MigrationHarness<Mysql> for Marking<'_> {
    fn run_migration(&mut self, migration: &dyn Migration<Mysql>) -> migration::Result<MigrationVersion<'static>> {
        self.marked(migration, MigrationHarness::run_migration)
    }

    fn revert_migration(&mut self, migration: &dyn Migration<Mysql>) -> migration::Result<MigrationVersion<'static>> {
        self.marked(migration, MigrationHarness::revert_migration)
    }

    fn applied_migrations(&mut self) -> migration::Result<Vec<MigrationVersion<'static>>> {
        self.0.applied_migrations()
    }
}
