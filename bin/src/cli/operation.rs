//! The arguments of the commands for operation and diagnostics.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

pub const ABOUT_COMPLETIONS: &str = "\
To install:
  bash        keepstone completions bash >~/.local/share/bash-completion/completions/keepstone
  zsh         keepstone completions zsh >\"${fpath[1]}/_keepstone\"
  fish        keepstone completions fish >~/.config/fish/completions/keepstone.fish
  powershell  keepstone completions powershell >>$PROFILE
  elvish      keepstone completions elvish >>~/.config/elvish/rc.elv
Then open a new shell.";

#[derive(Debug, Args)]
pub struct Seed {
    /// Also create this many numbered users, all with the same password
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub users: u32,
    /// Create this many items, owned by the numbered users in turn, or else by the users of the roles [default: 20]
    #[arg(long, value_parser = clap::value_parser!(u32).range(..=100_000_000))]
    pub items: Option<u32>,
    /// Read the shared password from the first line of standard input instead of generating it
    #[arg(long)]
    pub password_stdin: bool,
    /// Print the outcome as JSON, with the password if it was generated
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CleanupTokens {
    /// Print the outcome as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PurgeUsers {
    /// Print the outcome as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct GenerateKeys {
    /// EdDSA, ES256 or RS256 [default: the configured algorithm, or else EdDSA]
    #[arg(long)]
    pub algorithm: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Report every problem of the configuration; exit code 2 if there is one
    Check {
        /// Print the outcome as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print every key, its value and its origin; secrets are not shown
    Show {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// Print the findings as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Healthcheck {
    /// Only check that the process is alive, not its database
    #[arg(long)]
    pub live: bool,
    /// The port of the server, if it was set by `serve --port` [default: PORT of the configuration]
    #[arg(long, conflicts_with = "url", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// The address of another server, such as `http://10.0.0.7:8000`
    #[arg(long)]
    pub url: Option<String>,
}

#[derive(Debug, Args)]
pub struct Openapi {
    /// Print the document of the program itself: title, version and paths from the built-in defaults
    #[arg(long)]
    pub defaults: bool,
    /// Compare the document of the built-in defaults with this file; exit code 1 if they differ
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Completions {
    /// Shell to generate completions for
    pub shell: Shell,
}
