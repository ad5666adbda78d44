//! `FIRST_SUPERUSER`: a database without an administrator gets one when a server starts.

use keepstone_test_backends::Database;
use serde_json::json;

use crate::harness::{Home, PASSWORD, Server, eventually, together};

const EMAIL: &str = "first@example.com";

fn home() -> Home {
    Home::new().env("FIRST_SUPERUSER", EMAIL).env("FIRST_SUPERUSER_PASSWORD", PASSWORD)
}

/// Returns the addresses of all administrators.
fn admins(home: &Home) -> Vec<String> {
    let users = home.users();
    let admins = users.iter().filter(|user| user["role"] == "admin");
    admins.map(|user| user["email"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_new_database_gets_an_administrator_once() {
    let server = home().start().await;
    let admin = server.anonymous().named(EMAIL).log_in().await;
    let me = admin.get("/api/v1/users/me").await.is(200).json();
    assert_eq!((me["role"].as_str(), me["is_active"].as_bool()), (Some("admin"), Some(true)));
    assert_eq!(admin.event("user_created").await["user_id"], me["id"]);
    let log = server.log();
    assert!(log.contains("created the first administrator") && !log.contains(PASSWORD), "{log}");
    let change = json!({"current_password": PASSWORD, "new_password": "a longer river to Rome"});
    admin.post("/api/v1/users/me/change-password").json(&change).await.is(204);

    let again = server.another().await;
    assert_eq!(admins(&again.home), [EMAIL]);
    again.anonymous().named(EMAIL).try_log_in(PASSWORD).await.is(401);
}

#[tokio::test]
async fn several_servers_that_start_at_once_create_one() {
    let home = std::sync::Arc::new(home().migrated());
    let servers = together((0..4).map(|_| Server::of(std::sync::Arc::clone(&home)))).await;
    assert_eq!(admins(&home), [EMAIL]);
    for server in &servers {
        server.anonymous().named(EMAIL).log_in().await;
    }
}

#[tokio::test]
async fn a_database_with_an_administrator_keeps_it() {
    let server = Server::start().await;
    server.admin().await;
    let home = server.leave().env("FIRST_SUPERUSER", EMAIL).env("FIRST_SUPERUSER_PASSWORD", PASSWORD);
    let server = home.start().await;
    assert_eq!(admins(&server.home), ["admin@example.com"]);
    server.anonymous().named(EMAIL).try_log_in(PASSWORD).await.is(401);
}

#[tokio::test]
async fn an_existing_user_with_the_address_is_not_promoted() {
    let server = Server::start().await;
    server.user("first").await;
    let home = server.leave().env("FIRST_SUPERUSER", "FIRST@example.com").env("FIRST_SUPERUSER_PASSWORD", PASSWORD);
    let server = home.start().await;
    assert_eq!(admins(&server.home), [""; 0]);
    assert!(server.log().contains("FIRST_SUPERUSER was not created"), "{}", server.log());
}

#[tokio::test]
async fn an_administrator_is_created_as_soon_as_the_database_is_migrated() {
    if Database::chosen() == Database::Sqlite {
        return; // this server migrates the database itself
    }
    let server = home().without("AUTO_MIGRATE").start().await;
    server.anonymous().get("/health/ready").await.is(503);
    server.cli(["migrate", "upgrade"]).exits(0);
    let admin = server.anonymous().named(EMAIL);
    eventually("an administrator", async || (admin.try_log_in(PASSWORD).await.status == 200).then_some(())).await;
    assert_eq!(admins(&server.home), [EMAIL]);
}

#[test]
fn incomplete_settings_and_a_weak_password_are_rejected() {
    for (name, value) in
        [("FIRST_SUPERUSER_PASSWORD", ""), ("FIRST_SUPERUSER", ""), ("FIRST_SUPERUSER_PASSWORD", "short")]
    {
        let run = home().env(name, value).cli(["config", "check"]).exits(2);
        assert!(run.stderr.contains(name), "{run:#?}");
    }
}
