//! Somebody who has nothing but the document tries everything that it tells of, and everything that it does not: no
//! answer may be one that it does not describe, none may be an error of the server, and nothing that it forbids may be
//! accepted.
//!
//! `tests/run` installs Schemathesis; see `tests/schemathesis.txt`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keepstone_test_backends::Database;

use crate::harness::{Client, Server};

/// What ends the caller's session or account, so that nothing could be tried afterwards.
const ENDINGS: &str = "/logout|/sessions|/users/me$|/change-password";

/// Not among the checks: that everything of the right form is accepted. An address may be taken, a page and a cursor
/// may not be asked for at once, an entity tag may be an old one; no schema says that.
const UNCHECKED: &str = "positive_data_acceptance";

fn program() -> PathBuf {
    // `target/tmp`, where `tests/run` installs it
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis/bin/st")
}

/// Says so when it is not installed. (`REQUIRE_BACKENDS=all tests/run` has made sure that it is.)
fn is_here() -> bool {
    let is_installed = program().exists();
    if !is_installed {
        eprintln!("skipped: no {}", program().display());
    }
    // Its forms know nothing of databases.
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
    assert!(report.contains("test cases") || report.contains("Test cases"), "nothing was tried: {report}");
}

#[tokio::test]
async fn nobody_gets_an_answer_that_is_not_described() {
    if is_here() {
        let server = Server::with().with_mail().start().await;
        try_everything(&server, &server.anonymous()).await;
    }
}

#[tokio::test]
async fn a_user_gets_no_answer_that_is_not_described() {
    if is_here() {
        let server = Server::with().with_mail().start().await;
        let [user] = server.seeded(["user"]).await;
        try_everything(&server, &user).await;
    }
}

#[tokio::test]
async fn an_administrator_gets_no_answer_that_is_not_described() {
    if is_here() {
        let server = Server::with().with_mail().start().await;
        let [admin] = server.seeded(["admin"]).await;
        try_everything(&server, &admin).await;
    }
}
