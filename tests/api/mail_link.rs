//! Links of e-mails as relays deliver them. Relays encode the part behind the page's name, replace the `#` by a `?`,
//! and append slashes and text. The page must still work, and no log may contain the token.

use keepstone_test_backends::{Browser, Database, is_skipped};
use serde_json::json;

use crate::harness::{Page, Server, eventually, raw_request, send_raw};

/// Forms that relays create from `/reset-password#token=SECRET`, relative to the prefix of the pages.
const MANGLED: [&str; 18] = [
    "reset-password%23token=SECRET",
    "reset-password%23token%3DSECRET",
    "reset-password%23token%3dSECRET",
    "reset-password%2523token=SECRET",
    "reset-password%2523token%253DSECRET",
    "reset-password%252523token=SECRET",
    "reset-password/%23token=SECRET",
    "reset-password%23token=SECRET/",
    "reset-password%23token=SECRET&data=05%7C02%7Cada%40example.com",
    "reset-password%23TOKEN=SECRET",
    "Reset-Password%23token=SECRET",
    "RESET-PASSWORD%23token=SECRET",
    "reset-password?token=SECRET",
    "reset-password/?token=SECRET",
    "reset-password?utm_source=mail%23token=SECRET",
    "reset-password%3Ftoken=SECRET",
    "reset-password%3Futm_source=mail%23token%3DSECRET",
    "reset-password;token=SECRET",
];

/// Further forms, whose fragment a browser does not send.
const IN_A_BROWSER: [&str; 6] = [
    "reset-password/#token=SECRET",
    "reset-password?#token=SECRET",
    "reset-password?utm_source=mail#token=SECRET",
    "reset-password#utm_source=mail&token=SECRET",
    "reset-password#%74oken=SECRET",
    "reset-password##token=SECRET",
];

#[tokio::test]
async fn a_mangled_link_still_opens_its_page() {
    let server = Server::start().await;
    let token = "q3JvY2FmZWJhYmVkZWFkYmVlZi1xM0p2WTJGbQ-_a8";
    for page in ["reset-password", "verify-email", "undo-email-change"] {
        let plain = server.anonymous().get(&format!("/api/v1/auth/{page}")).await.is(200);
        for mangled in MANGLED {
            let upper = page.to_uppercase();
            let mangled = mangled.replace("reset-password", page).replace("RESET-PASSWORD", &upper);
            let mangled = mangled.replace("Reset-Password", &upper);
            let path = format!("/api/v1/auth/{}", mangled.replace("SECRET", token));
            let reply = server.anonymous().get(&path).await.is(200);
            assert_eq!(reply.body, plain.body, "{path}");
            assert_eq!(server.anonymous().head(&path).await.is(200).body, "");
            let posted = server.anonymous().post(&path).await.is(405);
            assert_eq!(posted.header("allow"), Some("GET, HEAD, OPTIONS"));
        }
    }
    for other in ["reset-passwords", "reset-password-x", "reset-passwordx=1", "reset", "reset-password/other"] {
        server.anonymous().get(&format!("/api/v1/auth/{other}")).await.is(404).problem();
    }
    // API routes below the names of pages are not affected.
    for (path, status) in [("verify-email/confirm", 405), ("verify-email/request", 405), ("password/reset", 405)] {
        server.anonymous().get(&format!("/api/v1/auth/{path}")).await.is(status).problem();
    }
}

#[tokio::test]
async fn no_log_contains_the_token_of_a_mangled_link() {
    let server = Server::with().env("LOG_LEVEL", "trace").start().await;
    let token = "q3JvY2FmZWJhYmVkZWFkYmVlZi1xM0p2WTJGbQ-_a8";
    let mut requested = 0;
    for prefix in ["/api/v1/auth/", "/", "/api/v2/auth/", "/nothing/%2e%2e/", "/api/v1/auth/x/"] {
        for mangled in
            MANGLED.iter().chain(&["SECRET", "x/SECRET/y", "token/SECRET", "a%2FSECRET", "%2fSECRET", "x+SECRET"])
        {
            let path = format!("{prefix}{}", mangled.replace("SECRET", token));
            let address = format!("https://relay.example.com/?u={path}");
            server.anonymous().get(&path).header("referer", &address).await;
            server.anonymous().post(&path).header("referer", &address).json(&json!({})).await;
            requested += 2;
        }
    }
    // Malformed HTTP and malformed paths are not logged either.
    for target in [
        format!("/reset-password#token={token}"),
        format!("http://x/{token}"),
        format!("/{token}%zz"),
        token.to_owned(),
    ] {
        send_raw(server.address(), raw_request("GET", &target)).await;
    }
    server.anonymous().get("/health").header("x-request-id", "the-last-one").await.is(200);
    eventually("the last line", async || server.log().contains("the-last-one").then_some(())).await;
    let log = server.log();
    assert!(log.matches(" access: ").count() >= requested, "{log}");
    let lower = token.to_lowercase();
    for line in log.lines() {
        assert!(!line.to_lowercase().contains(&lower), "{line}");
    }
    assert!(log.contains("/api/v1/auth/reset-password…"), "{log}");
}

#[tokio::test]
async fn a_mangled_link_works_in_a_browser() {
    if Database::chosen() != Database::Sqlite || is_skipped(Browser::missing()) {
        return; // pages do not depend on the database
    }
    let server = Server::with().with_mail().start().await;
    let ada = server.user("ada").await;
    ada.post("/api/v1/auth/password/forgot").json(&json!({"email": ada.email})).await.is(202);
    let letter = server.letter("ada@example.com", 2).await;
    let token = letter.link().split_once("#token=").unwrap().1.to_owned();
    let page = Page::new().await;
    for mangled in MANGLED.iter().chain(&IN_A_BROWSER) {
        page.open("about:blank").await;
        page.open(&format!("{}/api/v1/auth/{}", server.url, mangled.replace("SECRET", &token))).await;
        page.shows("button", "Set this password").await;
        let found = page.script("return [token, location.pathname + location.search + location.hash]", json!([])).await;
        assert_eq!(found, json!([token, "/api/v1/auth/reset-password"]), "{mangled}");
        assert_eq!(page.console_warnings().await, Vec::<String>::new(), "{mangled}");
    }
    page.write("#password", "another fine password").await;
    page.write("#again", "another fine password").await;
    page.click("button").await;
    page.shows("#done", "new password is set").await;
    ada.try_log_in("another fine password").await.is(200);
}
