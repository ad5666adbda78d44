//! Standard output: every command must work with any kind of it, and must report a failed write.

use std::fs::OpenOptions;
use std::process::Stdio;

use keepstone_test_backends::Database;

use crate::harness::{Home, PASSWORD, Server};

/// Every command that prints, ordered so that each has something to print.
const PRINTING: [&[&str]; 28] = [
    &["--help"],
    &["--version"],
    &["help", "migrate"],
    &["config", "check"],
    &["config", "show"],
    &["config", "show", "--json"],
    &["openapi"],
    &["completions", "bash"],
    &["migrate", "upgrade", "--sql"],
    &["migrate", "history"],
    &["migrate", "current"],
    &["migrate", "upgrade"],
    &["migrate", "check"],
    &["migrate", "revision", "-m", "add things"],
    &["init-db"],
    &["create-user", "--email", "bob@example.com", "--password-stdin"],
    &["list-users"],
    &["list-users", "--json"],
    &["import-users", "empty.jsonl"],
    &["seed", "--items", "1", "--password-stdin"],
    &["cleanup-tokens"],
    &["purge-users"],
    &["jobs", "list", "--json"],
    &["jobs", "retry", "--dead", "--json"],
    &["config", "check", "--json"],
    &["doctor"],
    &["generate-keys"],
    &["serve", "--announce", "--port", "0"],
];

/// Returns a device that is always full.
fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

#[test]
fn a_failed_write_to_standard_output_fails_every_command() {
    let home = Home::new().file("empty.jsonl", "");
    for command in PRINTING {
        let run = home.cli_between(PASSWORD, full(), command.iter().copied()).exits(1);
        assert!(run.stderr.contains("standard output"), "{command:?}: {run:#?}");
    }
    assert_eq!(home.users().len(), 5, "the commands still took effect");
    if Database::chosen() == Database::Sqlite {
        home.cli_between("", full(), ["backup", "copy.db"]).exits(1);
    }
    home.cli_between("", full(), ["migrate", "downgrade", "base"]).exits(1);
}

#[tokio::test]
async fn a_health_check_that_cannot_print_fails() {
    let server = Server::start().await;
    let port = server.address().rsplit(':').next().unwrap().to_owned();
    let run = Home::new().env("PORT", &port).cli_between("", full(), ["healthcheck"]).exits(1);
    assert!(run.stderr.contains("standard output"), "{run:#?}");
}

#[test]
fn output_on_standard_error_does_not_need_standard_output() {
    Home::new().cli_between("", full(), ["nonsense"]).exits(2);
    Home::new().env("PORT", "x").cli_between("", full(), ["config", "check"]).exits(2);
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let home = Home::new();
    for command in [&["config", "show"][..], &["openapi"], &["--help"], &["migrate", "upgrade"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = home.cli_between("", writer.into(), command.iter().copied()).exits(0);
        assert!(!run.stderr.contains("panic") && !run.stderr.contains("standard output"), "{command:?}: {run:#?}");
    }
}
