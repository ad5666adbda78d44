//! The API documentation pages. `browser.rs` tests how a browser renders them.

use keepstone_test_backends::Database;

use crate::harness::{Home, Reply, Server};

/// All paths of the documentation, below the root.
const PATHS: [&str; 12] = [
    "/docs",
    "/docs/start.js",
    "/docs/swagger-ui-bundle.js",
    "/docs/swagger-ui.css",
    "/redoc",
    "/redoc/style.css",
    "/openapi.json",
    "/api/v1/openapi.json",
    "/api/v1/docs",
    "/api/v1/redoc",
    "/api/docs/swagger",
    "/api/docs/redoc",
];

/// Asserts that a page has no inline scripts or styles.
#[track_caller]
fn has_nothing_inline(page: &Reply) {
    for (place, _) in page.body.match_indices("<script") {
        let tag = &page.body[place..];
        assert!(tag[..tag.find('>').unwrap()].contains(" src=\""), "{page:#?}");
    }
    for inline in ["<style", " style=", " onload=", " onclick=", "javascript:"] {
        assert!(!page.body.contains(inline), "{inline} in {page:#?}");
    }
    let policy = page.header("content-security-policy").unwrap();
    let scripts = policy.split(';').find(|part| part.trim().starts_with("script-src")).unwrap_or_default();
    assert!(!scripts.contains("unsafe") && !policy.contains('*'), "{policy}");
}

#[tokio::test]
async fn the_pages_run_only_their_own_files() {
    let server = Server::start().await;
    for path in ["/docs", "/docs/", "/redoc", "/problems", "/problems/not_found"] {
        let page = server.anonymous().get(path).await.is(200);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        has_nothing_inline(&page);
    }
    for (path, content_type) in [
        ("/docs/start.js", "text/javascript; charset=utf-8"),
        ("/docs/swagger-ui-bundle.js", "text/javascript"),
        ("/docs/swagger-ui.css", "text/css"),
        ("/docs/favicon-32x32.png", "image/png"),
        ("/redoc/style.css", "text/css; charset=utf-8"),
        ("/problems/style.css", "text/css; charset=utf-8"),
    ] {
        let file = server.anonymous().get(path).await.is(200);
        assert_eq!(file.header("content-type"), Some(content_type), "{path}");
    }
    for path in ["/docs/index.html", "/docs/swagger-initializer.js", "/docs/oauth2-redirect.html", "/docs/..%2fredoc"] {
        server.anonymous().get(path).await.is(404).problem();
    }
}

#[tokio::test]
async fn common_paths_of_other_frameworks_redirect_to_the_pages() {
    let server = Server::start().await;
    for (path, page) in [
        ("/api/v1/docs", "/docs"),
        ("/api/v1/redoc", "/redoc"),
        ("/api/docs/swagger", "/docs"),
        ("/api/docs/redoc", "/redoc"),
        ("/api/v1/docs/", "/docs"),
    ] {
        let reply = server.anonymous().get(path).await.is(308);
        assert_eq!(reply.header("location"), Some(page));
        let reply = server.anonymous().post(path).await.is(405);
        assert_eq!(reply.header("allow"), Some("GET, HEAD, OPTIONS"));
    }
}

#[tokio::test]
async fn other_paths_do_not_redirect() {
    let server = Server::start().await;
    for path in [
        "/",
        "/health/",
        "//health",
        "//evil.example/",
        "/api/v1",
        "/api/v1/users/me/",
        "/docs?url=https://evil.example",
    ] {
        let reply = server.anonymous().get(path).await;
        assert!(!(300..400).contains(&reply.status) && reply.header("location").is_none(), "{reply:#?}");
    }
}

#[tokio::test]
async fn redoc_runs_only_the_configured_script() {
    let hash = format!("sha384-{}", "A".repeat(64));
    let url = "https://cdn.example.com/redoc.js";
    let server = Server::with().env("REDOC_SCRIPT", &format!("{url}#{hash}")).start().await;
    let page = server.anonymous().get("/redoc").await.is(200);
    let script = format!("<script src=\"{url}\" integrity=\"{hash}\" crossorigin=\"anonymous\"");
    assert!(page.body.contains(&script), "{page:#?}");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains(&format!("script-src {url};")), "{policy}");

    let server = Server::with().env("REDOC_SCRIPT", "/static/redoc.js").start().await;
    let page = server.anonymous().get("/redoc").await.is(200);
    assert!(page.body.contains("<script src=\"/static/redoc.js\" crossorigin"), "{page:#?}");
    assert!(page.header("content-security-policy").unwrap().contains("script-src 'self';"), "{page:#?}");

    let server = Server::start().await;
    let page = server.anonymous().get("/redoc").await.is(200);
    assert!(page.body.contains("redoc@2.") && page.body.contains(" integrity=\"sha384-"), "{page:#?}");
}

#[tokio::test]
async fn production_hides_the_documentation_unless_enabled() {
    // On SQLite, because the database servers of the tests have a password that production rejects.
    let production = || Home::on(Database::Sqlite).env("ENVIRONMENT", "production");
    for server in [production().start().await, Server::with().env("DOCS_ENABLED", "false").start().await] {
        for path in PATHS {
            let reply = server.anonymous().get(path).await.is(404);
            reply.problem_is("not_found");
            server.anonymous().post(path).await.is(404);
        }
        server.anonymous().get("/problems").await.is(200);
    }
    let server = production().env("DOCS_ENABLED", "true").start().await;
    for path in PATHS {
        let status = server.anonymous().get(path).await.status;
        assert!([200, 308].contains(&status), "{path}: {status}");
    }
}
