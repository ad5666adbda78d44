//! Password reset: the owner of the mailbox sets a new password, and the responses do not reveal which accounts exist.

use serde_json::json;

use crate::harness::{Client, Letter, PASSWORD, Reply, Server, together};

const FORGOT: &str = "/api/v1/auth/password/forgot";
const NEW: &str = "another fine password";

async fn forgot(client: &Client, email: &str) -> Reply {
    client.anonymous().post(FORGOT).json(&json!({"email": email})).await
}

async fn reset(client: &Client, token: &str, password: &str) -> Reply {
    let body = json!({"token": token, "new_password": password});
    client.anonymous().post("/api/v1/auth/password/reset").json(&body).await
}

/// Returns the links to set a new password that were sent to this address.
async fn links(server: &Server, email: &str, count: usize) -> Vec<Letter> {
    let letters = server.letters_after_jobs(email).await;
    let links: Vec<_> = letters.into_iter().filter(|letter| letter.text.contains("/reset-password#")).collect();
    assert_eq!(links.len(), count, "{links:#?}");
    links
}

#[tokio::test]
async fn a_reset_by_e_mail_sets_the_password_and_ends_all_sessions() {
    let server = Server::with().with_mail().start().await;
    let ada = server.user("ada").await;
    let elsewhere = server.anonymous().named("ada@example.com").log_in().await;
    forgot(&ada, " ADA@Example.com ").await.is(202);
    let link = links(&server, "ada@example.com", 1).await.remove(0);
    assert!(link.link().starts_with("https://api.example.com/api/v1/auth/reset-password#token="), "{link:#?}");

    reset(&ada, &link.token(), NEW).await.is(204);
    for client in [&ada, &elsewhere] {
        client.get("/api/v1/users/me").await.is(401).problem_is("token_revoked");
        client.refresh().await.is(401).problem_is("token_revoked");
    }
    ada.try_log_in(PASSWORD).await.is(401);
    let tokens = ada.try_log_in(NEW).await.is(200).json();
    let me = ada.clone().with(tokens).get("/api/v1/users/me").await.is(200).json();
    assert_eq!(me["email_verified"], true, "receiving the e-mail verifies the address");

    reset(&ada, &link.token(), PASSWORD).await.is(400).problem_is("email_token_invalid");
    let letters = server.letters_after_jobs("ada@example.com").await;
    assert!(letters.iter().any(|letter| letter.subject.contains("password") && !letter.text.contains("#token=")));
    assert_eq!(server.admin().await.event("password_reset").await["user_id"], ada.id);
}

#[tokio::test]
async fn links_point_to_the_front_end_if_configured() {
    let server = Server::with().with_mail().env("FRONTEND_URL", "https://app.example.com/shop/").start().await;
    let ada = server.user("ada").await;
    forgot(&ada, "ada@example.com").await.is(202);
    let link = links(&server, "ada@example.com", 1).await.remove(0);
    assert!(link.link().starts_with("https://app.example.com/shop/reset-password#token="), "{link:#?}");
    let letters = server.letters_after_jobs("ada@example.com").await;
    let verification = letters.iter().find(|letter| letter.text.contains("/verify-email#")).unwrap();
    assert!(verification.link().starts_with("https://app.example.com/shop/verify-email#token="), "{verification:#?}");
    reset(&ada, &link.token(), NEW).await.is(204);
    ada.try_log_in(NEW).await.is(200);
}

#[tokio::test]
async fn the_response_does_not_reveal_accounts() {
    let server = Server::with().with_mail().start().await;
    let [admin] = server.seeded(["admin"]).await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let eve = server.user("eve").await;
    admin.patch(&format!("/api/v1/users/{}", bob.id)).json(&json!({"is_active": false})).await.is(200);
    eve.delete("/api/v1/users/me").await.is(204);
    let known = forgot(&ada, "ada@example.com").await.is(202);
    for unknown in ["unknown@example.com", "bob@example.com", "eve@example.com"] {
        let reply = forgot(&ada, unknown).await.is(202);
        assert_eq!(reply.body, known.body);
        let names = |reply: &Reply| reply.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&reply), names(&known));
    }
    links(&server, "ada@example.com", 1).await;
    for unknown in ["unknown@example.com", "bob@example.com", "eve@example.com"] {
        links(&server, unknown, 0).await;
    }
    forgot(&ada, "not an address").await.invalid_at(&[&["body", "email"]]);
    forgot(&ada, "ad\u{212a}@example.com").await.invalid_at(&[&["body", "email"]]);
}

#[tokio::test]
async fn only_the_newest_link_works_and_only_once() {
    let server = Server::with().with_mail().start().await;
    let ada = server.user("ada").await;
    for count in 1..=2 {
        forgot(&ada, "ada@example.com").await.is(202);
        links(&server, "ada@example.com", count).await;
    }
    let links = links(&server, "ada@example.com", 2).await;
    reset(&ada, &links[0].token(), NEW).await.is(400).problem_is("email_token_invalid");
    let replies = together((0..6).map(|number| {
        let (ada, token) = (ada.clone(), links[1].token());
        async move { reset(&ada, &token, &format!("password number {number}")).await.status }
    }))
    .await;
    let winners: Vec<_> = replies.iter().enumerate().filter(|(_, status)| **status == 204).collect();
    assert_eq!(winners.len(), 1, "{replies:?}");
    assert_eq!(replies.iter().filter(|status| **status == 400).count(), 5, "{replies:?}");
    ada.try_log_in(&format!("password number {}", winners[0].0)).await.is(200);
}

#[tokio::test]
async fn a_rejected_password_does_not_use_up_the_link() {
    let server = Server::with().with_mail().env("PASSWORD_BLOCKLIST", "true").start().await;
    let ada = server.user("ada-lovelace").await;
    forgot(&ada, &ada.email).await.is(202);
    let token = links(&server, &ada.email, 1).await[0].token();
    for password in ["short", "password1234", "ada-lovelace"] {
        reset(&ada, &token, password).await.invalid_at(&[&["body", "new_password"]]);
    }
    reset(&ada, &token, NEW).await.is(204);
}

#[tokio::test]
async fn a_link_is_invalid_after_the_password_or_the_address_changes() {
    let server = Server::with().with_mail().start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    for client in [&ada, &bob] {
        forgot(client, &client.email).await.is(202);
    }
    let of_ada = links(&server, "ada@example.com", 1).await[0].token();
    let of_bob = links(&server, "bob@example.com", 1).await[0].token();
    let change = json!({"current_password": PASSWORD, "new_password": NEW});
    ada.post("/api/v1/users/me/change-password").json(&change).await.is(204);
    let change = json!({"email": "robert@example.com", "current_password": PASSWORD});
    bob.patch("/api/v1/users/me").json(&change).await.is(200);
    let confirm = json!({"token": server.letter("robert@example.com", 1).await.token()});
    bob.post("/api/v1/auth/verify-email/confirm").json(&confirm).await.is(200);
    for token in [of_ada, of_bob] {
        reset(&ada, &token, "yet another password").await.is(400).problem_is("email_token_invalid");
    }
}

#[tokio::test]
async fn a_password_change_is_notified_by_e_mail() {
    let server = Server::with().with_mail().start().await;
    let ada = server.user("ada").await;
    let change = json!({"current_password": PASSWORD, "new_password": NEW});
    ada.post("/api/v1/users/me/change-password").json(&change).await.is(204);
    let letter = server.letter("ada@example.com", 2).await;
    assert!(letter.subject.contains("password"), "{letter:#?}");
    assert!(!letter.raw.contains(NEW) && !letter.raw.contains(PASSWORD));
}

#[tokio::test]
async fn a_reused_refresh_token_sends_an_e_mail() {
    let server = Server::with().with_mail().start().await;
    let ada = server.user("ada").await;
    let next = ada.clone().with(ada.refresh().await.is(200).json());
    next.refresh().await.is(200);
    ada.refresh().await.is(401).problem_is("refresh_token_reused");
    let letter = server.letter("ada@example.com", 2).await;
    assert!(letter.subject.contains("logged out") && letter.text.contains("127.0.0.1"), "{letter:#?}");
}

#[tokio::test]
async fn requests_for_one_mailbox_are_limited_silently() {
    let server = Server::with().with_mail().env("RATE_LIMIT_ENABLED", "true").start().await;
    let ada = server.user("ada").await;
    for sent_requests in 1..=10 {
        forgot(&ada, "ada@example.com").await.is(202);
        links(&server, "ada@example.com", sent_requests.min(5)).await;
    }
    forgot(&ada, "other@example.com").await.is(429).problem_is("rate_limited"); // per client address, for any account
}
