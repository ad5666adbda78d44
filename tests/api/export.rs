//! The data export: all data about the caller, for the caller only, complete or visibly broken.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::harness::{Client, PASSWORD, PATIENCE, Raw, Server, eventually, together};

const EXPORT: &str = "/api/v1/users/me/export";
const ITEMS: &str = "/api/v1/items";

/// Registers a user with an item, and a session with this browser name.
async fn someone(server: &Server, name: &str) -> Client {
    let client = server.anonymous().register(name).await;
    let body = json!({"email": client.email, "password": PASSWORD});
    let login = client.post("/api/v1/auth/login").header("user-agent", &format!("{name} browser")).json(&body);
    let client = client.clone().with(login.await.is(200).json());
    client.patch("/api/v1/users/me").json(&json!({"name": format!("{name} canary")})).await.is(200);
    let item = json!({"title": format!("{name} title"), "description": format!("{name} description")});
    client.post(ITEMS).json(&item).await.is(201);
    client
}

fn rows<'a>(export: &'a Value, list: &str) -> &'a Vec<Value> {
    export[list].as_array().unwrap()
}

fn kinds(export: &Value) -> Vec<&str> {
    rows(export, "audit_events").iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_export_has_all_data_of_the_caller_and_none_of_others() {
    let server = Server::start().await;
    let [admin, editor] = server.seeded(["admin", "editor"]).await;
    let (ada, bob) = (someone(&server, "ada").await, someone(&server, "bob").await);
    ada.clone().log_in().await.post("/api/v1/auth/logout").await.is(204);
    let path = format!("/api/v1/users/{}", ada.id);
    let by = |id: &str| format!("by-{id}");
    editor.patch(&path).header("x-request-id", &by("editor")).json(&json!({"email": "lovelace@example.com"})).await;
    // A login is rejected although the password is correct, and the audit log records it.
    admin.patch(&path).json(&json!({"is_active": false})).await.is(200);
    let ada = ada.named("lovelace@example.com");
    ada.try_log_in(PASSWORD).await.is(403);
    admin.patch(&path).json(&json!({"is_active": true, "role": "editor"})).await.is(200);
    let ada = ada.log_in().await;

    let reply = ada.get(EXPORT).await.is(200);
    let export = reply.json();
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let date = &export["exported_at"].as_str().unwrap()[..10];
    let name = format!("attachment; filename=\"keepstone-export-{date}.json\"");
    assert_eq!(reply.header("content-disposition"), Some(&*name));
    assert_eq!(reply.members(), "audit_events exported_at items reserved_emails sessions user");

    assert_eq!(export["user"], ada.get("/api/v1/users/me").await.is(200).json());
    assert_eq!(json!(rows(&export, "items")), ada.get("/api/v1/items/my").await.is(200).json()["items"]);
    let sessions = rows(&export, "sessions");
    let reasons: Vec<_> = sessions.iter().map(|session| session["end_reason"].as_str()).collect();
    assert_eq!(reasons, [None, Some("logout"), Some("account_closed")], "{export:#}");
    assert_eq!((&sessions[0]["current"], &sessions[1]["current"]), (&json!(true), &json!(false)));
    assert_eq!(sessions[2]["user_agent"], "ada browser");
    assert_eq!(sessions[2]["ip"], "127.0.0.1");
    let expected = ["login", "user_activated", "role_changed", "login_failed", "user_deactivated", "email_changed"];
    let expected: Vec<_> = expected.into_iter().chain(["logout", "login", "login", "user_created"]).collect();
    assert_eq!(kinds(&export), expected, "{export:#}");
    let events = rows(&export, "audit_events");
    for event in events {
        let by_others = ["role_changed", "user_activated", "user_deactivated", "email_changed"].map(Value::from);
        if by_others.contains(&event["kind"]) {
            let recorded = [&event["actor_id"], &event["ip"], &event["request_id"]];
            assert_eq!(recorded, [&Value::Null; 3], "{event:#}");
        }
        assert_eq!(event["user_id"], ada.id);
    }
    assert_eq!(events[3]["detail"], json!({"reason": "inactive"}));
    for secret in [&*bob.id, &*admin.id, &*editor.id, "bob", "seed", "by-editor", PASSWORD, "eyJ", "$2b$", "hash"] {
        assert!(!reply.body.contains(secret), "{secret} is in {export:#}");
    }
}

#[tokio::test]
async fn an_export_lists_actions_on_others_without_naming_them() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let bob = someone(&server, "bob").await;
    admin.delete(&format!("/api/v1/users/{}/sessions", bob.id)).await.is(204);
    admin.delete(&format!("/api/v1/users/{}", bob.id)).await.is(204);
    let reply = admin.get(EXPORT).await.is(200);
    let export = reply.json();
    assert_eq!(kinds(&export), ["login", "user_created", "user_deleted", "sessions_revoked"], "{export:#}");
    for event in &rows(&export, "audit_events")[2..] {
        assert_eq!((&event["actor_id"], &event["user_id"]), (&json!(admin.id), &Value::Null));
    }
    assert!(!reply.body.contains(&bob.id) && !reply.body.contains("bob"), "{export:#}");
}

#[tokio::test]
async fn a_large_export_is_complete() {
    let server = Server::start().await;
    server.home.cli_reading(PASSWORD, ["seed", "--users", "2", "--items", "3000", "--password-stdin"]).exits(0);
    let owner = server.anonymous().named("user-000001@seed.example").log_in().await;
    let export = owner.get(EXPORT).await.is(200).json();
    let items = rows(&export, "items");
    let ids: BTreeSet<_> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!((items.len(), ids.len()), (1_500, 1_500));
    assert!(items.iter().all(|item| item["owner_id"] == owner.id));
    let order: Vec<_> = items.iter().map(|item| (item["created_at"].as_str(), item["id"].as_str())).collect();
    assert!(order.is_sorted_by(|one, next| one > next), "newest first");
}

#[tokio::test]
async fn an_export_has_no_data_of_the_previous_owner_of_an_address() {
    let server = Server::start().await;
    let old = someone(&server, "ada").await;
    old.delete("/api/v1/users/me").await.is(204);
    old.get(EXPORT).await.is(401).problem_is("token_revoked");
    let new = server.user("ada").await;
    let reply = new.get(EXPORT).await.is(200);
    let export = reply.json();
    assert_eq!((rows(&export, "items").len(), rows(&export, "sessions").len()), (0, 1));
    assert_eq!(kinds(&export), ["login", "user_created"]);
    for text in [&*old.id, "canary", "title", "browser"] {
        assert!(!reply.body.contains(text), "{text} is in {export:#}");
    }
}

#[tokio::test]
async fn exports_are_rate_limited_and_head_requests_read_nothing() {
    let server = Server::with().env("RATE_LIMIT_ENABLED", "true").start().await;
    let ada = server.user("ada").await;
    for left in (0..10).rev() {
        let reply = if left % 2 == 0 { ada.head(EXPORT).await } else { ada.get(EXPORT).await };
        let reply = reply.is(200);
        assert_eq!(reply.header("ratelimit-remaining"), Some(&*left.to_string()));
        assert_eq!((reply.body.is_empty(), reply.header("content-length")), (left % 2 == 0, None));
    }
    ada.get(EXPORT).await.is(429).problem_is("rate_limited");
    ada.get("/api/v1/users/me").await.is(200);
}

/// Adds more data than the buffers of a connection hold.
async fn fill(client: &Client) {
    for _ in 0..15 {
        let some = (0..20).map(|number| {
            let (client, description) = (client.clone(), "\u{1f5dd}".repeat(10_000));
            let item = json!({"title": format!("large {number}"), "description": description});
            async move { client.post(ITEMS).json(&item).await.status }
        });
        assert!(together(some).await.iter().all(|status| *status == 201));
    }
}

#[tokio::test]
async fn an_interrupted_export_does_not_look_complete() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let phone = ada.clone().log_in().await;
    fill(&ada).await;
    let request = |token: &Value| {
        let (address, token) = (server.address(), token.as_str().unwrap());
        format!(
            "GET {EXPORT} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        )
    };
    for is_to_break in [false, true] {
        // A slow reader.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let stream = socket.connect(server.address().parse().unwrap()).await.unwrap();
        let mut slow = Raw::from(stream).send(request(&phone.tokens["access_token"]).as_bytes()).await;
        slow.hear("\"items\":[").await;
        if is_to_break {
            ada.post("/api/v1/auth/logout-all").await.is(204);
        }
        let heard = slow.until_closed(PATIENCE * 3).await;
        let is_whole = heard.text.ends_with("\r\n]}\r\n0\r\n\r\n");
        let end: String = heard.text.chars().rev().take(80).collect::<Vec<_>>().into_iter().rev().collect();
        assert_eq!(is_whole, !is_to_break, "after {:?}: …{end}", heard.after);
        assert!(heard.text.len() > 1_000_000, "the export had started: {}", heard.text.len());
        assert!(is_whole || !heard.text.ends_with("\r\n0\r\n\r\n"), "the transfer must not end normally: …{end}");
    }
    let is_said = async || server.log().contains("export interrupted").then_some(());
    eventually("the error is logged", is_said).await;
}
