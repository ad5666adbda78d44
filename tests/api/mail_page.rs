//! The pages that links in e-mails open, in a real browser. Viewing a page changes nothing.

use keepstone_test_backends::{Browser, Database, is_skipped};
use serde_json::json;

use crate::harness::{Page, Server};

/// Returns whether there is no browser. Pages do not depend on the database.
fn no_browser() -> bool {
    Database::chosen() != Database::Sqlite || is_skipped(Browser::missing())
}

/// Returns the link of an e-mail, pointing to this server instead of the public URL.
fn here(server: &Server, link: &str) -> String {
    link.replace("https://api.example.com", &server.url)
}

#[tokio::test]
async fn a_link_verifies_an_address_when_the_button_is_pressed() {
    if no_browser() {
        return;
    }
    let server = Server::with().with_mail().start().await;
    let ada = server.user("ada").await;
    let letter = server.letter("ada@example.com", 1).await;
    let page = Page::new().await;
    page.open(&here(&server, letter.link())).await;
    page.shows("h1", "Verify your e-mail address").await;
    assert_eq!(page.script("return location.hash", json!([])).await, "", "the token does not stay in the address");
    let verified = async || ada.is_verified().await;
    assert!(!verified().await, "viewing the page changes nothing");
    page.screenshot("verify-email").await;
    page.click("button").await;
    page.shows("#done", "Your address is verified").await;
    assert!(verified().await);
    assert_eq!(page.console_warnings().await, Vec::<String>::new());

    page.open("about:blank").await;
    page.open(&here(&server, letter.link())).await;
    page.click("button").await;
    page.shows("#error", "used before").await;
    page.open("about:blank").await;
    page.open(&format!("{}/api/v1/auth/verify-email", server.url)).await;
    page.shows("#error", "not complete").await;
}

#[tokio::test]
async fn a_link_sets_a_new_password() {
    if no_browser() {
        return;
    }
    let server = Server::with().with_mail().start().await;
    let ada = server.user("ada").await;
    ada.post("/api/v1/auth/password/forgot").json(&json!({"email": ada.email})).await.is(202);
    let letter = server.letter("ada@example.com", 2).await;
    let page = Page::new().await;
    page.open(&here(&server, letter.link())).await;
    page.write("#password", "another fine password").await;
    page.write("#again", "another find password").await;
    page.click("button").await;
    page.shows("#error", "differ").await;
    page.screenshot("reset-password").await;
    page.script("document.getElementById('again').value = ''", json!([])).await;
    page.write("#again", "another fine password").await;
    page.click("button").await;
    page.shows("#done", "new password is set").await;
    ada.try_log_in("another fine password").await.is(200);
    assert_eq!(page.console_warnings().await, Vec::<String>::new());
}

#[tokio::test]
async fn pages_load_nothing_external_and_send_no_referrer() {
    let server = Server::with().env("APP_NAME", "<b>Keep & stone</b>").start().await;
    for name in ["verify-email", "reset-password", "undo-email-change"] {
        let reply = server.anonymous().get(&format!("/api/v1/auth/{name}")).await.is(200);
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe-inline"), "{policy}");
        assert!(reply.body.contains("&lt;b&gt;Keep &amp; stone"), "{reply:#?}");
        let posted = server.anonymous().post(&format!("/api/v1/auth/{name}")).await.is(405);
        assert_eq!(posted.header("allow"), Some("GET, HEAD, OPTIONS"));
    }
    for (name, kind) in [("mail.js", "text/javascript; charset=utf-8"), ("mail.css", "text/css; charset=utf-8")] {
        let reply = server.anonymous().get(&format!("/api/v1/auth/{name}")).await.is(200);
        assert_eq!(reply.header("content-type"), Some(kind));
    }
}
