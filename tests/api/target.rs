//! Paths, queries and methods, including invalid ones.

use reqwest::Method;

use crate::harness::{Server, raw_request, send_raw};

#[tokio::test]
async fn invalid_percent_encoding_is_malformed() {
    let server = Server::start().await;
    for part in ["%", "%4", "%zz", "a%", "%%32", "%ff", "%c0%af", "%ed%a0%80"] {
        for target in [format!("/health/{part}"), format!("/health?q={part}"), format!("/api/v1/users/{part}")] {
            let reply = send_raw(server.address(), raw_request("GET", &target)).await;
            assert_eq!(reply.status, 400, "{target}: {reply:#?}");
            reply.problem_is("malformed_url");
        }
    }
}

#[tokio::test]
async fn an_encoded_nul_is_rejected() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    ada.get("/api/v1/auth/sessions?page=1%00").await.invalid_at(&[&["query", "page"]]);
    ada.get("/api/v1/users/me%00").await.is(422).problem();
    ada.get("/api/v1/users/me%00.css").await.is(422).problem();
    for path in ["/health%00", "/%00", "/problems/not_found%00", "/docs/start.js%00.css"] {
        ada.get(path).await.is(404).problem();
    }
}

#[tokio::test]
async fn a_path_is_decoded_once() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    ada.get("/api/v1/%75sers/me").await.is(200);
    for path in ["/api/v1/%2575sers/me", "/api/v1/users%2fme", "/api/v1/auth/..%2fusers/me", "/..%2f..%2fetc%2fpasswd"]
    {
        ada.get(path).await.is(404).problem();
    }
    let reply = ada.delete("/api/v1/%75sers/me%2541").await;
    assert!([404, 405, 422].contains(&reply.status), "{reply:#?}");
    // A wrong method gets the allowed methods however the path is spelt.
    let reply = server.anonymous().get("/api/v1/auth/%6cogin").await.is(405);
    assert_eq!(reply.header("allow"), Some("POST, OPTIONS"));
}

#[tokio::test]
async fn a_raw_nul_or_space_is_rejected() {
    let server = Server::start().await;
    for target in ["/health\0", "/health?q=\0", "/hea lth", "/health\u{7f}"] {
        let reply = send_raw(server.address(), raw_request("GET", target)).await;
        assert_eq!(reply.status, 400, "{target:?}: {reply:#?}");
    }
    server.anonymous().get("/health").await.is(200);
}

#[tokio::test]
async fn a_path_or_a_query_of_more_than_8_kib_is_too_long() {
    let server = Server::start().await;
    let of = |length: usize| "a".repeat(length);
    server.anonymous().get(&format!("/health?{}", of(8192))).await.is(200);
    server.anonymous().get(&format!("/health?{}", of(8193))).await.is(414).problem_is("uri_too_long");
    server.anonymous().get(&format!("/{}", of(9000))).await.is(414).problem_is("uri_too_long");
    let reply = send_raw(server.address(), raw_request("GET", &format!("/{}", of(100_000)))).await;
    assert!([400, 414, 431].contains(&reply.status), "{reply:#?}");
}

#[tokio::test]
async fn an_invalid_query_is_rejected_with_the_location() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    for query in ["page=x", "page=0", "page=1&page=2", "page_size=101", "page=%2541", "page=1%20"] {
        let reply = ada.get(&format!("/api/v1/auth/sessions?{query}")).await;
        assert_eq!(reply.status, 422, "{query}: {reply:#?}");
        assert_eq!(reply.problem()["errors"][0]["loc"][0], "query");
    }
    ada.get("/api/v1/auth/sessions?unknown=1&unknown=2&&=&page=1").await.is(200);
}

#[tokio::test]
async fn unsupported_methods_get_the_allowed_ones() {
    let server = Server::start().await;
    let id = "0190a1b2-0000-7000-8000-000000000000";
    for (path, allowed) in [
        ("/health", "GET, HEAD, OPTIONS"),
        ("/api/v1/auth/login", "POST, OPTIONS"),
        ("/api/v1/users", "POST, OPTIONS"),
        ("/problems", "GET, HEAD, OPTIONS"),
        ("/problems/not_found", "GET, HEAD, OPTIONS"),
        ("/docs", "GET, HEAD, OPTIONS"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
        (&format!("/api/v1/auth/sessions/{id}"), "DELETE, OPTIONS"),
    ] {
        for method in ["TRACE", "CONNECT", "BREW", "PROPFIND", "get", "QUERY"] {
            let reply = send_raw(server.address(), raw_request(method, path)).await;
            assert_eq!(reply.status, 405, "{method} {path}: {reply:#?}");
            reply.problem_is("method_not_allowed");
            // The path may gain further methods, but these must be listed.
            let listed = reply.header("allow").unwrap();
            assert!(allowed.split(", ").all(|one| listed.split(", ").any(|method| method == one)), "{path}: {listed}");
        }
        let reply = server.anonymous().request(Method::OPTIONS, path).await.is(204);
        assert!(reply.header("allow").unwrap().contains("OPTIONS"), "{reply:#?}");
    }
}

#[tokio::test]
async fn server_wide_requests_report_the_allowed_methods() {
    let server = Server::start().await;
    let all = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    let connect = send_raw(server.address(), raw_request("CONNECT", "evil.example:443")).await.is(405);
    assert_eq!(connect.header("allow"), Some(all));
    connect.problem();
    let options = send_raw(server.address(), raw_request("OPTIONS", "*")).await.is(204);
    assert_eq!(options.header("allow"), Some(all));
    let absolute = send_raw(server.address(), raw_request("GET", "http://localhost/health")).await;
    absolute.is(200);
}

#[tokio::test]
async fn a_method_cannot_be_overridden() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        ada.get("/api/v1/users/me").header(name, "DELETE").await.is(200);
        ada.post("/api/v1/auth/sessions?_method=GET").header(name, "GET").await.is(405);
    }
}

#[tokio::test]
async fn an_unacceptable_accept_header_is_rejected_before_any_effect() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    for accept in
        ["text/html", "application/xml, text/*", "application/json;q=0", "application/json;q=0, */*", "image/png"]
    {
        let reply = ada.get("/api/v1/users/me").header("accept", accept).await;
        assert_eq!(reply.status, 406, "{accept}: {reply:#?}");
        reply.problem_is("not_acceptable");
    }
    let body = serde_json::json!({"email": "eve@example.com", "password": crate::harness::PASSWORD});
    let register = server.anonymous().post("/api/v1/auth/register").json(&body).header("accept", "text/html");
    register.await.is(406);
    assert_eq!(server.home.users().len(), 1, "no user has been created");
    for accept in ["*/*", "", "application/*", "text/html, */*;q=0.1", "application/json; charset=utf-8", "nonsense"] {
        ada.get("/api/v1/users/me").header("accept", accept).await.is(200);
    }
    // Routes that do not exist, return no body or return other formats than JSON are exempt.
    server.anonymous().get("/nothing").header("accept", "text/html").await.is(404);
    server.anonymous().get("/docs").header("accept", "text/html").await.is(200);
    ada.clone().log_in().await.post("/api/v1/auth/logout").header("accept", "text/html").await.is(204);
}
