//! Schemathesis generates requests from the OpenAPI document, valid and invalid. Every response must be documented,
//! none may be a server error, and no undocumented input may be accepted.
//!
//! `tests/run` installs Schemathesis; see `tests/schemathesis.txt`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keepstone_test_backends::Database;

use crate::harness::{Client, Server};

/// Operations that end the caller's session or account, after which nothing else could be tested.
const ENDINGS: &str = "/logout|/sessions|/users/me$|/change-password";

/// A disabled check: that every well-formed request is accepted. An address may be taken, a page and a cursor exclude
/// each other, and an entity tag may be outdated. No schema can express that.
const UNCHECKED: &str = "positive_data_acceptance";

fn program() -> PathBuf {
    // `target/tmp`, where `tests/run` installs it
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis/bin/st")
}

/// Returns whether Schemathesis is installed, and prints a message if not. (`REQUIRE_BACKENDS=all tests/run` ensures
/// that it is.)
fn is_here() -> bool {
    let is_installed = program().exists();
    if !is_installed {
        eprintln!("skipped: no {}", program().display());
    }
    // The responses do not depend on the database.
    is_installed && Database::chosen() == Database::Sqlite
}

async fn try_everything(server: &Server, client: &Client) {
    let mut command = Command::new(program());
    command.args(["run", &format!("{}/openapi.json", server.url), "--no-color", "--continue-on-failure"]);
    command.args(["--phases", "examples,coverage,fuzzing,stateful", "--checks", "all", "--exclude-checks", UNCHECKED]);
    command.args(["--seed", "1", "--max-examples", "15", "--generation-database", "none", "--warnings", "off"]);
    if let Some(token) = client.tokens["access_token"].as_str() {
        command.args(["--header", &format!("Authorization: Bearer {token}"), "--exclude-path-regex", ENDINGS]);
    }
    command.current_dir(server.home.path()).stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}{}", String::from_utf8_lossy(&output.stderr));
    assert!(report.contains("test cases") || report.contains("Test cases"), "no test cases were run: {report}");
}

#[tokio::test]
async fn anonymous_callers_get_only_documented_responses() {
    if is_here() {
        let server = Server::with().with_mail().start().await;
        try_everything(&server, &server.anonymous()).await;
    }
}

#[tokio::test]
async fn a_user_gets_only_documented_responses() {
    if is_here() {
        let server = Server::with().with_mail().start().await;
        let [user] = server.seeded(["user"]).await;
        try_everything(&server, &user).await;
    }
}

#[tokio::test]
async fn an_administrator_gets_only_documented_responses() {
    if is_here() {
        let server = Server::with().with_mail().start().await;
        let [admin] = server.seeded(["admin"]).await;
        try_everything(&server, &admin).await;
    }
}
