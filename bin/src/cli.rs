//! The command line arguments. The commands themselves are in [`commands`](crate::commands).
//!
//! The doc comments here are the help texts: the first line appears in lists of commands, all of it in `--help`.

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
  1  failure, or the check did not pass
  2  the command or the configuration is invalid

Configuration, where later sources take precedence:
  1. the built-in defaults; `keepstone config show` prints every key
  2. config/<environment>.toml in the working directory
  3. .env in the working directory
  4. the environment: DATABASE_URL, JWT_SECRET_KEY, PORT and so on
  5. options of the command, which follow its name

To get started:
  keepstone                            serves on http://127.0.0.1:8000, data is in keepstone.db
  keepstone create-user --role admin   creates the first administrator
  keepstone doctor                     reports problems and their fixes";

/// A production backend in one binary. Without a command, runs `serve`
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

/// The configuration options that every command accepts.
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
    /// On SIGTERM or SIGINT, finishes the requests in flight and exits; on a second signal, exits immediately. On
    /// SIGHUP,
    /// reads the signing keys again. The log goes to standard error.
    Serve(Serve),
    /// Manage database migrations
    ///
    /// The program contains all migrations: `upgrade` applies those that are missing, `downgrade` reverts the newest.
    /// Processes that migrate the same database at the same time wait for each other.
    #[command(subcommand)]
    Migrate(Migrate),
    /// Bring the schema of the database up to date
    ///
    /// The same as `migrate upgrade head`.
    InitDb,
    /// Create a user
    ///
    /// Prompts for the address and the password on the terminal unless they are given, and again if the input is
    /// invalid. The password is not shown. It cannot be an argument, because every user of the machine can read those.
    #[command(after_long_help = user::ABOUT_CREATE)]
    CreateUser(CreateUser),
    /// List the users, newest first
    ListUsers(ListUsers),
    /// Import users and their password hashes from another system
    ///
    /// Reads CSV, JSON Lines (an object on each line) or a JSON list, and creates a user for each row. Users log in
    /// with
    /// the password of the old system. Users whose e-mail address already exists are left unchanged, so after an
    /// interruption, run it again. An invalid row is reported with its line, and the other rows are imported.
    #[command(after_long_help = user::ABOUT_IMPORT)]
    ImportUsers(ImportUsers),
    /// Create sample users and items
    ///
    /// Creates a user for each role (admin@example.com and so on) and a few items. A second run creates only what is
    /// missing. All users share one password, which is printed once. Not in production.
    Seed(Seed),
    /// Delete expired sessions and their tokens
    ///
    /// A server does this automatically every hour.
    CleanupTokens(CleanupTokens),
    /// Permanently remove users deleted long ago
    ///
    /// Removes users deleted at least `PURGE_AFTER` (30 days) ago, and their data. A server does this automatically
    /// every
    /// hour.
    PurgeUsers(PurgeUsers),
    /// Inspect and retry background jobs
    #[command(subcommand)]
    Jobs(Jobs),
    /// Copy the SQLite database into a file while it is in use
    ///
    /// The copy is a consistent snapshot, and is checked before it is renamed to FILE. Store the secrets with it:
    /// docs/backups.md lists them and explains how to restore. For a database server, this prints the command of its
    /// own
    /// backup program.
    #[command(after_long_help = database::ABOUT_BACKUP)]
    Backup(Backup),
    /// Create a key in the key folder, to sign access tokens
    ///
    /// The newest key signs and all keys verify. A running server loads it on SIGHUP.
    GenerateKeys(GenerateKeys),
    /// Check or print the configuration
    #[command(subcommand)]
    Config(Config),
    /// Check the whole environment and suggest fixes
    ///
    /// Checks the configuration, the database and its schema, other configured services, the clock, disk space and file
    /// permissions. Changes nothing. Exit code 1 if a check fails, 2 if the configuration is invalid. A warning is not
    /// a
    /// failure.
    Doctor(Doctor),
    /// Check that a server is ready; exit code 1 if not
    ///
    /// For containers, which may not have curl. Connects to HOST and PORT of the configuration, unless --port or --url
    /// is
    /// given.
    Healthcheck(Healthcheck),
    /// Print the OpenAPI document, or compare it with a file
    Openapi(Openapi),
    /// Print a shell completion script
    #[command(after_help = operation::ABOUT_COMPLETIONS)]
    Completions(Completions),
}

#[derive(Debug, Default, Args)]
pub struct Serve {
    /// The address to listen on [default: HOST of the configuration, 127.0.0.1]
    ///
    /// An address that other machines can reach counts as production, unless ENVIRONMENT is set.
    #[arg(long)]
    pub host: Option<String>,
    /// The port to listen on; 0 picks a free port [default: PORT of the configuration, 8000]
    #[arg(long)]
    pub port: Option<u16>,
    /// Print the address that the server listens on as a line of JSON
    #[arg(long)]
    pub announce: bool,
    /// Apply pending migrations first; with SQLite, this is always done
    #[arg(long)]
    pub migrate: bool,
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use super::Cli;

    /// Collects the long help of a command and of its subcommands.
    fn help(command: &mut Command, into: &mut Vec<String>) {
        let text = command.render_long_help();
        into.push(format!("$ {} --help\n\n{text}\n\n", command.get_bin_name().unwrap()));
        for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help") {
            help(below, into);
        }
    }

    #[test]
    fn the_help_of_every_command_matches_the_snapshot() {
        let mut command = Cli::command().bin_name("keepstone").term_width(100);
        command.build();
        let mut texts = Vec::new();
        help(&mut command, &mut texts);
        insta::assert_snapshot!("help", texts.concat());
    }

    #[test]
    fn columns_in_help_texts_are_not_wrapped() {
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
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_has_a_help_text() {
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
