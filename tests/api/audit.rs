//! The audit log: what bears on security is in it, and no secret with it.

use crate::harness::{PASSWORD, Server};

const AUDIT: &str = "/api/v1/audit";

#[tokio::test]
async fn what_bears_on_security_is_in_the_log_and_no_secret_with_it() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    ada.try_log_in("wrong password").await.is(401);
    let next = ada.clone().with(ada.refresh().await.is(200).json());
    next.refresh().await.is(200);
    ada.refresh().header("x-request-id", "replayed-1").await.is(401);
    let admin = server.admin().await;

    let log = admin.get(AUDIT).await.is(200).json();
    let events = log["items"].as_array().unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["login", "user_created", "refresh_reused", "login_failed", "login", "user_created"], "{log:#}");
    assert_eq!(log["total"], 6);
    let reused = &events[2];
    assert_eq!((reused["user_id"].as_str(), reused["request_id"].as_str()), (Some(&*ada.id), Some("replayed-1")));
    assert_eq!(reused["ip"], "127.0.0.1");

    let text = log.to_string();
    for secret in [PASSWORD, "wrong password", "eyJ", "$2b$", "ada@example.com"] {
        assert!(!text.contains(secret), "{secret} is in {log:#}");
    }
}

#[tokio::test]
async fn the_log_is_for_those_who_may_read_it() {
    let server = Server::start().await;
    server.anonymous().get(AUDIT).await.is(401).problem_is("not_authenticated");
    server.user("ada").await.get(AUDIT).await.is(403).problem_is("insufficient_permissions");
}

#[tokio::test]
async fn the_log_is_read_in_parts() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user("ada").await;
    let all = admin.get(AUDIT).await.is(200).json();
    let second = admin.get(&format!("{AUDIT}?page=2&page_size=1")).await.is(200).json();
    assert_eq!(second["items"][0], all["items"][1]);
    let skipped = admin.get(&format!("{AUDIT}?skip=1&limit=2")).await.is(200).json();
    assert_eq!(skipped["items"].as_array().unwrap()[..], all["items"].as_array().unwrap()[1..3]);
    admin.get(&format!("{AUDIT}?page_size=101")).await.invalid_at(&[&["query", "page_size"]]);
}
