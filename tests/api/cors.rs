//! Who may call from a browser, as the browser asks.

use reqwest::Method;
use serde_json::json;

use crate::harness::{PASSWORD, Reply, Request, Server, raw_request, send_raw};

const APP: &str = "https://app.example.com";
const LOGIN: &str = "/api/v1/auth/login";

async fn server() -> Server {
    Server::with().env("CORS_ORIGINS", "https://app.example.com,http://localhost:3000").start().await
}

fn preflight(server: &Server, path: &str, origin: &str, method: &str, headers: &str) -> Request {
    let request = server.anonymous().request(Method::OPTIONS, path).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    if headers.is_empty() { request } else { request.header("access-control-request-headers", headers) }
}

/// The elements of a list, in lower case and in order.
fn listed(reply: &Reply, name: &str) -> Vec<String> {
    let list = reply.header(name).unwrap_or_else(|| panic!("no {name}: {reply:#?}"));
    let mut elements: Vec<String> = list.split(',').map(|element| element.trim().to_ascii_lowercase()).collect();
    elements.sort_unstable();
    elements
}

#[track_caller]
fn allows(reply: &Reply, origin: &str) {
    assert_eq!(reply.header("access-control-allow-origin"), Some(origin), "{reply:#?}");
    assert_eq!(reply.header("access-control-allow-credentials"), Some("true"), "{reply:#?}");
}

#[tokio::test]
async fn a_preflight_of_a_listed_origin_is_told_what_it_may_send() {
    let server = server().await;
    for path in ["/api/v1/users/me", LOGIN, "/health", "/nothing"] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let headers = "authorization, content-type, idempotency-key, if-match, x-request-id";
            let reply = preflight(&server, path, APP, method, headers).await.is(200);
            allows(&reply, APP);
            let methods = listed(&reply, "access-control-allow-methods");
            assert_eq!(methods, ["delete", "get", "options", "patch", "post", "put"]);
            let headers = listed(&reply, "access-control-allow-headers");
            assert_eq!(headers, ["authorization", "content-type", "idempotency-key", "if-match", "x-request-id"]);
            assert_eq!(reply.header("access-control-max-age"), Some("600"));
            assert!(reply.header("vary").unwrap().contains("Origin"), "{reply:#?}");
        }
    }
}

#[tokio::test]
async fn what_is_not_listed_is_refused_before_it_is_sent() {
    let server = server().await;
    for (method, headers) in [("TRACE", ""), ("GET", "x-evil"), ("GET", "authorization, x-evil"), ("BREW", "")] {
        let reply = preflight(&server, "/health", APP, method, headers).await.is(400);
        assert_eq!(reply.header("access-control-allow-origin"), None, "{method} {headers}: {reply:#?}");
        reply.problem();
    }
}

#[tokio::test]
async fn an_origin_that_only_looks_like_a_listed_one_is_not() {
    let server = server().await;
    for origin in [
        "https://app.example.com.evil.test",
        "https://evilapp.example.com",
        "https://app.example.com:444",
        "https://app.example.comevil",
        "https://app.example",
        "https://example.com",
        "https://sub.app.example.com",
        "https://app.example.com/",
        "https://user@app.example.com",
        "http://app.example.com",
        "http://localhost",
        "http://localhost:30000",
        "null",
        "*",
        "",
    ] {
        for reply in [
            preflight(&server, "/health", origin, "GET", "").await,
            server.anonymous().get("/health").header("origin", origin).await,
            server.anonymous().get("/nothing").header("origin", origin).await,
        ] {
            assert_eq!(reply.header("access-control-allow-origin"), None, "{origin}: {reply:#?}");
            assert!(reply.header("vary").unwrap().contains("Origin"), "{origin}: {reply:#?}");
        }
    }
    // A request that cannot read its answer is answered all the same.
    server.anonymous().get("/health").header("origin", "https://evil.test").await.is(200);
}

#[tokio::test]
async fn answers_and_refusals_can_be_read_alike() {
    let server = server().await;
    let ada = server.user("ada").await;
    let anonymous = server.anonymous();
    let from = |request: Request| request.header("origin", APP);
    let too_large = vec![b' '; 64 * 1024 + 1];
    for (status, request) in [
        (200, anonymous.get("/health")),
        (200, ada.get("/api/v1/users/me")),
        (200, ada.try_log_in(PASSWORD)),
        (400, anonymous.post(LOGIN).body("application/json", "{")),
        (400, anonymous.get("/health?%ff")),
        (401, anonymous.get("/api/v1/users/me")),
        (403, ada.get("/api/v1/audit")),
        (404, anonymous.get("/nothing")),
        (405, anonymous.delete("/health")),
        (406, anonymous.get("/health").header("accept", "text/html")),
        (413, anonymous.post(LOGIN).body("application/json", too_large)),
        (414, anonymous.get(&format!("/health?{}", "a".repeat(8193)))),
        (415, anonymous.post(LOGIN).body("text/plain", "{}")),
        (422, anonymous.post(LOGIN).json(&json!({}))),
    ] {
        let reply = from(request).await.is(status);
        allows(&reply, APP);
        let exposed = listed(&reply, "access-control-expose-headers");
        assert_eq!(exposed, ["etag", "location", "retry-after", "x-request-id"]);
    }
    let trace = raw_request("TRACE", "/health").replace("Host", &format!("Origin: {APP}\r\nHost"));
    allows(&send_raw(server.address(), trace).await.is(405), APP);
}

#[tokio::test]
async fn preflights_are_not_counted_and_who_is_limited_can_read_why() {
    let home = Server::with().env("CORS_ORIGINS", APP).env("RATE_LIMIT_ENABLED", "true");
    let server = home.start().await;
    for _ in 0..50 {
        preflight(&server, LOGIN, APP, "POST", "content-type").await.is(200);
    }
    let ask = || server.anonymous().post(LOGIN).json(&json!({})).header("origin", APP);
    ask().await.is(422);
    let mut last = ask().await;
    for _ in 0..20 {
        if last.status == 429 {
            break;
        }
        last = ask().await;
    }
    allows(&last.is(429), APP);
}

#[tokio::test]
async fn any_origin_may_call_without_credentials_if_the_list_is_a_star() {
    let server = Server::with().env("CORS_ORIGINS", "*").start().await;
    for reply in [
        preflight(&server, "/health", "https://anyone.test", "GET", "authorization").await.is(200),
        server.anonymous().get("/health").header("origin", "https://anyone.test").await.is(200),
        server.anonymous().get("/nothing").header("origin", "null").await.is(404),
    ] {
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"), "{reply:#?}");
        assert_eq!(reply.header("access-control-allow-credentials"), None, "{reply:#?}");
    }
}

#[tokio::test]
async fn without_a_list_nobody_may() {
    let server = Server::with().start().await;
    for origin in [APP, "http://localhost:3000", "null"] {
        let reply = server.anonymous().get("/health").header("origin", origin).await.is(200);
        assert_eq!(reply.header("access-control-allow-origin"), None, "{reply:#?}");
    }
}
