//! Logging in, with JSON and with the OAuth 2 form, and the access that tokens grant.

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Server};

const LOGIN: &str = "/api/v1/auth/login";

#[tokio::test]
async fn logging_in_returns_two_tokens_that_must_not_be_cached() {
    let server = Server::start().await;
    let ada = server.anonymous().register("ada").await;
    let reply = ada.try_log_in(PASSWORD).await.is(200);
    let tokens = reply.json();
    assert!(tokens["access_token"].as_str().is_some_and(|token| token.split('.').count() == 3), "{tokens}");
    assert!(tokens["refresh_token"].as_str().is_some_and(|token| token.split('.').count() == 3), "{tokens}");
    assert_ne!(tokens["access_token"], tokens["refresh_token"]);
    assert_eq!(tokens["token_type"], "bearer");
    assert_eq!(tokens["expires_in"], 30 * 60);
    assert_eq!(tokens["scope"], "items:read items:write");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn the_response_has_the_configured_lifetime_of_the_access_token() {
    let server = Server::with().env("ACCESS_TOKEN_EXPIRE_MINUTES", "7").start().await;
    assert_eq!(server.user("ada").await.tokens["expires_in"], 7 * 60);
}

#[tokio::test]
async fn token_responses_can_be_configured_to_camel_case() {
    let server = Server::with().env("TOKEN_RESPONSE_CASE", "camel").start().await;
    let ada = server.anonymous().register("ada").await;
    let tokens = ada.try_log_in(PASSWORD).await.is(200).json();
    assert!(tokens["accessToken"].is_string() && tokens["refreshToken"].is_string(), "{tokens}");
    assert_eq!(tokens["tokenType"], "bearer");
    assert_eq!(tokens["expiresIn"], 30 * 60);
    assert_eq!(tokens["access_token"], Value::Null);
    let document = ada.get("/openapi.json").await.is(200).json();
    let described = &document["components"]["schemas"]["TokenPair"]["properties"];
    assert!(described["accessToken"].is_object() && described["access_token"].is_null(), "{described}");
    let token = tokens["accessToken"].as_str().unwrap();
    ada.get("/api/v1/users/me").header("authorization", &format!("Bearer {token}")).await.is(200);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_response() {
    let server = Server::start().await;
    let ada = server.anonymous().register("ada").await;
    let bodies = [
        ada.try_log_in("wrong password").await,
        server.anonymous().named("bob@example.com").try_log_in(PASSWORD).await,
    ]
    .map(|reply| {
        let reply = reply.is(401);
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        let mut problem = reply.problem_is("invalid_credentials");
        assert_eq!(problem["detail"], "Invalid email or password");
        problem["request_id"] = Value::Null;
        problem
    });
    assert_eq!(bodies[0], bodies[1]);
}

#[tokio::test]
async fn the_address_in_any_case_and_the_username_both_log_in() {
    let server = Server::start().await;
    server.anonymous().register("ada").await;
    let anonymous = server.anonymous();
    for (member, value) in [
        ("email", "ada@example.com"),
        ("email", " ADA@Example.com "),
        ("username", "ada"),
        ("username", "ADA"),
        ("username", "ada@example.com"),
    ] {
        anonymous.post(LOGIN).json(&json!({member: value, "password": PASSWORD})).await.is(200);
    }
}

#[tokio::test]
async fn an_optional_member_must_be_valid() {
    let server = Server::start().await;
    let ada = server.anonymous().register("ada").await;
    let body = json!({"email": ada.email, "username": {}, "password": PASSWORD});
    ada.post("/api/v1/auth/login").json(&body).await.invalid_at(&[&["body", "username"]]);
}

#[tokio::test]
async fn a_login_without_required_members_is_invalid() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    anonymous.post(LOGIN).json(&json!({"email": "ada@example.com"})).await.invalid_at(&[&["body", "password"]]);
    anonymous.post(LOGIN).json(&json!({"email": 1, "password": PASSWORD})).await.invalid_at(&[&["body", "email"]]);
    anonymous.post(LOGIN).json(&json!({"password": PASSWORD})).await.is(422).problem();
}

#[tokio::test]
async fn the_oauth_form_logs_in() {
    let server = Server::start().await;
    server.anonymous().register("ada").await;
    let anonymous = server.anonymous();
    let plain = [("username", "ada@example.com"), ("password", PASSWORD)];
    let tokens = anonymous.post(LOGIN).form(&plain).await.is(200).json();
    assert_eq!(tokens["token_type"], "bearer");
    let all = [
        ("grant_type", "password"),
        ("username", "ada"),
        ("password", PASSWORD),
        ("scope", ""),
        ("client_id", ""),
        ("client_secret", ""),
    ];
    let reply = anonymous.post(LOGIN).form(&all).await.is(200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn oauth_form_errors_follow_the_standard() {
    let server = Server::start().await;
    server.anonymous().register("ada").await;
    let anonymous = server.anonymous();
    for (form, error) in [
        (&[("username", "ada@example.com"), ("password", "wrong password")][..], "invalid_grant"),
        (&[("username", "bob@example.com"), ("password", PASSWORD)][..], "invalid_grant"),
        (&[("username", "ada@example.com")][..], "invalid_request"),
        (&[("password", PASSWORD)][..], "invalid_request"),
    ] {
        let reply = anonymous.post(LOGIN).form(form).await.is(400);
        reply.oauth_error(error, error);
    }
    let form = [("grant_type", "client_credentials"), ("username", "ada@example.com"), ("password", PASSWORD)];
    let reply = anonymous.post(LOGIN).form(&form).await;
    reply.oauth_error("unsupported_grant_type", "unsupported_grant_type");
}

#[tokio::test]
async fn only_the_correct_password_reveals_an_inactive_account() {
    let server = Server::start().await;
    let body = json!({"email": "bob@example.com", "password": PASSWORD, "is_active": false});
    assert_eq!(server.admin().await.post("/api/v1/users").json(&body).await.is(201).json()["is_active"], false);
    let bob = server.anonymous().named("bob@example.com");
    bob.try_log_in("wrong password").await.is(401).problem_is("invalid_credentials");
    bob.try_log_in(PASSWORD).await.is(403).problem_is("user_inactive");
}

#[tokio::test]
async fn a_missing_token_gets_not_authenticated() {
    let server = Server::start().await;
    let reply = server.anonymous().get("/api/v1/users/me").await.is(401);
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    assert_eq!(reply.problem_is("not_authenticated")["detail"], "Not authenticated");
}

#[tokio::test]
async fn an_unusable_token_gets_token_invalid() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let access = ada.tokens["access_token"].as_str().unwrap();
    let refresh = ada.tokens["refresh_token"].as_str().unwrap();
    let forged = format!("{}.{}", access.rsplit_once('.').unwrap().0, refresh.rsplit_once('.').unwrap().1);
    for token in ["x", "a.b.c", refresh, &forged, &format!("{access}="), &"a".repeat(5000)] {
        let reply = bearing(&server.anonymous(), token).await;
        assert_eq!(reply.status, 401, "{token}");
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer") && challenge.contains("error=\"invalid_token\""), "{challenge}");
        assert_eq!(reply.problem_is("token_invalid")["detail"], "Invalid or expired token");
    }
}

#[tokio::test]
async fn a_token_counts_only_in_the_authorization_header() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let token = ada.tokens["access_token"].as_str().unwrap();
    let anonymous = server.anonymous();
    anonymous.get(&format!("/api/v1/users/me?access_token={token}")).await.is(401);
    anonymous.get("/api/v1/users/me").header("cookie", &format!("access_token={token}")).await.is(401);
    anonymous.get("/api/v1/users/me").header("authorization", &format!("bEARER {token}")).await.is(200);
    anonymous.get("/api/v1/users/me").header("authorization", &format!("Basic {token}")).await.is(401);
}

#[tokio::test]
async fn a_token_of_another_server_is_rejected() {
    let (here, there) = (Server::start().await, Server::with().env("JWT_AUDIENCE", "another").start().await);
    let ada = there.user("ada").await;
    ada.get("/api/v1/users/me").await.is(200);
    ada.at(&here.url).get("/api/v1/users/me").await.is(401).problem_is("token_invalid");
}

async fn bearing(client: &Client, token: &str) -> crate::harness::Reply {
    client.get("/api/v1/users/me").header("authorization", &format!("Bearer {token}")).await
}
