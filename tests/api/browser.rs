//! The pages in a real browser, which enforces its rules on scripts, styles and origins.

use std::sync::Arc;

use keepstone_test_backends::{Browser, Database, is_skipped};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::{PASSWORD, Page, Server};

/// Returns whether the browser and, if needed, the script are available.
pub fn here(script_is_needed: bool) -> bool {
    if Database::chosen() != Database::Sqlite {
        return false; // pages do not depend on the database
    }
    let script = Page::folder().join("redoc.standalone.js");
    let no_script = || (script_is_needed && !script.exists()).then(|| format!("no {}", script.display()));
    !is_skipped(Browser::missing().or_else(no_script))
}

/// Serves one file to any origin, as a CDN does, and returns its host and port.
pub async fn serve(content_type: &'static str, file: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        file.len()
    );
    let answer = Arc::new([head.into_bytes(), file].concat());
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let answer = Arc::clone(&answer);
            // A browser opens connections in advance and sends nothing on them.
            tokio::spawn(async move {
                let _ = connection.read(&mut [0; 8192]).await; // the content of the request does not matter
                let _ = connection.write_all(&answer).await;
            });
        }
    });
    address
}

/// Returns the hash for the default URL of the script.
fn default_hash() -> String {
    let defaults = include_str!("../../config/default.toml");
    let line = defaults.lines().find(|line| line.starts_with("redoc_script")).unwrap();
    line.split('"').nth(1).unwrap().split_once('#').unwrap().1.to_owned()
}

#[tokio::test]
async fn swagger_ui_can_call_the_api_after_authorizing() {
    if !here(false) {
        return;
    }
    let server = Server::start().await;
    let ada = server.anonymous().register("ada").await;
    let page = Page::new().await;
    page.open(&format!("{}/docs", server.url)).await;
    page.click(".auth-wrapper .authorize").await;
    page.write("#oauth_username", &ada.email).await;
    page.write("#oauth_password", PASSWORD).await;
    page.screenshot("swagger-authorize").await;
    page.click(".modal-ux .auth-btn-wrapper .authorize").await;
    page.shows(".modal-ux .auth-btn-wrapper", "Logout").await;
    page.click(".modal-ux .btn-done").await;

    let route = ".opblock-get:has([data-path=\"/api/v1/users/me\"])";
    page.click(&format!("{route} .opblock-summary-control")).await;
    page.click(&format!("{route} .try-out__btn")).await;
    page.click(&format!("{route} .execute")).await;
    page.shows(&format!("{route} .live-responses-table .response-col_status"), "200").await;
    page.shows(&format!("{route} .live-responses-table"), &ada.email).await;
    let show = "document.querySelector(arguments[0]).scrollIntoView()";
    page.script(show, json!([format!("{route} .live-responses-table")])).await;
    page.screenshot("swagger-users-me").await;
    assert_eq!(page.console_warnings().await, Vec::<String>::new());
    let keys = page.script("return Object.keys(localStorage).concat(Object.keys(sessionStorage))", json!([]));
    assert_eq!(keys.await, json!([]), "the page stores no token");
}

#[tokio::test]
async fn redoc_runs_only_the_script_that_matches_the_default_hash() {
    if !here(true) {
        return;
    }
    let script = std::fs::read(Page::folder().join("redoc.standalone.js")).unwrap();
    let script = format!("http://{}/redoc.standalone.js", serve("text/javascript", script).await);
    let server = Server::with().env("REDOC_SCRIPT", &format!("{script}#{}", default_hash())).start().await;
    let page = Page::new().await;
    page.open(&format!("{}/redoc", server.url)).await;
    page.shows("redoc, [data-section-id]", "/api/v1/users/me").await;
    page.write("input[type=\"text\"]", "register").await;
    page.shows("[role=\"search\"]", "Register an account").await;
    page.screenshot("redoc").await;
    let mut console_warnings = page.console_warnings().await;
    // Redoc's logo is on another host. The policy blocks it, so that host learns nothing about the readers.
    console_warnings.retain(|message| !message.contains("https://cdn.redoc.ly/redoc/logo-mini.svg"));
    assert_eq!(console_warnings, Vec::<String>::new());

    let other = format!("{script}#sha384-{}", "A".repeat(64));
    let server = Server::with().env("REDOC_SCRIPT", &other).start().await;
    page.open(&format!("{}/redoc", server.url)).await;
    let console_warnings = page.console_warnings().await;
    assert!(console_warnings.iter().any(|message| message.contains("integrity")), "{console_warnings:?}");
}

#[tokio::test]
async fn the_page_of_a_problem_is_styled() {
    if !here(false) {
        return;
    }
    let server = Server::start().await;
    let page = Page::new().await;
    page.open(&format!("{}/problems/email_already_registered", server.url)).await;
    page.shows("h1", "Email already registered").await;
    page.shows("p", "Log in, or reset the password.").await;
    let width = page.script("return getComputedStyle(document.body).maxWidth", json!([])).await;
    assert_eq!(width, "736px", "the stylesheet is applied");
    page.screenshot("problem").await;
    page.click("a[href=\"/problems\"]").await;
    page.shows("td a", "email_already_registered").await;
    page.screenshot("problems").await;
    assert_eq!(page.console_warnings().await, Vec::<String>::new());
}

/// A script that returns the outcome of a request: its status and whether the page could read the request id, or the
/// error name.
const FETCH: &str = "
    const [url, options, done] = arguments;
    fetch(url, options).then(
        answer => done(`${answer.status} ${answer.headers.get('x-request-id') !== null}`),
        reason => done(reason.name),
    );
";

#[tokio::test]
async fn only_a_listed_origin_can_read_responses_and_errors() {
    if !here(false) {
        return;
    }
    let app = serve("text/html", b"<!doctype html><title>App</title>".to_vec()).await;
    let server = Server::with().env("CORS_ORIGINS", &format!("http://{app}")).start().await;
    let ada = server.user("ada").await;
    let bearer = format!("Bearer {}", ada.tokens["access_token"].as_str().unwrap());
    let (me, nothing) = (format!("{}/api/v1/users/me", server.url), format!("{}/nothing", server.url));
    let with_token = json!({"credentials": "include", "headers": {"authorization": bearer, "if-match": "*"}});
    let without = json!({"credentials": "include"});
    let embedding = json!({"mode": "no-cors"});

    let page = Page::new().await;
    page.open(&format!("http://{app}/")).await;
    for (url, options, outcome) in [
        (&me, &with_token, "200 true"),
        (&me, &without, "401 true"),
        (&nothing, &with_token, "404 true"),
        (&me, &json!({"headers": {"x-other": "1", "baggage": "a=b"}}), "401 true"),
        // Without CORS mode, the page cannot read the response.
        (&me, &embedding, "TypeError"),
    ] {
        assert_eq!(page.script_that_waits(FETCH, json!([url, options])).await, outcome, "{url} {options}");
    }

    page.open(&format!("http://{}/", app.replace("127.0.0.1", "localhost"))).await;
    for (url, options) in [(&me, &with_token), (&me, &without), (&nothing, &without), (&me, &embedding)] {
        assert_eq!(page.script_that_waits(FETCH, json!([url, options])).await, "TypeError", "{url} {options}");
    }
}
