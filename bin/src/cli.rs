//! The words of the command line. What they do is in [`commands`](crate::commands).

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use keepstone_domain::JobId;

/// A production backend in one binary. Without a command, it serves.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: Serve,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API
    Serve(Serve),
    /// Change the schema of the database
    #[command(subcommand)]
    Migrate(Migrate),
    /// Bring the schema of the database up to date: the same as `migrate upgrade head`
    InitDb,
    /// Make a user of any role; asks for what is not given
    CreateUser(CreateUser),
    /// List the users, newest first
    ListUsers(ListUsers),
    /// Make users and items to try things with: one user of each role, and a few items. Again makes what is missing
    Seed(Seed),
    /// Delete the sessions whose time is over, and their tokens; a server does so by itself every hour
    CleanupTokens,
    /// Look at background jobs, and start them again
    #[command(subcommand)]
    Jobs(Jobs),
    /// Remove for good the users who were deleted `PURGE_AFTER` ago, and what was theirs; a server does so every hour
    PurgeUsers(PurgeUsers),
    /// Make a key to sign access tokens with, in the folder of keys; a running server takes it up on SIGHUP
    GenerateKeys(GenerateKeys),
    /// Look at the configuration
    #[command(subcommand)]
    Config(Config),
    /// Ask the server that runs with this configuration whether it is ready; exit code 1 if not
    Healthcheck(Healthcheck),
    /// Print the OpenAPI document, or compare one that is kept
    Openapi(Openapi),
}

#[derive(Debug, Default, Args)]
pub struct Serve {
    /// The address to listen on
    #[arg(long)]
    pub host: Option<String>,
    /// The port to listen on; 0 is any free one
    #[arg(long)]
    pub port: Option<u16>,
    /// First print a line of JSON with the address that is listened on
    #[arg(long)]
    pub announce: bool,
    /// Bring the schema up to date first; on SQLite that is always done
    #[arg(long)]
    pub migrate: bool,
}

#[derive(Debug, Subcommand)]
pub enum Migrate {
    /// Apply migrations that are missing
    Upgrade {
        /// `head` for all of them, `+N` for the next N
        #[arg(default_value = "head", value_parser = upgrade_count)]
        to: usize,
    },
    /// Take migrations back, and their data with them
    Downgrade {
        /// `-N` for the last N, `base` for all of them
        #[arg(default_value = "-1", value_parser = downgrade_count, allow_hyphen_values = true)]
        to: usize,
    },
    /// Print the newest migration that is applied
    Current,
    /// Print all migrations, oldest first
    History,
    /// Exit with 1 if a migration is missing
    Check,
    /// Begin a new migration: empty files below ./migrations
    Revision {
        /// What it does, in a few words
        #[arg(short, long)]
        message: String,
    },
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

#[derive(Debug, Args)]
pub struct CreateUser {
    /// The address to log in with
    #[arg(long)]
    pub email: Option<String>,
    /// Another name to log in with
    #[arg(long)]
    pub username: Option<String>,
    /// What the person is called
    #[arg(long)]
    pub name: Option<String>,
    /// What the person may do [default: the role of those who sign up]
    #[arg(long)]
    pub role: Option<String>,
    /// Read the password from the first line of standard input instead of asking for it
    #[arg(long)]
    pub password_stdin: bool,
}

#[derive(Debug, Args)]
pub struct Seed {
    /// Make this many numbered users besides, all with the same password
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub users: u32,
    /// Make this many items, owned by the numbered users in turn, or else by those of the roles [default: 20]
    #[arg(long, value_parser = clap::value_parser!(u32).range(..=100_000_000))]
    pub items: Option<u32>,
    /// Read the password of all from the first line of standard input instead of making one up
    #[arg(long)]
    pub password_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// List the jobs, newest first: those that wait, those that were done in the last week, and those that are dead
    List {
        /// Only those in this state
        #[arg(long, value_parser = ["waiting", "running", "done", "dead"])]
        state: Option<String>,
        /// As a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Have dead jobs tried again at once, and jobs that wait for their next attempt
    Retry {
        /// The ids of the jobs, as `jobs list` shows them
        #[arg(required_unless_present = "dead", conflicts_with = "dead")]
        ids: Vec<JobId>,
        /// All jobs that are dead
        #[arg(long)]
        dead: bool,
    },
}

#[derive(Debug, Args)]
pub struct GenerateKeys {
    /// EdDSA, ES256 or RS256 [default: the configured one, or else EdDSA]
    #[arg(long)]
    pub algorithm: Option<String>,
}

#[derive(Debug, Args)]
pub struct ListUsers {
    /// As a JSON array
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PurgeUsers {
    /// As a JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Say everything that is wrong with the configuration; exit code 2 if anything is
    Check,
    /// Print every key, its value and where it comes from; secrets are not shown
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub struct Healthcheck {
    /// Only ask whether the process lives, not whether its database does
    #[arg(long)]
    pub live: bool,
}

#[derive(Debug, Args)]
pub struct Openapi {
    /// The document of the program itself: title, version and paths are those of the built-in defaults
    #[arg(long)]
    pub defaults: bool,
    /// Compare the document of the defaults with this file; exit code 1 if they differ
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
}
