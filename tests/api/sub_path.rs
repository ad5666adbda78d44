//! A proxy that strips a path prefix: with `PUBLIC_URL=https://host/svc`, the server receives `/docs` for `/svc/docs`.

use std::sync::Arc;

use keepstone_test_backends::{Browser, Database, is_skipped};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::harness::{Client, PASSWORD, Page, Server};

const PREFIX: &str = "/svc";

/// A server, and a proxy in front of it that strips the prefix and rejects all other paths.
struct Behind {
    server: Server,
    /// The URL of the proxy, with the prefix.
    url: String,
}

impl Behind {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{PREFIX}", listener.local_addr().unwrap());
        let server = Server::with().with_mail().env("PUBLIC_URL", &url).start().await;
        let upstream = Arc::<str>::from(server.address());
        tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                tokio::spawn(forward(connection, Arc::clone(&upstream)));
            }
        });
        Self { server, url }
    }

    fn anonymous(&self) -> Client {
        Client::new(&self.url)
    }
}

/// Forwards one request without the prefix, and returns its response.
async fn forward(mut client: TcpStream, upstream: Arc<str>) {
    let mut request = Vec::new();
    let head = loop {
        if client.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return; // a browser opens connections in advance
        }
        if let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8(request.drain(..head + 4).collect()).unwrap();
    let Some(head) = strip(&head) else {
        let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        return;
    };
    let mut server = TcpStream::connect(&*upstream).await.unwrap();
    server.write_all(head.as_bytes()).await.unwrap();
    server.write_all(&request).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await; // until either side closes
}

/// Returns the head without the prefix, for a single request.
fn strip(head: &str) -> Option<String> {
    let (line, fields) = head.split_once("\r\n")?;
    let (method, target) = line.split_once(' ')?;
    let target = target.strip_prefix(PREFIX)?;
    let fields = fields.split("\r\n").filter(|field| !field.to_ascii_lowercase().starts_with("connection:"));
    let fields = fields.collect::<Vec<_>>().join("\r\n");
    Some(format!("{method} {target}\r\nConnection: close\r\n{fields}"))
}

#[tokio::test]
async fn every_url_in_responses_includes_the_prefix() {
    let behind = Behind::start().await;
    let root = behind.url.strip_suffix(PREFIX).unwrap();
    let at = |path: &str| behind.anonymous().at(root).get(path);
    let ada = behind.server.user("ada").await.at(&behind.url);
    let created = ada.post("/api/v1/items").json(&json!({"title": "a title"})).await.is(201);
    let user = json!({"email": "bob@example.com", "password": PASSWORD});
    let registered = behind.anonymous().post("/api/v1/users").json(&user).await.is(201);
    for (reply, path) in [(&created, "/svc/api/v1/items/"), (&registered, "/svc/api/v1/users/")] {
        let location = reply.header("location").unwrap();
        assert!(location.starts_with(path), "{reply:#?}");
        ada.clone().at(root).get(location).await.is(200);
    }
    for (path, page) in
        [("/api/v1/docs", "/svc/docs"), ("/api/v1/redoc/", "/svc/redoc"), ("/api/docs/swagger", "/svc/docs")]
    {
        let reply = behind.anonymous().get(path).await.is(308);
        assert_eq!(reply.header("location"), Some(page));
        at(page).await.is(200);
    }
    for page in ["/docs", "/docs/", "/problems", "/problems/not_found", "/api/v1/auth/verify-email/", "/redoc"] {
        let reply = behind.anonymous().get(page).await.is(200);
        let links = reply.body.split(['"', '\'']).filter(|text| text.starts_with('/'));
        let links: Vec<&str> = links.filter(|link| !link.ends_with("/confirm")).collect();
        assert!(!links.is_empty(), "{reply:#?}");
        for link in links {
            at(link).await.is(200);
        }
    }
    let start = behind.anonymous().get("/docs/start.js").await.is(200);
    assert!(start.body.contains("\"/svc/openapi.json\""), "{start:#?}");
}

#[tokio::test]
async fn the_pages_work_in_a_browser() {
    if Database::chosen() != Database::Sqlite || is_skipped(Browser::missing()) {
        return; // pages do not depend on the database
    }
    let behind = Behind::start().await;
    let ada = behind.server.user("ada").await;
    let page = Page::new().await;
    page.open(&format!("{}/docs", behind.url)).await;
    page.click(".auth-wrapper .authorize").await;
    page.write("#oauth_username", &ada.email).await;
    page.write("#oauth_password", PASSWORD).await;
    page.click(".modal-ux .auth-btn-wrapper .authorize").await;
    page.shows(".modal-ux .auth-btn-wrapper", "Logout").await;
    page.click(".modal-ux .btn-done").await;
    let route = ".opblock-get:has([data-path=\"/api/v1/users/me\"])";
    page.click(&format!("{route} .opblock-summary-control")).await;
    page.click(&format!("{route} .try-out__btn")).await;
    page.click(&format!("{route} .execute")).await;
    page.shows(&format!("{route} .live-responses-table .response-col_status"), "200").await;

    let letter = behind.server.letter("ada@example.com", 1).await;
    assert!(letter.link().starts_with(&behind.url), "{letter:#?}");
    page.open(letter.link()).await;
    page.click("button").await;
    page.shows("#done", "Your address is verified").await;
    assert!(ada.is_verified().await);

    page.open(&format!("{}/problems/not_found", behind.url)).await;
    page.click("p a").await;
    page.click("td a").await;
    page.shows("h2", "What to do").await;
    assert_eq!(page.console_warnings().await, Vec::<String>::new());
}
