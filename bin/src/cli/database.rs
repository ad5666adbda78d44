//! The words about the database itself.

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub const ABOUT_BACKUP: &str = "\
Examples:
  keepstone backup /var/backups/keepstone.db
  keepstone backup --force /var/backups/keepstone.db   in place of the last one";

const ABOUT_UPGRADE: &str = "\
Examples:
  keepstone migrate upgrade
  keepstone migrate upgrade --sql >upgrade.sql   to read first, or for whoever may change the schema";

#[derive(Debug, Subcommand)]
pub enum Migrate {
    /// Apply migrations that are missing, oldest first
    #[command(after_long_help = ABOUT_UPGRADE)]
    Upgrade {
        /// `head` for all of them, `+N` for the next N
        #[arg(default_value = "head", value_parser = upgrade_count)]
        to: usize,
        /// Print the SQL that would be run, and change nothing
        ///
        /// Includes the lines by which the program knows what is applied, so that `migrate check` is content once it
        /// has been run. A SQLite file that is not there is not made.
        #[arg(long)]
        sql: bool,
    },
    /// Take migrations back, newest first, and their data with them
    Downgrade {
        /// `-N` for the last N, `base` for all of them
        #[arg(default_value = "-1", value_parser = downgrade_count, allow_hyphen_values = true)]
        to: usize,
        /// Print the SQL that would be run, and change nothing
        #[arg(long)]
        sql: bool,
    },
    /// Print the newest migration that is applied
    Current {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print all migrations, oldest first, and which are applied
    History {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Exit with 1 if a migration is missing
    Check {
        /// Print the missing ones as JSON
        #[arg(long)]
        json: bool,
    },
    /// Begin a new migration: empty files below ./migrations, for whoever changes this program
    Revision {
        /// What it does, in a few words
        #[arg(short, long)]
        message: String,
    },
}

#[derive(Debug, Args)]
pub struct Backup {
    /// The file to make, readable by its owner only
    pub file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    pub force: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    pub json: bool,
}

fn upgrade_count(text: &str) -> Result<usize, String> {
    match text {
        "head" => Ok(usize::MAX),
        _ => count(text.strip_prefix('+').unwrap_or(text)).ok_or_else(|| "write head, or +N for the next N".to_owned()),
    }
}

fn downgrade_count(text: &str) -> Result<usize, String> {
    match text {
        "base" => Ok(usize::MAX),
        _ => count(text.strip_prefix('-').unwrap_or(text)).ok_or_else(|| "write base, or -N for the last N".to_owned()),
    }
}

fn count(digits: &str) -> Option<usize> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|count| is_number && *count > 0)
}
