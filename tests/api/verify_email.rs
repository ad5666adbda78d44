//! Verification of an address: by a link sent to it, which works once and only if it is the newest.

use serde_json::json;

use crate::harness::{Client, Home, PASSWORD, Reply, Server, together};

const REQUEST: &str = "/api/v1/auth/verify-email/request";
const CONFIRM: &str = "/api/v1/auth/verify-email/confirm";

async fn confirm(client: &Client, token: &str) -> Reply {
    client.anonymous().post(CONFIRM).json(&json!({"token": token})).await
}

#[tokio::test]
async fn a_sign_up_sends_a_link_that_verifies_the_address() {
    let server = Server::with().with_mail().start().await;
    let ada = server.user("ada").await;
    let letter = server.letter("ada@example.com", 1).await;
    assert!(letter.link().starts_with("https://api.example.com/api/v1/auth/verify-email#token="), "{letter:#?}");
    assert!(letter.subject.contains("Confirm"), "{letter:#?}");
    assert!(!ada.is_verified().await);
    let reply = confirm(&ada, &letter.token()).await.is(200);
    assert_eq!(reply.json(), json!({"email_verified": true}));
    assert!(ada.is_verified().await, "immediately, in the existing session");

    confirm(&ada, &letter.token()).await.is(400).problem_is("email_token_invalid");
    assert_eq!(server.admin().await.event("email_verified").await["user_id"], ada.id);
}

#[tokio::test]
async fn only_the_newest_link_works() {
    let server = Server::with().with_mail().start().await;
    let ada = server.user("ada").await;
    let first = server.letter("ada@example.com", 1).await;
    let answer = ada.post(REQUEST).await.is(202).json();
    assert_eq!(answer["message"], "Verification email will be sent");
    let second = server.letter("ada@example.com", 2).await;
    assert_ne!(first.token(), second.token());
    assert_ne!(first.message_id, second.message_id);
    confirm(&ada, &first.token()).await.is(400).problem_is("email_token_invalid");
    assert!(!ada.is_verified().await);
    confirm(&ada, &second.token()).await.is(200);
    assert!(ada.is_verified().await);

    ada.post(REQUEST).await.is(202);
    assert_eq!(server.letters_after_jobs("ada@example.com").await.len(), 2, "the address is already verified");
}

#[tokio::test]
async fn only_one_of_many_concurrent_uses_of_a_link_succeeds() {
    let server = Server::with().with_mail().start().await;
    for name in ["ada", "bob", "eve"] {
        let client = server.user(name).await;
        let token = server.letter(&client.email, 1).await.token();
        let replies = together((0..8).map(|_| {
            let (client, token) = (client.clone(), token.clone());
            async move { confirm(&client, &token).await.status }
        }))
        .await;
        assert_eq!(replies.iter().filter(|status| **status == 200).count(), 1, "{replies:?}");
        assert_eq!(replies.iter().filter(|status| **status == 400).count(), 7, "{replies:?}");
    }
}

#[tokio::test]
async fn invalid_tokens_are_rejected() {
    let server = Server::with().with_mail().start().await;
    let ada = server.user("ada").await;
    let token = server.letter("ada@example.com", 1).await.token();
    let access = ada.tokens["access_token"].as_str().unwrap();
    let cut = &token[..token.len() - 1];
    for wrong in ["", "x", access, cut, &format!("{token}A"), &token.to_lowercase(), &"x".repeat(50_000)] {
        confirm(&ada, wrong).await.is(400).problem_is("email_token_invalid");
    }
    ada.post(CONFIRM).json(&json!({})).await.invalid_at(&[&["body", "token"]]);
    ada.post(CONFIRM).json(&json!({"token": 1})).await.invalid_at(&[&["body", "token"]]);
    let reset = ada.post("/api/v1/auth/password/reset");
    reset.json(&json!({"token": token, "new_password": "another fine password"})).await.is(400);
    confirm(&ada, &token).await.is(200); // failed attempts have not used up the link
}

#[tokio::test]
async fn a_link_to_a_changed_address_is_invalid() {
    let server = Server::with().with_mail().start().await;
    let ada = server.user("ada").await;
    let first = server.letter("ada@example.com", 1).await;
    let change = json!({"email": "countess@example.com", "current_password": PASSWORD});
    ada.patch("/api/v1/users/me").json(&change).await.is(200);
    confirm(&ada, &first.token()).await.is(400).problem_is("email_token_invalid");
    let second = server.letter("countess@example.com", 1).await;
    confirm(&ada, &second.token()).await.is(200);
    assert!(ada.is_verified().await);
}

#[tokio::test]
async fn a_link_of_a_deleted_or_deactivated_account_is_invalid() {
    let server = Server::with().with_mail().start().await;
    let [admin] = server.seeded(["admin"]).await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let tokens = [server.letter("ada@example.com", 1).await.token(), server.letter("bob@example.com", 1).await.token()];
    ada.delete("/api/v1/users/me").await.is(204);
    admin.patch(&format!("/api/v1/users/{}", bob.id)).json(&json!({"is_active": false})).await.is(200);
    for token in tokens {
        confirm(&ada, &token).await.is(400).problem_is("email_token_invalid");
    }
}

#[tokio::test]
async fn without_e_mail_a_verification_request_is_rejected() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    ada.post(REQUEST).await.is(503).problem_is("email_unavailable");
    assert!(server.unfinished().is_empty());
}

#[tokio::test]
async fn repeated_requests_do_not_flood_a_mailbox() {
    let server = Server::with().with_mail().env("RATE_LIMIT_ENABLED", "true").start().await;
    let ada = server.user("ada").await;
    server.letter("ada@example.com", 1).await;
    for sent in 2..=6 {
        ada.post(REQUEST).await.is(202);
        server.letter("ada@example.com", sent).await; // an e-mail is not sent if a newer one has replaced it
    }
    ada.post(REQUEST).await.is(429).problem_is("rate_limited");
    assert_eq!(server.letters_after_jobs("ada@example.com").await.len(), 6);
}

#[tokio::test]
async fn tokens_are_stored_in_neither_the_database_nor_the_log() {
    let server = Server::with().with_mail().env("LOG_LEVEL", "trace").start().await;
    server.user("ada").await;
    let token = server.letter("ada@example.com", 1).await.token();
    assert!(!server.log().contains(&token));
    // SQLite's file, and its write-ahead log.
    if let Some(folder) = server.home.database.folder() {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        let bytes = files.collect::<Vec<_>>().concat();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(holds("ada@example.com"), "the search must find stored values");
        assert!(!holds(&token));
    }
}

#[tokio::test]
async fn links_use_the_configured_url_and_not_request_headers() {
    let server = Server::with().with_mail().start().await;
    let body = json!({"email": "ada@example.com", "password": "correct horse battery"});
    let request = server.anonymous().post("/api/v1/auth/register").header("host", "evil.example");
    request.header("x-forwarded-host", "evil.example").json(&body).await.is(201);
    let letter = server.letter("ada@example.com", 1).await;
    assert!(!letter.raw.contains("evil.example") && !letter.html.contains("evil"), "{letter:#?}");
    assert!(letter.link().starts_with("https://api.example.com/"), "{letter:#?}");
}

#[tokio::test]
async fn links_have_the_port_that_the_server_was_assigned() {
    // The harness starts every server with `--port 0`.
    let home = Home::new().env("MAIL_URL", "file:mail");
    assert!(!home.environment.contains_key("PUBLIC_URL") && !home.environment.contains_key("PORT"));
    let server = home.start().await;
    let ada = server.user("ada").await;
    let letter = server.letter("ada@example.com", 1).await;
    let port = server.address().rsplit_once(':').unwrap().1;
    let origin = format!("http://localhost:{port}");
    assert!(letter.link().starts_with(&format!("{origin}/api/v1/auth/verify-email#token=")), "{letter:#?}");
    assert!(letter.html.contains(&origin) && !letter.raw.contains("localhost:0"), "{letter:#?}");
    assert_eq!(reqwest::get(letter.link()).await.unwrap().status(), 200, "the page of the link");
    confirm(&ada, &letter.token()).await.is(200);

    ada.post("/api/v1/auth/password/forgot").json(&json!({"email": ada.email})).await.is(202);
    let letter = server.letter("ada@example.com", 2).await;
    assert!(letter.link().starts_with(&format!("{origin}/api/v1/auth/reset-password#token=")), "{letter:#?}");
}
