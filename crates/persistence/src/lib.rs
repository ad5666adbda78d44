//! Storage on SQLite, PostgreSQL, MySQL and MariaDB: one implementation, in diesel. The only crate that knows SQL.
//!
//! A query is written once, inside `on!`, for all databases. The integer ids of the tables never leave this crate.

mod audit;
mod backup;
mod checkup;
mod connect;
mod connection;
mod database_time;
mod database_url;
mod email_change;
mod error;
mod idempotency;
mod item;
mod job;
mod list;
mod mail_token;
mod migration;
mod pool;
mod purge;
mod refresh_token;
mod repositories;
mod schema;
mod search_key;
mod session;
mod sqlite;
mod store;
mod tls;
mod types;
mod user;

pub use backup::{Backup, BackupError};
pub use connect::{Cause, ConnectFailure, probe};
pub use database_url::{DatabaseUrl, DatabaseUrlError, ServerUrl};
pub use migration::{MigrationError, MigrationState, Migrator, Target};
pub use store::DieselStore;
pub use tls::{TlsFileError, TlsMode, TlsOptions};

/// Installs the cryptography provider of this process. Call it before anything uses TLS.
pub fn install_crypto() {
    tls::install_provider();
}
