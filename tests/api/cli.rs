//! The command line.

use serde_json::json;

use crate::harness::{Home, PASSWORD, Server};

const BOB: [&str; 4] = ["create-user", "--email", "bob@example.com", "--password-stdin"];

fn migrated() -> Home {
    let home = Home::new();
    home.cli(["migrate", "upgrade", "head"]).exits(0);
    home
}

#[test]
fn help_and_version_are_on_standard_output() {
    let home = Home::new();
    let help = home.cli(["--help"]).exits(0).stdout;
    for command in ["serve", "migrate", "create-user", "list-users", "config", "healthcheck"] {
        assert!(help.contains(command), "{help}");
    }
    assert!(home.cli(["--version"]).exits(0).stdout.starts_with("keepstone "));
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    let home = Home::new();
    home.cli(["nonsense"]).exits(2);
    home.cli(["serve", "--nonsense"]).exits(2);
    home.cli(["serve", "--port", "none"]).exits(2);
    home.cli(["migrate", "sideways"]).exits(2);
}

#[tokio::test]
async fn a_user_made_on_the_command_line_logs_in() {
    let home = migrated();
    home.cli_reading(PASSWORD, BOB).exits(0);
    let server = home.start().await;
    server.anonymous().named("bob@example.com").log_in().await;
}

#[tokio::test]
async fn the_line_end_after_a_password_is_not_part_of_it() {
    let server = Server::start().await;
    server.home.cli_reading(&format!("{PASSWORD}\n"), BOB).exits(0);
    server.anonymous().named("bob@example.com").log_in().await;
}

#[tokio::test]
async fn an_administrator_is_made_on_the_command_line() {
    let server = Server::start().await;
    let admin = server.admin().await;
    assert_eq!(admin.get("/api/v1/users/me").await.is(200).json()["role"], "admin");
}

#[test]
fn a_user_who_cannot_be_made_is_an_error() {
    let home = migrated();
    home.cli_reading(PASSWORD, BOB).exits(0);
    let again = home.cli_reading(PASSWORD, BOB).exits(1);
    assert!(again.stderr.to_lowercase().contains("already registered"), "{again:#?}");
    for (password, email, role) in [
        ("short", "eve@example.com", "user"),
        ("", "eve@example.com", "user"),
        (PASSWORD, "not an address", "user"),
        (PASSWORD, "eve@example.com", "emperor"),
    ] {
        let run = home.cli_reading(password, ["create-user", "--email", email, "--role", role, "--password-stdin"]);
        assert!(matches!(run.code, Some(1 | 2)), "{run:#?}");
        assert!(!run.stderr.is_empty(), "{run:#?}");
    }
    assert_eq!(home.users().len(), 1);
}

#[test]
fn a_password_is_never_an_argument() {
    let home = migrated();
    home.cli(["create-user", "--email", "bob@example.com", "--password", PASSWORD]).exits(2);
    assert!(home.users().is_empty());
}

#[tokio::test]
async fn users_are_listed_for_people_and_for_programs() {
    let server = Server::start().await;
    let ada = server.anonymous().register("ada").await;
    server.home.cli_reading(PASSWORD, BOB).exits(0);
    let users = server.home.users();
    assert_eq!(users.len(), 2);
    let listed = users.iter().find(|user| user["email"] == "ada@example.com").unwrap();
    assert_eq!(listed["id"], ada.id);
    assert_eq!(listed["role"], "user");
    assert_eq!(listed["is_active"], true);
    assert!(!json!(users).to_string().contains("$2"), "{users:?}");
    let text = server.cli(["list-users"]).exits(0).stdout;
    assert!(text.contains("ada@example.com") && text.contains("bob@example.com"), "{text}");
}

#[test]
fn what_needs_tables_says_that_there_are_none() {
    let home = Home::new().without("AUTO_MIGRATE");
    let run = home.cli(["list-users"]).exits(1);
    assert!(run.stderr.contains("migrate"), "{run:#?}");
}

#[tokio::test]
async fn a_container_learns_whether_its_server_is_healthy() {
    let server = Server::start().await;
    let port = server.address().rsplit(':').next().unwrap().to_owned();
    let home = server.leave().env("PORT", &port);
    home.cli(["healthcheck"]).exits(1); // it has just ended
    let server = home.env("PORT", "0").start().await;
    let port = server.address().rsplit(':').next().unwrap().to_owned();
    let observer = Home::new().env("PORT", &port);
    observer.cli(["healthcheck"]).exits(0);
}
