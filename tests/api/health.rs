//! Health: liveness, readiness and the causes of failure.

use keepstone_test_backends::Database;

use crate::harness::{Server, eventually};

#[tokio::test]
async fn a_healthy_server_returns_its_identity() {
    let server = Server::with().env("APP_VERSION", "7.8.9").start().await;
    let health = server.anonymous().get("/health").await.is(200).json();
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["version"], "7.8.9");
    assert_eq!(health["environment"], "test");
}

#[tokio::test]
async fn a_running_server_is_live() {
    let server = Server::start().await;
    assert_eq!(server.anonymous().get("/health/live").await.is(200).json()["status"], "ok");
}

#[tokio::test]
async fn a_ready_server_lists_its_checks() {
    let server = Server::start().await;
    let ready = server.anonymous().get("/health/ready").await.is(200).json();
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["checks"]["database"], "ok");
    assert_eq!(ready["checks"]["migrations"], "ok");
}

#[tokio::test]
async fn a_server_without_tables_is_live_but_not_ready_until_migrated() {
    let server = Server::with().without("AUTO_MIGRATE").start().await;
    let anonymous = server.anonymous();
    if Database::chosen() == Database::Sqlite {
        anonymous.get("/health/ready").await.is(200); // with this database, the server migrates automatically
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
async fn a_server_migrates_its_database_if_configured() {
    let server = Server::with().env("AUTO_MIGRATE", "true").start().await;
    server.cli(["migrate", "check"]).exits(0);
}

#[tokio::test]
async fn a_server_without_its_database_is_live_and_returns_503() {
    let database = Database::chosen();
    if database == Database::Sqlite {
        return; // a database file does not become unreachable; other tests cover a full or locked file
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
