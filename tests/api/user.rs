//! Users, and the members that each caller can see.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, Server};

#[tokio::test]
async fn posting_a_user_registers_it() {
    let server = Server::start().await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let reply = server.anonymous().post("/api/v1/users/").json(&body).await.is(201);
    let user = reply.json();
    assert_eq!(user["email"], "ada@example.com");
    let id = user["id"].as_str().unwrap();
    assert!(reply.header("location").unwrap().ends_with(&format!("/api/v1/users/{id}")), "{reply:#?}");
    server.anonymous().named("ada@example.com").log_in().await;
}

#[tokio::test]
async fn posting_a_user_follows_the_rules_of_registration() {
    let server = Server::start().await;
    let anonymous = server.anonymous().register("ada").await;
    for (body, status) in [
        (json!({"email": "ADA@example.com", "password": PASSWORD}), 400),
        (json!({"email": "bob@example.com", "password": PASSWORD, "username": "ADA"}), 409),
        (json!({"email": "bob@example.com", "password": PASSWORD, "role": "admin"}), 403),
        (json!({"email": "bob@example.com", "password": "short"}), 422),
    ] {
        anonymous.post("/api/v1/users").json(&body).await.is(status).problem();
    }
    assert_eq!(server.home.users().len(), 1);
}

#[tokio::test]
async fn a_user_can_be_read_by_id() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let user = ada.get(&format!("/api/v1/users/{}", ada.id)).await.is(200).json();
    assert_eq!(user["id"], ada.id);
    assert_eq!(user["email"], ada.email);
    assert_eq!(ada.get(&format!("/api/v1/users/{}/", ada.id)).await.is(200).json(), user);
    assert_eq!(ada.get(&format!("/api/v1/users/{}", ada.id.to_uppercase())).await.is(200).json(), user);
}

#[tokio::test]
async fn me_is_the_current_user() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let me = ada.get("/api/v1/users/me").await.is(200).json();
    assert_eq!(me["id"], ada.id);
    assert_eq!(me, ada.get(&format!("/api/v1/users/{}", ada.id)).await.is(200).json());
    server.anonymous().get("/api/v1/users/me").await.is(401);
}

#[tokio::test]
async fn other_users_see_only_the_public_profile() {
    let server = Server::start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let seen = bob.get(&format!("/api/v1/users/{}", ada.id)).await.is(200).json();
    let members: Vec<&String> = seen.as_object().unwrap().keys().collect();
    assert_eq!(members, ["created_at", "id", "name", "username"]);
    assert_eq!(seen["id"], ada.id);
    assert_eq!(seen["username"], "ada");
    assert_eq!(seen["name"], Value::Null);
}

#[tokio::test]
async fn callers_who_may_read_users_see_all_members() {
    let server = Server::start().await;
    let (ada, admin) = (server.user("ada").await, server.admin().await);
    let path = format!("/api/v1/users/{}", ada.id);
    assert_eq!(admin.get(&path).await.is(200).json(), ada.get(&path).await.is(200).json());
}

#[tokio::test]
async fn an_unknown_user_is_not_found_and_a_wrong_id_is_invalid() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let reply = ada.get("/api/v1/users/0192d3c4-0000-7000-8000-000000000000").await.is(404);
    assert_eq!(reply.problem()["detail"], "User not found");
    for id in ["1", "0", "-1", "ada", "0192d3c4", "0192d3c4-0000-7000-8000-00000000000g", "%00", "'%20OR%201=1"] {
        let reply = ada.get(&format!("/api/v1/users/{id}")).await.is(422);
        let problem = reply.problem();
        assert_eq!(problem["errors"][0]["loc"][0], "path", "{reply:#?}");
    }
}

#[tokio::test]
async fn reading_a_user_requires_a_login() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    server.anonymous().get(&format!("/api/v1/users/{}", ada.id)).await.is(401).problem_is("not_authenticated");
}

#[tokio::test]
async fn an_administrator_can_create_a_user_with_a_role() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let body = json!({"email": "eve@example.com", "password": PASSWORD, "role": "Editor", "username": "eve"});
    let user = admin.post("/api/v1/users").json(&body).await.is(201).json();
    assert_eq!(user["role"], "editor");
    assert_eq!(user["is_active"], true);
    let body = json!({"email": "vic@example.com", "password": PASSWORD});
    assert_eq!(admin.post("/api/v1/users").json(&body).await.is(201).json()["role"], "viewer");
    let body = json!({"email": "eve@example.com", "password": PASSWORD});
    admin.post("/api/v1/users").json(&body).await.is(409).problem();
}

#[tokio::test]
async fn logged_in_callers_need_the_permission_to_create_users() {
    let server = Server::start().await;
    let body = json!({"email": "bob@example.com", "password": PASSWORD});
    let reply = server.user("ada").await.post("/api/v1/users").json(&body).await.is(403);
    assert_eq!(reply.problem_is("insufficient_permissions")["detail"], "Insufficient permissions");
    assert_eq!(server.home.users().len(), 1);
}

#[tokio::test]
async fn users_survive_a_restart_of_the_server() {
    let mut server = Server::start().await;
    let ada = server.user("ada").await;
    server.terminate();
    let again = server.another().await;
    let user = ada.at(&again.url).get("/api/v1/users/me").await.is(200).json();
    assert_eq!(user["email"], "ada@example.com");
}
