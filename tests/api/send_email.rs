//! The route that sends an e-mail: permitted users only, one recipient, and no injected headers.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, Server};

const SEND: &str = "/api/v1/send-email";

fn letter(to: &str, subject: &str, body: &str) -> Value {
    json!({"to": to, "subject": subject, "body": body})
}

#[tokio::test]
async fn an_administrator_sends_an_e_mail() {
    let server = Server::with().with_mail().start().await;
    let [admin] = server.seeded(["admin"]).await;
    let text = "Dear Ada,\n\n.\n<script>alert(1)</script>\n{{ 7 * 7 }}\n";
    let reply = admin.post(SEND).json(&letter("ada@example.com", "Grüße 👋", text)).await.is(202);
    assert_eq!(reply.json(), json!({"message": "Email will be sent"}));
    let sent = server.letter("ada@example.com", 1).await;
    assert_eq!(sent.subject, "Grüße 👋");
    let text = text.trim_end();
    assert!(sent.text.replace("\r\n", "\n").contains(text), "{sent:#?}");
    assert!(sent.html.contains("&lt;script&gt;") && !sent.html.contains("<script>"), "{sent:#?}");
    let event = admin.event("email_sent").await;
    assert_eq!(event["actor_id"], admin.id);
    assert!(!event.to_string().contains("ada@example.com"), "{event}");
}

#[tokio::test]
async fn an_address_without_content_gets_a_test_e_mail() {
    let server = Server::with().with_mail().start().await;
    let [admin] = server.seeded(["admin"]).await;
    admin.post(&format!("{SEND}?email=ada%40example.com")).await.is(202);
    let sent = server.letter("ada@example.com", 1).await;
    assert!(sent.subject.contains("Test"), "{sent:#?}");
    admin.post(&format!("{SEND}?email=invalid")).await.invalid_at(&[&["query", "email"]]);
}

#[tokio::test]
async fn content_cannot_inject_headers() {
    let server = Server::with().with_mail().start().await;
    let [admin] = server.seeded(["admin"]).await;
    let send = |body: Value| admin.post(SEND).json(&body);
    for break_ in ["\r\n", "\n", "\r", "\0"] {
        let evil = format!("x{break_}Bcc: evil@example.com");
        send(letter("ada@example.com", &evil, "x")).await.invalid_at(&[&["body", "subject"]]);
        send(letter(&format!("ada@example.com{break_}Bcc: evil@example.com"), "x", "x"))
            .await
            .invalid_at(&[&["body", "to"]]);
    }
    for several in ["a@example.com,b@example.com", "a@example.com;b@example.com", "A <a@example.com>"] {
        send(letter(several, "x", "x")).await.invalid_at(&[&["body", "to"]]);
    }
    send(json!({})).await.invalid_at(&[&["body", "body"], &["body", "subject"], &["body", "to"]]);
    send(letter("ada@example.com", "x", &"x".repeat(20_001))).await.invalid_at(&[&["body", "body"]]);
    assert!(server.unfinished().is_empty());
}

#[tokio::test]
async fn names_cannot_inject_headers_or_html() {
    let server = Server::with().with_mail().start().await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "name": "x\r\nBcc: evil@example.com"});
    server.anonymous().post("/api/v1/auth/register").json(&body).await.invalid_at(&[&["body", "name"]]);
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "name": "\"Ada\" <evil@example.com>, <b>"});
    server.anonymous().post("/api/v1/auth/register").json(&body).await.is(201);
    let sent = server.letter("ada@example.com", 1).await;
    assert!(!sent.html.contains("<b>") && !sent.html.contains("<evil"), "{sent:#?}");
    assert_eq!(sent.to, "ada@example.com");
}

#[tokio::test]
async fn sending_is_rate_limited_and_requires_e_mail_to_be_configured() {
    let server = Server::start().await;
    let [admin] = server.seeded(["admin"]).await;
    let body = letter("ada@example.com", "x", "x");
    admin.post(SEND).json(&body).await.is(503).problem_is("email_unavailable");
    let server = Server::with().with_mail().env("RATE_LIMIT_ENABLED", "true").start().await;
    let [admin] = server.seeded(["admin"]).await;
    for _ in 0..60 {
        admin.post(SEND).json(&body).await.is(202);
    }
    admin.post(SEND).json(&body).await.is(429).problem_is("rate_limited");
}
