//! The format of errors, and the headers and ids of every response.

use reqwest::Method;
use serde_json::json;

use crate::harness::{PASSWORD, Server};

const REGISTER: &str = "/api/v1/auth/register";

#[tokio::test]
async fn a_validation_error_has_the_location_the_reason_and_the_rule() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    let both: &[&[&str]] = &[&["body", "email"], &["body", "password"]];
    let reply = anonymous.post(REGISTER).json(&json!({"email": "ada", "password": "short"})).await;
    for error in reply.invalid_at(both) {
        assert_eq!(error.as_object().unwrap().keys().collect::<Vec<_>>(), ["loc", "msg", "type"]);
        assert!(!error.to_string().contains("\"short\""), "a password is not repeated: {error}");
    }
}

#[tokio::test]
async fn a_member_that_is_absent_or_null_is_named() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    let only_email = json!({"email": "ada@example.com"});
    let errors = anonymous.post(REGISTER).json(&only_email).await.invalid_at(&[&["body", "password"]]);
    assert_eq!(errors[0]["type"], "missing");
    let null = json!({"email": "ada@example.com", "password": null});
    anonymous.post(REGISTER).json(&null).await.invalid_at(&[&["body", "password"]]);
}

#[tokio::test]
async fn a_member_of_the_wrong_type_is_never_converted() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    for wrong in [json!(12_345_678), json!(true), json!(["correct horse battery"]), json!({"is": "x"})] {
        let body = json!({"email": "ada@example.com", "password": wrong});
        anonymous.post(REGISTER).json(&body).await.invalid_at(&[&["body", "password"]]);
    }
    for body in [json!([]), json!(["ada@example.com", PASSWORD]), json!("x"), json!(1), json!(null)] {
        anonymous.post(REGISTER).json(&body).await.is(422).problem();
    }
    let twice = format!(r#"{{"email": "ada@example.com", "password": "{PASSWORD}", "email": "eve@example.com"}}"#);
    anonymous.post(REGISTER).body("application/json", twice).await.is(422).problem();
    assert!(server.home.users().is_empty());
}

#[tokio::test]
async fn invalid_json_is_malformed() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    for body in ["", "{", "nonsense", "{\"email\": }", "{\"email\": \"\\ud800\"}", "{} {}", "{\"a\": NaN}"] {
        let reply = anonymous.post(REGISTER).body("application/json", body).await;
        assert_eq!(reply.status, 400, "{body:?}: {reply:#?}");
        reply.problem_is("malformed_body");
    }
    anonymous.post(REGISTER).body("application/json", b"{\"email\": \"\xff\"}").await.is(400).problem();
    let deep = "[".repeat(100_000);
    let status = anonymous.post(REGISTER).body("application/json", deep).await.status;
    assert!([400, 413].contains(&status), "{status}");
}

#[tokio::test]
async fn a_body_of_another_content_type_is_rejected() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    let body = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
    for content_type in ["", "text/plain", "application/xml", "multipart/form-data; boundary=x"] {
        let reply = anonymous.post(REGISTER).body(content_type, body.as_str()).await;
        assert_eq!(reply.status, 415, "{content_type:?}: {reply:#?}");
        reply.problem();
    }
    anonymous.post(REGISTER).body("application/x-www-form-urlencoded", "email=a").await.is(415).problem();
    anonymous.post("/api/v1/auth/login").body("text/plain", body.as_str()).await.is(415).problem();
    assert!(server.home.users().is_empty());
    anonymous.post(REGISTER).body("application/json; charset=utf-8", body).await.is(201);
}

#[tokio::test]
async fn an_oversized_body_is_rejected() {
    let server = Server::start().await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "name": "a".repeat(70_000)});
    server.anonymous().post(REGISTER).json(&body).await.is(413).problem();
}

#[tokio::test]
async fn an_unknown_route_is_a_problem() {
    let server = Server::start().await;
    for path in
        ["/nothing", "/api", "/api/v1", "/api/v1/nothing", "/api/v2/users/me", "/health/nothing", "/..%2f..%2fetc"]
    {
        server.anonymous().get(path).await.is(404).problem();
        server.anonymous().post(path).json(&json!({})).await.is(404).problem();
    }
}

#[tokio::test]
async fn a_wrong_method_gets_the_allowed_ones() {
    let server = Server::start().await;
    for (method, path, allowed) in [
        (Method::GET, REGISTER, "POST"),
        (Method::DELETE, "/api/v1/auth/login", "POST"),
        (Method::PUT, "/api/v1/users/me", "GET"),
        (Method::TRACE, "/api/v1/users/me", "GET"),
        (Method::POST, "/health", "GET"),
    ] {
        let reply = server.anonymous().request(method, path).await.is(405);
        reply.problem();
        let allow = reply.header("allow").unwrap_or_else(|| panic!("no Allow: {reply:#?}"));
        assert!(allow.split(',').any(|method| method.trim() == allowed), "{allow}");
    }
}

#[tokio::test]
async fn head_returns_the_response_of_get_without_the_body() {
    let server = Server::start().await;
    for (path, status) in [("/health", 200), ("/api/v1/users/me", 401), ("/nothing", 404)] {
        let reply = server.anonymous().request(Method::HEAD, path).await.is(status);
        assert_eq!(reply.body, "");
    }
}

#[tokio::test]
async fn a_trailing_slash_is_ignored() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    server.anonymous().get("/health/").await.is(200);
    ada.get("/api/v1/users/me/").await.is(200);
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    server.anonymous().post("/api/v1/auth/login/").json(&body).await.is(200);
}

#[tokio::test]
async fn the_prefix_of_the_api_is_configurable() {
    let server = Server::with().env("API_V1_STR", "/backend/v7").start().await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    server.anonymous().post("/backend/v7/auth/register").json(&body).await.is(201);
    server.anonymous().post(REGISTER).json(&body).await.is(404);
    server.anonymous().get("/health").await.is(200);
}

#[tokio::test]
async fn a_request_keeps_the_id_chosen_by_its_caller() {
    let server = Server::start().await;
    for id in ["abc", "0", "!~", &"x".repeat(128)] {
        for path in ["/health", "/nothing", "/api/v1/users/me"] {
            let reply = server.anonymous().get(path).header("x-request-id", id).await;
            assert_eq!(reply.header("x-request-id"), Some(id), "{reply:#?}");
        }
    }
    server.anonymous().get("/nothing").header("x-request-id", "mine").await.problem();
}

#[tokio::test]
async fn a_request_without_a_usable_id_gets_one() {
    let server = Server::start().await;
    let mut ids = vec![server.anonymous().get("/health").await.header("x-request-id").unwrap().to_owned()];
    for id in ["two words", "", "tab\there", &"x".repeat(129)] {
        let reply = server.anonymous().get("/health").header("x-request-id", id).await;
        ids.push(reply.header("x-request-id").unwrap().to_owned());
    }
    for id in &ids {
        assert_eq!(id.len(), 36, "{id}");
        assert_eq!(id.as_bytes()[14], b'7', "{id}");
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5, "each request has its own id");
}

#[tokio::test]
async fn errors_reveal_no_internals() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    let replies = [
        anonymous.post(REGISTER).body("application/json", "{").await,
        anonymous.post(REGISTER).json(&json!({"email": 1})).await,
        anonymous.get("/api/v1/users/'").await,
        anonymous.get("/api/v1/users/me").header("authorization", "Bearer a.b.c").await,
    ];
    for reply in replies {
        let text = reply.body.to_lowercase();
        for inside in ["diesel", "actix", "serde", "jsonwebtoken", "::", ".rs", "select "] {
            assert!(!text.contains(inside), "{inside:?} in {reply:#?}");
        }
    }
}
