//! The headers that every response carries.

use keepstone_test_backends::Database;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Client, Home, PASSWORD, Reply, Server, eventually, raw_request, send_raw};

const LOGIN: &str = "/api/v1/auth/login";

/// Asserts the headers that every response must have, each exactly once.
#[track_caller]
fn assert_guarded(reply: &Reply) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name} of {reply:#?}");
    }
    let policy = reply.header("content-security-policy").unwrap_or_else(|| panic!("no policy: {reply:#?}"));
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{part} is not in the policy of {reply:#?}");
    }
    assert!(!policy.contains("unsafe-eval") && !policy.contains('*'), "{reply:#?}");
    for name in ["Origin", "Authorization", "Accept-Encoding"] {
        assert!(reply.header("vary").is_some_and(|vary| vary.contains(name)), "{name} of {reply:#?}");
    }
    assert!(reply.header("cache-control").is_some() && reply.header("x-request-id").is_some(), "{reply:#?}");
    for name in reply.headers.keys() {
        assert_eq!(reply.headers.get_all(name).iter().count(), 1, "{name} of {reply:#?}");
    }
    for name in ["server", "x-powered-by", "strict-transport-security"] {
        assert_eq!(reply.header(name), None, "{reply:#?}");
    }
}

/// Returns one response of every kind.
async fn responses(server: &Server, ada: &Client) -> Vec<(u16, Reply)> {
    let anonymous = server.anonymous();
    let too_large = vec![b' '; 64 * 1024 + 1];
    let wrong = json!({"email": ada.email, "password": "not this one"});
    vec![
        (200, anonymous.get("/health").await),
        (200, anonymous.request(Method::HEAD, "/health").await),
        (200, ada.get("/api/v1/users/me").await),
        (200, ada.try_log_in(PASSWORD).await),
        (200, anonymous.get("/openapi.json").await),
        (200, anonymous.get("/docs").await),
        (200, anonymous.get("/docs/swagger-ui.css").await),
        (200, anonymous.get("/redoc").await),
        (200, anonymous.get("/problems").await),
        (200, anonymous.get("/.well-known/jwks.json").await),
        (204, anonymous.request(Method::OPTIONS, "/health").await),
        (204, ada.clone().log_in().await.post("/api/v1/auth/logout").await),
        (308, anonymous.get("/api/v1/docs").await),
        (400, anonymous.post(LOGIN).body("application/json", "{").await),
        (400, anonymous.post(LOGIN).form(&[("username", "ada")]).await),
        (400, anonymous.get("/health?%zz").await),
        (401, anonymous.get("/api/v1/users/me").await),
        (401, anonymous.post(LOGIN).json(&wrong).await),
        (403, ada.get("/api/v1/audit").await),
        (404, anonymous.get("/nothing").await),
        (404, ada.get("/api/v1/users/me/x.css").await),
        (405, anonymous.delete("/health").await),
        (405, send_raw(server.address(), raw_request("TRACE", "/health")).await),
        (406, ada.get("/api/v1/users/me").header("accept", "text/html").await),
        (413, anonymous.post(LOGIN).body("application/json", too_large).await),
        (414, anonymous.get(&format!("/health?{}", "a".repeat(8193))).await),
        (415, anonymous.post(LOGIN).body("text/plain", "{}").await),
        (422, anonymous.post(LOGIN).json(&json!({})).await),
    ]
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    for (status, reply) in responses(&server, &ada).await {
        assert_guarded(&reply);
        let reply = reply.is(status);
        match reply.header("content-type") {
            Some("application/json") if status == 400 => drop(reply.oauth_error("invalid_request", "invalid_request")),
            _ if status >= 400 => drop(reply.problem()),
            _ => {}
        }
    }
}

#[tokio::test]
async fn responses_429_and_503_have_the_security_headers() {
    let server = Server::with().env("RATE_LIMIT_ENABLED", "true").start().await;
    let mut last = server.anonymous().post(LOGIN).json(&json!({})).await;
    for _ in 0..20 {
        if last.status == 429 {
            break;
        }
        last = server.anonymous().post(LOGIN).json(&json!({})).await;
    }
    assert_guarded(&last);
    last.is(429).problem();
}

#[tokio::test]
async fn only_public_responses_may_be_cached() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    for (_, reply) in responses(&server, &ada).await {
        let is_public =
            ["/docs", "/redoc", "/problems", "/.well-known"].iter().any(|path| reply.request_line.contains(path));
        let cache_control = reply.header("cache-control").unwrap();
        if is_public && reply.status == 200 {
            assert!(cache_control.starts_with("public, max-age="), "{reply:#?}");
        } else {
            assert_eq!(cache_control, "no-store", "{reply:#?}");
        }
    }
}

#[tokio::test]
async fn hsts_is_sent_only_if_a_trusted_proxy_reports_https() {
    let behind = Server::with().env("TRUSTED_PROXIES", "127.0.0.1").start().await;
    let alone = Server::start().await;
    for path in ["/health", "/nothing", "/problems"] {
        let ask = |server: &Server, scheme: &str| server.anonymous().get(path).header("x-forwarded-proto", scheme);
        let with_hsts = ask(&behind, "https").await;
        assert_eq!(
            with_hsts.header("strict-transport-security"),
            Some("max-age=31536000; includeSubDomains"),
            "{with_hsts:#?}"
        );
        for scheme in ["https, https", "HTTPS", "https,http", ", https"] {
            let with_hsts = ask(&behind, scheme).await;
            assert!(with_hsts.header("strict-transport-security").is_some(), "{scheme}: {with_hsts:#?}");
        }
        let with_hsts = ask(&behind, "https").header("x-forwarded-proto", "http").await;
        assert!(with_hsts.header("strict-transport-security").is_some(), "{with_hsts:#?}");
        let forwarded = behind.anonymous().get(path).header("forwarded", "for=192.0.2.1;proto=https, for=10.0.0.1");
        assert!(forwarded.await.header("strict-transport-security").is_some());
        for scheme in ["http", "http, https", "", "httpsx"] {
            assert_guarded(&ask(&behind, scheme).await);
        }
        assert_guarded(&ask(&alone, "https").await);
        assert_guarded(&behind.anonymous().get(path).await);
    }
}

#[tokio::test]
async fn production_warns_once_about_an_untrusted_proxy() {
    let warnings = |server: &Server| server.log().matches("TRUSTED_PROXIES does not list 127.0.0.1").count();
    // On SQLite, because the database servers of the tests have a password that production rejects.
    let production = || Home::on(Database::Sqlite).env("ENVIRONMENT", "production");
    for name in ["x-forwarded-for", "x-forwarded-proto", "forwarded"] {
        let server = production().env("TRUSTED_PROXIES", "10.0.0.0/8").start().await;
        server.anonymous().get("/health").await.is(200);
        assert_eq!(warnings(&server), 0);
        for _ in 0..20 {
            server.anonymous().get("/health").header(name, "192.0.2.1").await.is(200);
        }
        eventually("a warning", async || (warnings(&server) > 0).then_some(())).await;
        server.anonymous().get("/health").header("x-request-id", "the-last-one").await.is(200);
        eventually("the last line", async || server.log().contains("the-last-one").then_some(())).await;
        assert_eq!(warnings(&server), 1, "{}", server.log());
    }
    for home in [production().env("TRUSTED_PROXIES", "127.0.0.1"), Server::with().env("ENVIRONMENT", "test")] {
        let server = home.start().await;
        server.anonymous().get("/health").header("x-forwarded-for", "192.0.2.1").await.is(200);
        server.anonymous().get("/health").header("x-request-id", "the-last-one").await.is(200);
        eventually("the last line", async || server.log().contains("the-last-one").then_some(())).await;
        assert_eq!(warnings(&server), 0, "{}", server.log());
    }
}

#[tokio::test]
async fn cache_poisoning_headers_have_no_effect() {
    let server = Server::start().await;
    let plain = server.anonymous().get("/problems").await.is(200);
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-prefix", "/evil"),
        ("x-original-url", "/api/v1/users/me"),
        ("x-rewrite-url", "/api/v1/users/me"),
        ("x-http-method-override", "DELETE"),
        ("x-method-override", "DELETE"),
        ("forwarded", "host=evil.example;proto=https"),
    ] {
        let reply = server.anonymous().get("/problems").header(name, value).await.is(200);
        assert_eq!(reply.body, plain.body, "{name}");
        assert!(!format!("{reply:?}").contains("evil"), "{name}: {reply:#?}");
    }
}
