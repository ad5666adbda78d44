//! Deactivation and deletion of accounts, and the corresponding audit events.

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Server};

const ME: &str = "/api/v1/users/me";
const USERS: &str = "/api/v1/users";

fn path(client: &Client) -> String {
    format!("{USERS}/{}", client.id)
}

/// Asserts that neither token nor password of this client works.
async fn assert_locked_out(client: &Client) {
    let problem = client.get(ME).await.is(401).problem_is("token_revoked");
    assert_eq!(problem["detail"], "Invalid or expired token");
    client.refresh().await.is(401).problem();
    let known = client.try_log_in(PASSWORD).await.is(401).problem_is("invalid_credentials");
    let unknown = client.anonymous().named("unknown@example.com").try_log_in(PASSWORD).await.is(401).problem();
    assert_eq!((&known["detail"], &known["title"]), (&unknown["detail"], &unknown["title"]));
}

#[tokio::test]
async fn a_deleted_user_is_locked_out_and_the_address_and_username_are_free() {
    let server = Server::start().await;
    let [admin, editor, viewer] = server.seeded(["admin", "editor", "viewer"]).await;
    for by_oneself in [true, false] {
        let ada = server.user("ada").await;
        let tablet = ada.clone().log_in().await;
        let before = editor.get(&path(&ada)).await.is(200).json();
        assert_eq!(before["deleted_at"], Value::Null);
        if by_oneself {
            ada.delete(ME).await.is(204);
        } else {
            admin.delete(&path(&ada)).await.is(204);
        }
        for someone in [&admin, &editor, &viewer] {
            someone.get(&path(&ada)).await.is(404).problem_is("user_not_found");
        }
        for client in [&ada, &tablet] {
            assert_locked_out(client).await;
        }
        let body = json!({"name": "Ghost"});
        admin.patch(&path(&ada)).json(&body).await.is(404).problem_is("user_not_found");
        admin.delete(&path(&ada)).await.is(404).problem_is("user_not_found");
        admin.delete(&format!("{}/sessions", path(&ada))).await.is(404).problem_is("user_not_found");
        let left = admin.get(USERS).await.is(200).json();
        assert!(!left.to_string().contains("ada@example.com"), "{left}");
        let again = server.user("ada").await; // with the same address and user name
        assert_ne!(again.id, ada.id);
        again.delete(ME).await.is(204);
    }
}

#[tokio::test]
async fn deleting_others_requires_users_manage() {
    let server = Server::start().await;
    let [admin, editor, user, viewer] = server.seeded(["admin", "editor", "user", "viewer"]).await;
    for someone in [&editor, &user, &viewer] {
        let other = if someone.id == viewer.id { &user } else { &viewer };
        for path in [path(other), path(&admin), format!("{USERS}/0192d3c4-0000-7000-8000-000000000000")] {
            someone.delete(&path).await.is(403).problem_is("insufficient_permissions");
        }
    }
    server.anonymous().delete(&path(&viewer)).await.is(401).problem_is("not_authenticated");
    server.anonymous().delete(ME).await.is(401).problem_is("not_authenticated");
    admin.delete(&format!("{USERS}/0192d3c4-0000-7000-8000-000000000000")).await.is(404).problem();
    admin.delete(&format!("{USERS}/1")).await.invalid_at(&[&["path", "id"]]);
    assert_eq!(server.home.users().len(), 4);
    viewer.delete(&path(&viewer)).await.is(204); // their own account, by its id
    assert_locked_out(&viewer).await;
}

#[tokio::test]
async fn a_deactivated_user_is_locked_out_until_reactivated() {
    let server = Server::start().await;
    let [admin, user] = server.seeded(["admin", "user"]).await;
    let changed = admin.patch(&path(&user)).json(&json!({"is_active": false})).await.is(200).json();
    assert_eq!((&changed["is_active"], &changed["role"]), (&json!(false), &json!("user")));
    user.get(ME).await.is(401).problem_is("token_revoked");
    user.refresh().await.is(401).problem();
    user.try_log_in(PASSWORD).await.is(403).problem_is("user_inactive");
    user.try_log_in("wrong password").await.is(401).problem_is("invalid_credentials");
    server
        .anonymous()
        .post("/api/v1/auth/register")
        .json(&json!({"email": user.email, "password": PASSWORD}))
        .await
        .is(400);

    admin.patch(&path(&user)).json(&json!({"is_active": true})).await.is(200);
    user.get(ME).await.is(401).problem_is("token_revoked"); // an ended session does not resume
    user.refresh().await.is(401).problem();
    user.clone().log_in().await.get(ME).await.is(200);
}

#[tokio::test]
async fn a_user_created_inactive_cannot_log_in_before_activation() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let body = json!({"email": "eve@example.com", "password": PASSWORD, "is_active": false});
    let reply = admin.post(USERS).json(&body).await.is(201);
    assert_eq!(reply.json()["is_active"], false);
    let eve = server.anonymous().named("eve@example.com");
    eve.try_log_in(PASSWORD).await.is(403).problem_is("user_inactive");
    admin.patch(reply.header("location").unwrap()).json(&json!({"is_active": true})).await.is(200);
    eve.log_in().await;
}

#[tokio::test]
async fn the_location_of_a_new_user_is_valid() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for path in ["/api/v1/auth/register", USERS, "/api/v1/users/"] {
        for caller in [&server.anonymous(), &admin] {
            let email = format!("{}@example.com", uuid_like(caller, path));
            let reply = caller.post(path).json(&json!({"email": email, "password": PASSWORD})).await.is(201);
            let location = reply.header("location").unwrap();
            assert!(location.starts_with("/api/v1/users/"), "{location}");
            let found = admin.get(location).await.is(200);
            assert_eq!(found.json(), reply.json());
            assert_eq!(found.etag(), reply.etag());
        }
    }
}

/// Returns a user name that is unique to this caller and path.
fn uuid_like(caller: &Client, path: &str) -> String {
    format!("{}{}", if caller.id.is_empty() { "anonymous" } else { "admin" }, path.replace('/', "-"))
}

#[tokio::test]
async fn changes_of_an_account_are_in_the_audit_log() {
    let server = Server::start().await;
    let [admin, editor] = server.seeded(["admin", "editor"]).await;
    let body = json!({"email": "eve@example.com", "password": PASSWORD, "role": "viewer"});
    let eve = admin.post(USERS).json(&body).await.is(201).json()["id"].as_str().unwrap().to_owned();
    let path = format!("{USERS}/{eve}");
    admin.patch(&path).json(&json!({"role": "editor", "name": "Eve"})).await.is(200);
    admin.patch(&path).json(&json!({"is_active": false})).await.is(200);
    admin.patch(&path).json(&json!({"is_active": true})).await.is(200);
    editor.patch(&path).json(&json!({"email": "eva@example.com"})).await.is(200);
    editor.patch(&path).json(&json!({"email": "EVA@example.com", "name": "Eva"})).await.is(200);
    editor.patch(&path).json(&json!({"role": "admin"})).await.is(403);
    admin.delete(&path).header("x-request-id", "the-end").await.is(204);
    let ada = server.user("ada").await;

    let log = admin.get("/api/v1/audit?page_size=100").await.is(200).json();
    let all: Vec<_> = log["items"].as_array().unwrap().iter().rev().collect();
    let events: Vec<_> = all.iter().filter(|event| event["user_id"] == eve.as_str()).collect();
    let summary =
        |event: &Value| (event["kind"].as_str().unwrap().to_owned(), event["actor_id"].as_str().map(str::to_owned));
    let expected = [
        ("user_created", &admin),
        ("role_changed", &admin),
        ("user_deactivated", &admin),
        ("user_activated", &admin),
        ("email_changed", &editor),
        ("user_deleted", &admin),
    ];
    let expected = expected.map(|(kind, actor)| (kind.to_owned(), Some(actor.id.clone())));
    assert_eq!(events.iter().map(|event| summary(event)).collect::<Vec<_>>(), expected, "{log:#}");
    assert_eq!(events[1]["detail"], json!({"from": "viewer", "to": "editor"}));
    assert_eq!(events[5]["request_id"], "the-end");
    assert_eq!(events[5]["ip"], "127.0.0.1");
    let own = all.iter().find(|event| event["kind"] == "user_created" && event["user_id"] == ada.id.as_str());
    assert_eq!(own.unwrap()["actor_id"], Value::Null); // the caller was anonymous
    for address in ["eve@example.com", "eva@example.com", PASSWORD] {
        assert!(!log.to_string().contains(address), "{log:#}");
    }
}
