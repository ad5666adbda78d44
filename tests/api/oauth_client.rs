//! Published OAuth 2 clients from npm (`tests/web`) at the token endpoint.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use keepstone_test_backends::{Database, is_skipped, node_missing};

use crate::harness::{PASSWORD, Run, Server, web_folder};

#[tokio::test]
async fn npm_clients_log_in_refresh_and_read_errors() {
    let packages = web_folder().join("node_modules");
    let no_packages = || (!packages.is_dir()).then(|| format!("no {}", packages.display()));
    if Database::chosen() != Database::Sqlite || is_skipped(node_missing().or_else(no_packages)) {
        return; // clients do not depend on the database
    }
    let server = Server::start().await;
    server.anonymous().register("ada").await;
    let mut command = Command::new("node");
    command.args([Path::new("clients.mjs").as_os_str()]).args([&server.url, "ada", PASSWORD]);
    command.current_dir(web_folder()).stdout(Stdio::piped());
    let run = tokio::task::spawn_blocking(move || Run::of(command, "", Duration::from_mins(1))).await.unwrap();
    assert_eq!((run.code, run.stdout.trim()), (Some(0), "all clients work"), "{run:#?}");
}
