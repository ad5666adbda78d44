//! The audit log: it contains security-relevant events and no secrets.

use serde_json::json;

use crate::harness::{PASSWORD, Server};

const AUDIT: &str = "/api/v1/audit";

#[tokio::test]
async fn security_events_are_logged_without_secrets() {
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
async fn reading_the_log_requires_the_permission() {
    let server = Server::start().await;
    server.anonymous().get(AUDIT).await.is(401).problem_is("not_authenticated");
    server.user("ada").await.get(AUDIT).await.is(403).problem_is("insufficient_permissions");
}

#[tokio::test]
async fn the_log_is_read_in_pages() {
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

#[tokio::test]
async fn a_wrong_password_logs_the_account_and_an_unknown_name_only_its_digest() {
    let server = Server::start().await;
    let [admin] = server.seeded(["admin"]).await;
    let ada = server.user("ada").await;
    let log_in = async |body: &serde_json::Value| {
        server.anonymous().post("/api/v1/auth/login").json(body).await.is(401);
        admin.event("login_failed").await
    };
    for name in ["email", "username"] {
        let known = if name == "email" { " ADA@example.com" } else { "ADA" };
        let event = log_in(&json!({name: known, "password": "wrong password"})).await;
        assert_eq!((&event["user_id"], &event["actor_id"]), (&json!(ada.id), &json!(null)));
        assert_eq!(event["detail"], json!({"reason": "credentials"}));
        let unknown = if name == "email" { "bob@example.com" } else { "bob" };
        let event = log_in(&json!({name: unknown, "password": "wrong password"})).await;
        assert_eq!(event["user_id"], json!(null));
        assert_eq!(event["detail"]["identifier"].as_str().map(str::len), Some(16), "{event}");
    }
    let form = [("username", "ada@example.com"), ("password", "wrong password")];
    server.anonymous().post("/api/v1/auth/login").form(&form).await.is(400);
    assert_eq!(admin.event("login_failed").await["user_id"], json!(ada.id));
}

#[tokio::test]
async fn filters_narrow_the_log_and_can_be_combined() {
    let server = Server::with().env("TRUSTED_PROXIES", "127.0.0.0/8").start().await;
    let [admin] = server.seeded(["admin"]).await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    for ip in ["192.0.2.7", "2001:db8::7"] {
        let body = json!({"email": "ada@example.com", "password": "wrong password"});
        server.anonymous().post("/api/v1/auth/login").header("x-forwarded-for", ip).json(&body).await.is(401);
    }
    admin.patch(&format!("/api/v1/users/{}", bob.id)).json(&json!({"role": "viewer"})).await.is(200);
    let all = admin.get(&format!("{AUDIT}?page_size=100")).await.is(200).json();
    let all = all["items"].as_array().unwrap();
    let middle = all[3]["at"].as_str().unwrap();
    let [id, by] = [&ada.id, &admin.id];
    for (query, expected) in [
        (
            "kind=login_failed".to_owned(),
            all.iter().filter(|event| event["kind"] == "login_failed").collect::<Vec<_>>(),
        ),
        (format!("user_id={id}"), all.iter().filter(|event| event["user_id"] == **id).collect()),
        (
            format!("user_id={id}&kind=login"),
            all.iter().filter(|event| event["user_id"] == **id && event["kind"] == "login").collect(),
        ),
        (format!("actor_id={by}"), all.iter().filter(|event| event["actor_id"] == **by).collect()),
        ("ip=192.0.2.7".to_owned(), all.iter().filter(|event| event["ip"] == "192.0.2.7").collect()),
        ("ip=::ffff:192.0.2.7".to_owned(), all.iter().filter(|event| event["ip"] == "192.0.2.7").collect()),
        ("ip=2001:DB8:0::7".to_owned(), all.iter().filter(|event| event["ip"] == "2001:db8::7").collect()),
        (format!("since={middle}"), all.iter().filter(|event| event["at"].as_str() >= Some(middle)).collect()),
        (format!("until={middle}"), all.iter().filter(|event| event["at"].as_str() < Some(middle)).collect()),
    ] {
        let found = admin.get(&format!("{AUDIT}?page_size=100&{query}")).await.is(200).json();
        assert!(!expected.is_empty() && found["total"] == expected.len(), "{query}: {found:#}");
        assert_eq!(found["items"].as_array().unwrap().iter().collect::<Vec<_>>(), expected, "{query}");
        let (mut parts, mut next) = (Vec::new(), String::new());
        loop {
            let part = admin.get(&format!("{AUDIT}?page_size=1&{query}{next}")).await.is(200).json();
            parts.extend(part["items"].as_array().unwrap().clone());
            let Some(cursor) = part["next_cursor"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        assert_eq!(parts.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    for (query, name) in [
        ("kind=nonsense", "kind"),
        ("user_id=17", "user_id"),
        ("actor_id=x", "actor_id"),
        ("ip=localhost", "ip"),
        ("since=yesterday", "since"),
        ("until=2026-01-31T09:30:00+02:00", "until"),
        ("since=2026-01-31T09:30:00Z&until=2026-01-31T09:30:00Z", "until"),
    ] {
        admin.get(&format!("{AUDIT}?{query}")).await.invalid_at(&[&["query", name]]);
    }
}
