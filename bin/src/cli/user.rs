//! The words about users.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub const ABOUT_CREATE: &str = "\
Examples:
  keepstone create-user --email ada@example.com --role admin
  keepstone create-user --email ada@example.com --password-stdin <password.txt";

pub const ABOUT_IMPORT: &str = "\
Columns, in any order and any case; others are ignored, and named once:
  email            needed
  hashed_password  needed: a hash by bcrypt ($2a$, $2b$, $2y$) or argon2 ($argon2id$, $argon2i$);
                   also called password_hash or password, but a password itself is refused
  username         another name to log in with
  name             what the person is called; also called full_name
  role             one of the configured roles [default: DEFAULT_ROLE]
  is_superuser     true is the role admin, where no role is given; also called is_admin
  is_active        whether the person may log in [default: true]
  email_verified   [default: false]; also called is_verified or is_email_verified
  created_at       2024-05-31T12:00:00Z or 2024-05-31 12:00:00; without a zone, UTC [default: now]
An empty value, or null, is none. true, t, yes, y, on and 1 are true.

Examples:
  psql old -c \"\\copy (SELECT * FROM users) TO 'users.csv' CSV HEADER\"
  keepstone import-users --dry-run users.csv
  keepstone import-users users.csv 2>bad-rows.txt
  gunzip -c users.jsonl.gz | keepstone import-users --format jsonl -

A bad row is a line on standard error, FILE:LINE: COLUMN: REASON, and makes the exit code 1.";

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
    /// Print the user as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ListUsers {
    /// Print a JSON array
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ImportUsers {
    /// The file to read; `-` is standard input
    pub file: PathBuf,
    /// How the file is written [default: as its name ends (.csv, .jsonl, .ndjson), or else as its first character
    /// tells]
    #[arg(long)]
    pub format: Option<ImportFormat>,
    /// Look at every row and say what would happen, and make nobody
    #[arg(long)]
    pub dry_run: bool,
    /// Print the outcome as JSON; bad rows are told on standard error all the same
    #[arg(long)]
    pub json: bool,
}

/// How a file of users is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportFormat {
    /// A header, then a line for each user
    Csv,
    /// A JSON object on each line
    Jsonl,
}
