//! The arguments of the commands for users.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub const ABOUT_CREATE: &str = "\
Examples:
  keepstone create-user --email ada@example.com --role admin
  keepstone create-user --email ada@example.com --password-stdin <password.txt";

pub const ABOUT_IMPORT: &str = "\
Columns, in any order and case; passwordHash and \"Password Hash\" are password_hash:
  email            required
  hashed_password  a hash by bcrypt, Argon2, or PBKDF2 or scrypt as Django, passlib and Werkzeug
                   write them; also called password_hash, encrypted_password or password, but a
                   password itself is refused
  username         another name to log in with
  name             display name; also called full_name or display_name, or in two: first_name and
                   last_name
  role             one of the configured roles [default: DEFAULT_ROLE]
  is_superuser     true grants the role admin, where no role is given; also called is_admin
  is_active        whether the person may log in [default: true]; or its opposite: blocked, disabled
  banned_until     a time before which the person may not log in
  email_verified   [default: false]; also called is_verified; or the time of it: email_confirmed_at
  created_at       2024-05-31T12:00:00Z, 2024-05-31 12:00:00 (UTC), or seconds or milliseconds since
                   1970 [default: now]; also called date_joined
  deleted_at       a row with it is not imported
Other columns are ignored, and listed once. An empty value, or null, is no value. true, t, yes, y,
on and 1 are true.

Exports of Django (dumpdata), Auth0, Supabase (auth.users) and Firebase (auth:export) are read as
they are. A user without a hash, with an unusable one (Django's \"!…\") or from Firebase has no
password here: they log in after setting one by e-mail (/password/forgot).

Examples:
  psql old -c \"\\copy (SELECT * FROM users) TO 'users.csv' CSV HEADER\"
  keepstone import-users --dry-run users.csv
  keepstone import-users users.csv 2>invalid-rows.txt
  gunzip -c users.jsonl.gz | keepstone import-users --format jsonl -

An invalid row is reported on standard error as FILE:LINE: COLUMN: REASON, and the exit code is 1.";

#[derive(Debug, Args)]
pub struct CreateUser {
    /// The address to log in with
    #[arg(long)]
    pub email: Option<String>,
    /// Another name to log in with
    #[arg(long)]
    pub username: Option<String>,
    /// The person's name
    #[arg(long)]
    pub name: Option<String>,
    /// The role of the user [default: the role of new sign-ups]
    #[arg(long)]
    pub role: Option<String>,
    /// Read the password from the first line of standard input instead of prompting for it
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
    /// File to read; `-` is standard input
    pub file: PathBuf,
    /// Format of the file [default: by its extension (.csv, .jsonl, .ndjson), else by its content]
    #[arg(long)]
    pub format: Option<ImportFormat>,
    /// Check every row and report the outcome without importing any user
    #[arg(long)]
    pub dry_run: bool,
    /// Print the outcome as JSON; invalid rows are reported on standard error
    #[arg(long)]
    pub json: bool,
}

/// The format of a file of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportFormat {
    /// A header, then a line for each user; also Firebase's CSV, which has no header
    Csv,
    /// A JSON object on each line
    Jsonl,
    /// A JSON list of objects, as Django's dumpdata and Firebase write it
    Json,
}
