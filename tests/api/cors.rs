//! CORS: preflights and responses as a browser requests them.

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

/// Returns the elements of a header list, in lower case and sorted.
fn listed(reply: &Reply, name: &str) -> Vec<String> {
    let list = reply.header(name).unwrap_or_else(|| panic!("no {name}: {reply:#?}"));
    let mut elements: Vec<String> = list.split(',').map(|element| element.trim().to_ascii_lowercase()).collect();
    elements.sort_unstable();
    elements
}

#[track_caller]
fn assert_allowed(reply: &Reply, origin: &str) {
    assert_eq!(reply.header("access-control-allow-origin"), Some(origin), "{reply:#?}");
    assert_eq!(reply.header("access-control-allow-credentials"), Some("true"), "{reply:#?}");
}

#[tokio::test]
async fn a_preflight_of_a_listed_origin_lists_what_is_allowed() {
    let server = server().await;
    for path in ["/api/v1/users/me", LOGIN, "/health", "/nothing"] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
            let headers = "authorization,sentry-trace,baggage,if-none-match,x-anything";
            let reply = preflight(&server, path, APP, method, headers).await.is(200);
            assert_allowed(&reply, APP);
            let methods = listed(&reply, "access-control-allow-methods");
            assert_eq!(methods, ["delete", "get", "head", "options", "patch", "post", "put"]);
            let allowed = listed(&reply, "access-control-allow-headers");
            assert_eq!(allowed, ["authorization", "baggage", "if-none-match", "sentry-trace", "x-anything"]);
            assert_eq!(reply.header("access-control-max-age"), Some("600"));
            for name in ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"] {
                assert!(reply.header("vary").unwrap().contains(name), "{reply:#?}");
            }
        }
    }
}

#[tokio::test]
async fn a_rejected_preflight_names_the_reason() {
    let server = server().await;
    for (origin, method, named) in [
        (APP, "TRACE", "TRACE"),
        (APP, "BREW", "BREW"),
        ("https://evil.test", "GET", "https://evil.test"),
        ("null", "GET", "null"),
    ] {
        let reply = preflight(&server, "/health", origin, method, "").await.is(400);
        let problem = reply.problem_is("invalid_request");
        assert!(problem["detail"].as_str().unwrap().contains(named), "{problem}");
        for name in reply.headers.keys() {
            assert!(!name.as_str().starts_with("access-control-"), "{reply:#?}");
        }
    }
    let long = format!("https://{}.test", "a".repeat(5_000));
    let refused = preflight(&server, "/health", &long, "GET", "").await.is(400);
    assert!(refused.problem()["detail"].as_str().unwrap().len() < 500, "{refused:#?}");
}

#[tokio::test]
async fn origins_must_match_the_whole_pattern() {
    let pattern = r"https://pr-\d+\.example\.com|https://(a|b)\.example\.org";
    let server = Server::with().env("CORS_ORIGIN_REGEX", pattern).env("CORS_ORIGINS", APP).start().await;
    for origin in [APP, "https://pr-7.example.com", "https://pr-123.example.com", "https://b.example.org"] {
        assert_allowed(&preflight(&server, LOGIN, origin, "POST", "content-type").await.is(200), origin);
        assert_allowed(&server.anonymous().get("/health").header("origin", origin).await.is(200), origin);
    }
    for origin in [
        "https://pr-.example.com",
        "https://pr-7.example.com.evil.test",
        "https://evil.test/https://pr-7.example.com",
        "xhttps://pr-7.example.com",
        "https://pr-7xexample.com",
        "https://pr-7.example.com\tx",
        "http://pr-7.example.com",
        "null",
    ] {
        preflight(&server, LOGIN, origin, "POST", "").await.is(400);
        let reply = server.anonymous().get("/health").header("origin", origin).await.is(200);
        assert_eq!(reply.header("access-control-allow-origin"), None, "{reply:#?}");
    }
    let server = Server::with().env("CORS_ORIGIN_REGEX", ".*").start().await;
    let reply = server.anonymous().get("/health").header("origin", "null").await.is(200);
    assert_eq!(reply.header("access-control-allow-origin"), None, "sandboxed pages of any site send it: {reply:#?}");
}

#[tokio::test]
async fn only_allowed_origins_get_cors_headers() {
    for server in [server().await, Server::with().env("CORS_ORIGINS", "*").start().await] {
        let is_any = server.home.environment["CORS_ORIGINS"] == "*";
        let anonymous = server.anonymous();
        for path in ["/health", "/nothing", "/api/v1/users/me", "/docs"] {
            let mut replies = vec![anonymous.get(path).await, anonymous.request(Method::OPTIONS, path).await];
            if !is_any {
                replies.push(anonymous.get(path).header("origin", "https://evil.test").await);
            }
            for reply in replies {
                let of_cors = reply.headers.keys().filter(|name| name.as_str().starts_with("access-control-"));
                assert_eq!(of_cors.count(), 0, "{reply:#?}");
                assert!(reply.header("vary").unwrap().contains("Origin"), "{reply:#?}");
            }
        }
    }
}

#[tokio::test]
async fn origins_similar_to_a_listed_one_are_not_allowed() {
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
    // The request is answered even though the page cannot read the response.
    server.anonymous().get("/health").header("origin", "https://evil.test").await.is(200);
}

#[tokio::test]
async fn responses_and_errors_are_equally_readable() {
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
        assert_allowed(&reply, APP);
        let exposed = listed(&reply, "access-control-expose-headers");
        let expected = "content-disposition etag idempotency-replayed link location ratelimit-limit ratelimit-remaining \
                        ratelimit-reset retry-after www-authenticate x-request-id";
        assert_eq!(exposed.join(" "), expected);
    }
    let trace = raw_request("TRACE", "/health").replace("Host", &format!("Origin: {APP}\r\nHost"));
    assert_allowed(&send_raw(server.address(), trace).await.is(405), APP);
}

#[tokio::test]
async fn preflights_are_not_rate_limited_and_429_is_readable() {
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
    assert_allowed(&last.is(429), APP);
}

#[tokio::test]
async fn a_star_allows_any_origin_without_credentials() {
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
async fn no_origin_is_allowed_without_a_list() {
    let server = Server::with().start().await;
    for origin in [APP, "http://localhost:3000", "null"] {
        let reply = server.anonymous().get("/health").header("origin", origin).await.is(200);
        assert_eq!(reply.header("access-control-allow-origin"), None, "{reply:#?}");
    }
}
