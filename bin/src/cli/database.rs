//! The arguments of the database commands.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use keepstone_persistence::Target;

pub const ABOUT_BACKUP: &str = "\
Examples:
  keepstone backup /var/backups/keepstone.db
  keepstone backup --force /var/backups/keepstone.db   replaces the last backup";

const ABOUT_UPGRADE: &str = "\
Examples:
  keepstone migrate upgrade
  keepstone migrate upgrade 20261121000003       up to and including that migration
  keepstone migrate upgrade --sql >upgrade.sql   for review, or for an administrator

A revision is the number of a migration (20261121000003 or 2026-11-21-000003) or its whole name, as
`migrate history` lists them. The revision itself is also applied.";

const ABOUT_DOWNGRADE: &str = "\
Examples:
  keepstone migrate downgrade                    the newest migration only
  keepstone migrate downgrade 20261121000003     those after it; it stays applied
  keepstone migrate downgrade --sql base         for review

In production and on a terminal, downgrade asks for confirmation; --yes skips this.";

#[derive(Debug, Subcommand)]
pub enum Migrate {
    /// Apply migrations that are missing, oldest first
    #[command(after_long_help = ABOUT_UPGRADE)]
    Upgrade {
        /// `head` for all of them, `+N` for the next N, or the revision to end at
        #[arg(default_value = "head", value_parser = upgrade_target, allow_hyphen_values = true)]
        to: Target,
        /// Print the SQL that would be run, and change nothing
        ///
        /// Includes the statements that record the migrations as applied, so `migrate check` passes afterwards. Does
        /// not
        /// create a SQLite file that does not exist.
        #[arg(long)]
        sql: bool,
    },
    /// Revert migrations, newest first, and delete their data
    #[command(after_long_help = ABOUT_DOWNGRADE)]
    Downgrade {
        /// `-N` for the last N, `base` for all of them, or the revision to return to
        #[arg(default_value = "-1", value_parser = downgrade_target, allow_hyphen_values = true)]
        to: Target,
        /// Do not ask for confirmation before deleting data
        #[arg(long)]
        yes: bool,
        /// Print the SQL that would be run, and change nothing
        #[arg(long)]
        sql: bool,
    },
    /// Print the newest applied migration
    Current {
        /// Print the outcome as JSON
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
        /// Print the missing migrations as JSON
        #[arg(long)]
        json: bool,
    },
    /// Create empty up/down files for a new migration, below ./migrations
    Revision {
        /// A short description of the change
        #[arg(short, long)]
        message: String,
    },
}

#[derive(Debug, Args)]
pub struct Backup {
    /// The file to create, readable by its owner only
    pub file: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    pub json: bool,
}

fn upgrade_target(text: &str) -> Result<Target, String> {
    const FORMS: &str = "write head, +N for the next N, or a revision as `keepstone migrate history` lists it";
    target(text, "head", '+').ok_or_else(|| FORMS.to_owned())
}

fn downgrade_target(text: &str) -> Result<Target, String> {
    const FORMS: &str =
        "write base, -N for the last N, or the revision to return to, as `keepstone migrate history` lists it";
    target(text, "base", '-').ok_or_else(|| FORMS.to_owned())
}

/// Parses a target. A number without a sign is rejected unless it is a whole revision: it could be a number of steps or
/// a part of a revision.
fn target(text: &str, all: &str, sign: char) -> Option<Target> {
    if text == all {
        return Some(Target::All);
    }
    match text.strip_prefix(sign) {
        Some(digits) => {
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|count| is_number && *count > 0).map(Target::Steps)
        }
        None => is_revision(text).then(|| Target::Revision(text.to_owned())),
    }
}

/// Returns whether this is `20261121000003`, `2026-11-21-000003` or a name that starts with one of these.
fn is_revision(text: &str) -> bool {
    let number = text.split('_').next().unwrap_or_default();
    let parts: Vec<&str> = number.split('-').collect();
    let are_digits = parts.concat().bytes().all(|byte| byte.is_ascii_digit());
    are_digits && matches!(*parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [14] | [4, 2, 2, 6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_all_steps_or_a_revision() {
        assert_eq!(upgrade_target("head"), Ok(Target::All));
        assert_eq!(downgrade_target("base"), Ok(Target::All));
        assert_eq!(upgrade_target("+2"), Ok(Target::Steps(2)));
        assert_eq!(downgrade_target("-12"), Ok(Target::Steps(12)));
        for text in ["20261121000003", "2026-11-21-000003", "2026-11-21-000003_create_audit_events"] {
            assert_eq!(upgrade_target(text), Ok(Target::Revision(text.to_owned())));
            assert_eq!(downgrade_target(text), Ok(Target::Revision(text.to_owned())));
        }
    }

    #[test]
    fn an_ambiguous_target_is_rejected_with_the_valid_forms() {
        let both =
            ["", "3", "11", "2026", "202611210000", "20261121000003000", "+0", "-0", "+", "-", "+-1", "--1", "+1x"];
        let more =
            ["heads", "HEAD", "head-1", "20261121000003+1", "2026-1121-000003", "2026-11-21", "000003", "٣", "+٣"];
        for text in both.into_iter().chain(more) {
            assert!(upgrade_target(text).unwrap_err().contains("+N"), "{text}");
            assert!(downgrade_target(text).unwrap_err().contains("-N"), "{text}");
        }
        for text in ["base", "-1"] {
            assert!(upgrade_target(text).is_err(), "{text}");
        }
        for text in ["head", "+1"] {
            assert!(downgrade_target(text).is_err(), "{text}");
        }
    }
}
