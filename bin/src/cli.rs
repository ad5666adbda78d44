//! The words of the command line. What they do is in [`commands`](crate::commands).
//!
//! The first line of a comment here is what a list of commands says, the whole is what `--help` says.

mod database;
mod job;
mod operation;
mod user;

use clap::{Args, Parser, Subcommand};
pub use database::{Backup, Migrate};
pub use job::Jobs;
pub use operation::{CleanupTokens, Completions, Config, Doctor, GenerateKeys, Healthcheck, Openapi, PurgeUsers, Seed};
pub use user::{CreateUser, ImportFormat, ImportUsers, ListUsers};

const ABOUT_ALL: &str = "\
Exit codes:
  0  done
  1  it did not work, or what was asked about is not so
  2  the command or the configuration is wrong

Configuration, where later wins:
  1. what is built in; `keepstone config show` prints every key
  2. config/<environment>.toml in the working directory
  3. .env in the working directory
  4. the environment: DATABASE_URL, JWT_SECRET_KEY, PORT and so on
  5. options of the command, which come after its name

To begin:
  keepstone                            serves on http://127.0.0.1:8000, data is in keepstone.db
  keepstone create-user --role admin   makes the first administrator
  keepstone doctor                     says what is wrong, if anything is";

/// A production backend in one binary. Without a command, it serves
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, max_term_width = 100, after_help = ABOUT_ALL)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: Serve,
    #[command(flatten)]
    pub layer: Layer,
}

/// What any command may say about the configuration.
#[derive(Debug, Default, Args)]
pub struct Layer {
    /// development, production or test [default: the configured one]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Configuration")]
    pub environment: Option<String>,
    /// trace, debug, info, warn or error [default: the configured one]
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Configuration")]
    pub log_level: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API
    ///
    /// Serves until it gets SIGTERM or SIGINT, and finishes what it has begun then; a second signal ends it at once.
    /// SIGHUP makes it read the keys that sign tokens again. The log goes to standard error.
    Serve(Serve),
    /// Manage database migrations
    ///
    /// The program contains all migrations: `upgrade` applies those that are missing, `downgrade` takes the newest ones
    /// back. Several programs that migrate one database at once wait for each other.
    #[command(subcommand)]
    Migrate(Migrate),
    /// Bring the schema of the database up to date
    ///
    /// The same as `migrate upgrade head`.
    InitDb,
    /// Create a user
    ///
    /// Asks for the address and the password on the terminal, if they are not given, and asks again if an answer cannot
    /// be used. The password is not shown. It cannot be an argument, because everyone on the machine can read those.
    #[command(after_long_help = user::ABOUT_CREATE)]
    CreateUser(CreateUser),
    /// List the users, newest first
    ListUsers(ListUsers),
    /// Import users and their password hashes from another system
    ///
    /// Reads CSV, JSON Lines (an object on each line) or a JSON list, and creates a user for each row, who logs in with
    /// the password of the old system. Users whose e-mail address already exists are left unchanged, so after an
    /// interruption, run it again. An invalid row is reported by its line and stops no other.
    #[command(after_long_help = user::ABOUT_IMPORT)]
    ImportUsers(ImportUsers),
    /// Make users and items to try things with
    ///
    /// Makes a user of each role (admin@example.com and so on), and a few items; run again, what is missing. All have
    /// one password, which is printed once. Not in production.
    Seed(Seed),
    /// Delete the sessions whose time is over, and their tokens
    ///
    /// A server does so by itself every hour.
    CleanupTokens(CleanupTokens),
    /// Remove for good the users who were deleted long ago
    ///
    /// Those who were deleted `PURGE_AFTER` (30 days) ago, and what was theirs. A server does so by itself every hour.
    PurgeUsers(PurgeUsers),
    /// Look at background jobs, and start them again
    #[command(subcommand)]
    Jobs(Jobs),
    /// Copy the SQLite database into a file while it is in use
    ///
    /// The copy is what the database was at one moment, and is checked before it gets its name. Keep the secrets with
    /// it: docs/backups.md says which, and how to restore. A database server has its own program for this, and this
    /// command says which.
    #[command(after_long_help = database::ABOUT_BACKUP)]
    Backup(Backup),
    /// Make a key to sign access tokens with, in the folder of keys
    ///
    /// The newest key signs and all keys verify. A running server takes it up on SIGHUP.
    GenerateKeys(GenerateKeys),
    /// Look at the configuration
    #[command(subcommand)]
    Config(Config),
    /// Look at everything that a server needs, and say how to mend what is wrong
    ///
    /// Looks at the configuration, the database and its schema, what else is configured, the clock, room on the disk
    /// and who may read the files. Changes nothing. Exit code 1 if anything has failed, 2 if the configuration is
    /// wrong; a warning is no failure.
    Doctor(Doctor),
    /// Ask a server whether it is ready; exit code 1 if not
    ///
    /// For containers, which may have no curl. Asks HOST and PORT of the configuration, unless --port or --url says
    /// otherwise.
    Healthcheck(Healthcheck),
    /// Print the OpenAPI document, or compare one that is kept
    Openapi(Openapi),
    /// Print a script that lets a shell complete these commands
    #[command(after_help = operation::ABOUT_COMPLETIONS)]
    Completions(Completions),
}

#[derive(Debug, Default, Args)]
pub struct Serve {
    /// The address to listen on [default: HOST of the configuration, 127.0.0.1]
    ///
    /// An address that others can reach counts as production, unless ENVIRONMENT says otherwise.
    #[arg(long)]
    pub host: Option<String>,
    /// The port to listen on; 0 is any free one [default: PORT of the configuration, 8000]
    #[arg(long)]
    pub port: Option<u16>,
    /// First print a line of JSON with the address that is listened on
    #[arg(long)]
    pub announce: bool,
    /// Bring the schema up to date first; on SQLite that is always done
    #[arg(long)]
    pub migrate: bool,
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use super::Cli;

    /// The whole help of a command and of all below it.
    fn help(command: &mut Command, into: &mut Vec<String>) {
        let text = command.render_long_help();
        into.push(format!("$ {} --help\n\n{text}\n\n", command.get_bin_name().unwrap()));
        for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help") {
            help(below, into);
        }
    }

    #[test]
    fn the_help_of_every_command_is_kept() {
        let mut command = Cli::command().bin_name("keepstone").term_width(100);
        command.build();
        let mut texts = Vec::new();
        help(&mut command, &mut texts);
        insta::assert_snapshot!("help", texts.concat());
    }

    #[test]
    fn what_is_written_in_columns_is_not_wrapped() {
        let command = Cli::command();
        for command in std::iter::once(&command).chain(command.get_subcommands()) {
            for text in [command.get_after_help(), command.get_after_long_help()].into_iter().flatten() {
                let text = text.to_string();
                let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 100).collect();
                assert!(long.is_empty(), "{}: {long:#?}", command.get_name());
            }
        }
    }

    #[test]
    fn the_words_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_is_explained() {
        fn look(command: &Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(look);
        }
        look(&Cli::command());
    }
}
