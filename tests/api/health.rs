//! Health: alive, ready, and why not.

use keepstone_test_backends::Database;

use crate::harness::{Server, eventually};

#[tokio::test]
async fn a_healthy_server_says_who_it_is() {
    let server = Server::with().env("APP_VERSION", "7.8.9").start().await;
    let health = server.anonymous().get("/health").await.is(200).json();
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["version"], "7.8.9");
    assert_eq!(health["environment"], "test");
}

#[tokio::test]
async fn a_server_that_lives_says_so() {
    let server = Server::start().await;
    assert_eq!(server.anonymous().get("/health/live").await.is(200).json()["status"], "ok");
}

#[tokio::test]
async fn a_server_that_is_ready_says_what_it_has_checked() {
    let server = Server::start().await;
    let ready = server.anonymous().get("/health/ready").await.is(200).json();
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["checks"]["database"], "ok");
    assert_eq!(ready["checks"]["migrations"], "ok");
}

#[tokio::test]
async fn a_server_without_its_tables_lives_but_is_not_ready_until_they_are_made() {
    let server = Server::with().without("AUTO_MIGRATE").start().await;
    let anonymous = server.anonymous();
    if Database::chosen() == Database::Sqlite {
        anonymous.get("/health/ready").await.is(200); // it migrates by itself
        return;
    }
    anonymous.get("/health/live").await.is(200);
    let reply = anonymous.get("/health/ready").await.is(503);
    assert_eq!(reply.json()["checks"]["database"], "ok", "{reply:#?}");
    assert_ne!(reply.json()["checks"]["migrations"], "ok", "{reply:#?}");
    server.cli(["migrate", "upgrade", "head"]).exits(0);
    eventually("ready", async || (anonymous.get("/health/ready").await.status == 200).then_some(())).await;
    server.user("ada").await;
}

#[tokio::test]
async fn a_server_migrates_its_database_when_it_is_told_to() {
    let server = Server::with().env("AUTO_MIGRATE", "true").start().await;
    server.cli(["migrate", "check"]).exits(0);
}

#[tokio::test]
async fn a_server_whose_database_has_gone_lives_and_answers_503() {
    let database = Database::chosen();
    if database == Database::Sqlite {
        return; // a file does not go; see the tests of a full or a locked one
    }
    let backend = database.server();
    let server = Server::with().env("DATABASE_URL", &database.create_on(&backend, "lost")).start().await;
    let ada = server.user("ada").await;
    drop(backend);
    let anonymous = server.anonymous();
    eventually("not ready", async || (anonymous.get("/health/ready").await.status == 503).then_some(())).await;
    anonymous.get("/health/live").await.is(200);
    let reply = ada.try_log_in(crate::harness::PASSWORD).await.is(503);
    reply.problem();
    assert!(reply.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "{reply:#?}");
}
