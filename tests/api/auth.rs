//! Registration.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, Server, together};

fn ada() -> Value {
    json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada Lovelace"})
}

#[tokio::test]
async fn registering_returns_the_user_without_the_password() {
    let server = Server::start().await;
    let reply = server.anonymous().post("/api/v1/auth/register").json(&ada()).await.is(201);
    let user = reply.json();
    assert_eq!(user["email"], "ada@example.com");
    assert_eq!(user["name"], "Ada Lovelace");
    assert_eq!(user["username"], Value::Null);
    assert_eq!(user["role"], "user");
    assert_eq!(user["is_active"], true);
    assert_eq!(user["email_verified"], false);
    assert_eq!(user["deleted_at"], Value::Null);
    let members: Vec<&String> = user.as_object().unwrap().keys().collect();
    let known = "created_at deleted_at email email_verified id is_active name pending_email role updated_at username";
    assert_eq!(members, known.split(' ').collect::<Vec<_>>());
    assert!(!reply.body.contains(PASSWORD) && !reply.body.contains("$2"), "{reply:#?}");
}

#[tokio::test]
async fn ids_are_uuids_of_version_7_and_times_are_utc_with_microseconds() {
    let server = Server::start().await;
    let user = server.anonymous().post("/api/v1/auth/register").json(&ada()).await.is(201).json();
    let id = user["id"].as_str().unwrap();
    assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
    assert!(id.split('-').nth(2).unwrap().starts_with('7'), "{id}");
    for member in ["created_at", "updated_at"] {
        let time = user[member].as_str().unwrap();
        assert_eq!(time.len(), "2026-01-31T09:30:00.123456Z".len(), "{time}");
        assert!(time.ends_with('Z') && time.as_bytes()[10] == b'T' && time.as_bytes()[19] == b'.', "{time}");
    }
}

#[tokio::test]
async fn registering_twice_is_rejected_as_already_registered() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    anonymous.post("/api/v1/auth/register").json(&ada()).await.is(201);
    let problem = anonymous.post("/api/v1/auth/register").json(&ada()).await.is(400).problem();
    assert!(problem["detail"].as_str().unwrap().contains("already registered"), "{problem}");
    assert_eq!(problem["code"], "email_already_registered");
}

#[tokio::test]
async fn addresses_ignore_case_and_surrounding_spaces() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    anonymous.post("/api/v1/auth/register").json(&ada()).await.is(201);
    for email in ["ADA@EXAMPLE.COM", "Ada@Example.com", "  ada@example.com "] {
        let body = json!({"email": email, "password": PASSWORD});
        let reply = anonymous.post("/api/v1/auth/register").json(&body).await.is(400);
        reply.problem_is("email_already_registered");
    }
}

#[tokio::test]
async fn fifty_concurrent_registrations_of_one_address_create_one_account() {
    let server = Server::with().env("HASH_CONCURRENCY", "50").start().await;
    let statuses = together((0..50).map(|number| {
        let anonymous = server.anonymous();
        let email = if number % 2 == 0 { "ada@example.com" } else { "ADA@Example.COM" };
        let body = json!({"email": email, "password": PASSWORD});
        async move {
            let reply = anonymous.post("/api/v1/auth/register").json(&body).await;
            if reply.status != 201 {
                reply.problem_is("email_already_registered");
            }
            reply.status
        }
    }))
    .await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 49, "{statuses:?}");
    assert_eq!(server.home.users().len(), 1);
}

#[tokio::test]
async fn a_taken_username_is_a_conflict_in_any_case() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "username": "Ada"});
    assert_eq!(anonymous.post("/api/v1/auth/register").json(&body).await.is(201).json()["username"], "Ada");
    let body = json!({"email": "other@example.com", "password": PASSWORD, "username": "aDA"});
    anonymous.post("/api/v1/auth/register").json(&body).await.is(409).problem();
    assert_eq!(server.home.users().len(), 1);
}

#[tokio::test]
async fn a_registration_cannot_choose_its_role() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    for role in ["admin", "ADMIN", "editor", "viewer"] {
        let mut body = ada();
        body["role"] = json!(role);
        let reply = anonymous.post("/api/v1/auth/register").json(&body).await.is(403);
        reply.problem_is("insufficient_permissions");
    }
    assert!(server.home.users().is_empty());
    let mut body = ada();
    body["role"] = json!("user"); // the default role anyway
    anonymous.post("/api/v1/auth/register").json(&body).await.is(201);
}

#[tokio::test]
async fn unknown_members_change_nothing() {
    let server = Server::start().await;
    let mut body = ada();
    for member in ["id", "public_id", "password_hash", "created_at", "is_superuser", "favourite_colour"] {
        body[member] = json!("0192d3c4-0000-7000-8000-000000000000");
    }
    let user = server.anonymous().post("/api/v1/auth/register").json(&body).await.is(201).json();
    assert_ne!(user["id"], body["id"]);
    assert_ne!(user["created_at"], body["created_at"]);
    assert_eq!(user["role"], "user");
    server.anonymous().named("ada@example.com").log_in().await;
}

#[tokio::test]
async fn full_name_is_an_alias_of_name() {
    let server = Server::start().await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "full_name": "Ada Lovelace"});
    let user = server.anonymous().post("/api/v1/auth/register").json(&body).await.is(201).json();
    assert_eq!(user["name"], "Ada Lovelace");
}

#[tokio::test]
async fn invalid_addresses_and_names_are_rejected_with_their_location() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    for email in
        ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@example.com\nbcc:x@y.z", "ada\0@example.com"]
    {
        let body = json!({"email": email, "password": PASSWORD});
        anonymous.post("/api/v1/auth/register").json(&body).await.invalid_at(&[&["body", "email"]]);
    }
    for (member, value) in [
        ("username", "ab".to_owned()),
        ("username", "a b c".to_owned()),
        ("username", "a".repeat(51)),
        ("username", "ada\0lovelace".to_owned()),
        ("name", String::new()),
        ("name", "a".repeat(101)),
        ("name", "a\0b".to_owned()),
    ] {
        let mut body = ada();
        body[member] = json!(value);
        anonymous.post("/api/v1/auth/register").json(&body).await.invalid_at(&[&["body", member]]);
    }
    assert!(server.home.users().is_empty());
}

#[tokio::test]
async fn a_closed_registration_rejects_sign_ups() {
    let server = Server::with().env("REGISTRATION", "closed").start().await;
    let anonymous = server.anonymous();
    for path in ["/api/v1/auth/register", "/api/v1/users"] {
        anonymous.post(path).json(&ada()).await.is(403).problem_is("registration_closed");
    }
    assert!(server.home.users().is_empty());
}
