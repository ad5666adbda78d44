//! A page that stores its tokens in `localStorage` and refreshes them on a 401, in two tabs of a real browser.

use serde_json::{Value, json};

use crate::browser::{here, serve};
use crate::harness::{Client, Page, Server};

const APP: &str = include_str!("two_tabs.html");

/// A server with these settings, and a page of another origin in `count` tabs.
struct App {
    page: Page,
    tabs: Vec<String>,
    client: Client,
    _server: Server,
}

impl App {
    async fn open(settings: &[(&str, &str)], count: usize) -> Self {
        let app = serve("text/html", APP.as_bytes().to_vec()).await;
        let mut server = Server::with().env("CORS_ORIGINS", &format!("http://{app}"));
        for (key, value) in settings {
            server = server.env(key, value);
        }
        let server = server.start().await;
        let client = server.user("ada").await;
        let page = Page::new().await;
        let mut tabs = Vec::new();
        for _ in 0..count {
            tabs.push(page.open_tab().await);
            page.open(&format!("http://{app}/?api={}", server.url)).await;
        }
        Self { page, tabs, client, _server: server }
    }

    /// Logs in, for all tabs.
    async fn log_in(&self) {
        let client = self.client.clone().log_in().await;
        self.page.script("localStorage.setItem('tokens', JSON.stringify(arguments[0]))", json!([client.tokens])).await;
    }

    /// Makes every tab call the API with an invalid access token. The second tab refreshes `offset` milliseconds after
    /// the first. Returns the outcome of each tab.
    async fn visit(&self, offset: usize) -> Value {
        self.page.select_tab(&self.tabs[0]).await;
        self.page.script_that_waits("visitInAllTabs(arguments[0]).then(arguments[1])", json!([offset])).await
    }
}

#[tokio::test]
async fn two_tabs_that_refresh_at_the_same_time_stay_logged_in() {
    if !here(false) {
        return;
    }
    let app = App::open(&[], 2).await;
    app.log_in().await;
    for run in 0..20 {
        let offset = run * 50 / 19;
        assert_eq!(app.visit(offset).await, json!(["200", "200"]), "{offset} ms apart");
    }
}

/// Proves that the test above cannot pass by chance: without grace, the second tab ends the session.
#[tokio::test]
async fn without_grace_the_second_tab_ends_the_session() {
    if !here(false) {
        return;
    }
    let app = App::open(&[("REFRESH_GRACE", "0")], 2).await;
    app.log_in().await;
    let outcome = app.visit(15).await;
    assert!(outcome.as_array().unwrap().contains(&json!("refresh_token_reused")), "{outcome}");
    assert_eq!(app.visit(0).await[0], "token_revoked");
}

#[tokio::test]
async fn a_tab_that_cancels_a_refresh_and_retries_stays_logged_in() {
    if !here(false) {
        return;
    }
    let app = App::open(&[], 1).await;
    app.log_in().await;
    let mut cancelled = 0;
    for after in [0, 1, 2, 3, 5, 8, 13, 20, 30, 50] {
        let script = "cancelAndRetry(arguments[0]).then(arguments[1])";
        let outcome = app.page.script_that_waits(script, json!([after])).await;
        assert_eq!((&outcome[1], &outcome[2]), (&json!("200"), &json!("200")), "cancelled after {after} ms: {outcome}");
        cancelled += usize::from(outcome[0] == "AbortError");
    }
    assert!(cancelled > 0, "no refresh was cancelled");
}
