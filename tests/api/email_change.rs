//! Changing an address requires the current password, and the new address takes effect on confirmation.
//! `email_reserved.rs` tests who can take the old address, and when.

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Reply, Server, eventually};

const ME: &str = "/api/v1/users/me";
const CONFIRM: &str = "/api/v1/auth/verify-email/confirm";

pub async fn change(client: &Client, email: &str) -> Reply {
    client.patch(ME).json(&json!({"email": email, "current_password": PASSWORD})).await
}

pub async fn confirm(client: &Client, token: &str) -> Reply {
    client.anonymous().post(CONFIRM).json(&json!({"token": token})).await
}

pub async fn undo(client: &Client, token: &str) -> Reply {
    let body = json!({"token": token});
    client.anonymous().post("/api/v1/auth/undo-email-change/confirm").json(&body).await
}

/// Returns the token of the newest link to this page in the e-mails to this address.
pub async fn token(server: &Server, email: &str, page: &str) -> String {
    let letters = server.letters_after_jobs(email).await;
    let newest = letters.iter().rev().find(|letter| letter.text.contains(&format!("/{page}#token=")));
    newest.unwrap_or_else(|| panic!("no link to {page} in {letters:#?}")).token()
}

/// Registers a user and verifies the address.
pub async fn verified(server: &Server, name: &str) -> Client {
    let client = server.user(name).await;
    confirm(&client, &token(server, &client.email, "verify-email").await).await.is(200);
    client
}

/// Changes an address and confirms the new one.
pub async fn move_to(server: &Server, client: &Client, email: &str) {
    change(client, email).await.is(200);
    confirm(client, &token(server, email, "verify-email").await).await.is(200);
}

/// Returns the address, whether it is verified, and the pending address.
async fn state(client: &Client) -> (String, bool, Option<String>) {
    let me = client.get(ME).await.is(200).json();
    let text = |name: &str| me[name].as_str().map(str::to_owned);
    (text("email").unwrap(), me["email_verified"] == true, text("pending_email"))
}

fn is(email: &str, is_verified: bool, pending: Option<&str>) -> (String, bool, Option<String>) {
    (email.to_owned(), is_verified, pending.map(str::to_owned))
}

#[tokio::test]
async fn a_confirmed_address_replaces_the_old_one_and_the_old_one_is_notified() {
    let server = Server::with().with_mail().start().await;
    let ada = verified(&server, "ada").await;
    let etag = ada.get(ME).await.etag();
    let reply = change(&ada, "Countess@example.com").await.is(200);
    assert_ne!(reply.etag(), etag);
    assert_eq!(state(&ada).await, is("ada@example.com", true, Some("Countess@example.com")));
    ada.anonymous().named("countess@example.com").try_log_in(PASSWORD).await.is(401);
    assert_eq!(server.letters_after_jobs("ada@example.com").await.len(), 1, "only the one for the sign-up");

    confirm(&ada, &token(&server, "Countess@example.com", "verify-email").await).await.is(200);
    assert_eq!(state(&ada).await, is("Countess@example.com", true, None));
    ada.try_log_in(PASSWORD).await.is(401);
    ada.anonymous().named("countess@example.com").try_log_in(PASSWORD).await.is(200);
    let notice = server.letter("ada@example.com", 2).await;
    assert!(notice.link().starts_with("https://api.example.com/api/v1/auth/undo-email-change#token="), "{notice:#?}");
    let admin = server.admin().await;
    for kind in ["email_change_requested", "email_changed"] {
        assert_eq!(admin.event(kind).await["user_id"], ada.id);
    }
}

#[tokio::test]
async fn changing_an_address_requires_the_password() {
    let server = Server::with().with_mail().start().await;
    let [admin] = server.seeded(["admin"]).await;
    let ada = verified(&server, "ada").await;
    for client in [&ada, &admin] {
        let known = client.get(ME).await.is(200).json();
        for path in [ME.to_owned(), format!("/api/v1/users/{}", client.id)] {
            for body in [
                json!({"email": "evil@example.com"}),
                json!({"email": "evil@example.com", "current_password": null, "name": "Changed"}),
            ] {
                client.patch(&path).json(&body).await.is(400).problem_is("current_password_required");
            }
            for wrong in ["", "wrong password", "Correct horse battery"] {
                let body = json!({"email": "evil@example.com", "current_password": wrong});
                client.patch(&path).json(&body).await.is(400).problem_is("current_password_invalid");
            }
            let body = json!({"email": "evil@example.com", "currentPassword": 1});
            client.patch(&path).json(&body).await.invalid_at(&[&["body", "current_password"]]);
        }
        assert_eq!(client.get(ME).await.is(200).json(), known);
    }
    assert!(server.letters_after_jobs("evil@example.com").await.is_empty());
    let event = admin.event("login_failed").await;
    assert_eq!((&event["user_id"], &event["detail"]["reason"]), (&json!(admin.id), &json!("current_password")));
}

#[tokio::test]
async fn guessing_the_password_by_changing_the_address_is_throttled_like_a_login() {
    let server = Server::with().with_mail().env("RATE_LIMIT_ENABLED", "true").start().await;
    let ada = server.user("ada").await;
    let guess = || ada.patch(ME).json(&json!({"email": "evil@example.com", "current_password": "wrong"}));
    for _ in 0..5 {
        guess().await.is(400).problem_is("current_password_invalid");
    }
    eventually("guessing is throttled here and at the login", async || {
        let replies = [guess().await, ada.try_log_in(PASSWORD).await];
        replies.iter().all(|reply| reply.status == 429).then(|| replies[1].problem_is("rate_limited"))
    })
    .await;
    // Wrong guesses do not count against the e-mail limit of a mailbox.
    let account = json!({"email": "evil@example.com"});
    ada.anonymous().post("/api/v1/auth/password/forgot").json(&account).await.is(202);
}

#[tokio::test]
async fn setting_the_current_address_needs_no_password() {
    let server = Server::with().with_mail().start().await;
    let ada = verified(&server, "ada").await;
    change(&ada, "countess@example.com").await.is(200);
    for email in ["ada@example.com", "Ada@Example.com", " ada@example.com "] {
        let me = ada.patch(ME).json(&json!({"email": email})).await.is(200).json();
        let current = (&me["email_verified"], &me["pending_email"]);
        assert_eq!(current, (&json!(true), &json!("countess@example.com")), "{me}");
    }
    ada.patch(ME).json(&json!({"name": "Ada"})).await.is(200);
    confirm(&ada, &token(&server, "countess@example.com", "verify-email").await).await.is(200);
}

#[tokio::test]
async fn no_password_is_needed_if_configured_or_if_there_is_none() {
    let server = Server::with().with_mail().env("EMAIL_CHANGE_REQUIRES_PASSWORD", "false").start().await;
    let ada = verified(&server, "ada").await;
    ada.patch(ME).json(&json!({"email": "countess@example.com"})).await.is(200);
    assert_eq!(state(&ada).await, is("ada@example.com", true, Some("countess@example.com")));
}

#[tokio::test]
async fn the_development_log_counts_as_mail_and_contains_the_link() {
    let server = Server::with().env("ENVIRONMENT", "development").start().await;
    let ada = server.user("ada").await;
    change(&ada, "countess@example.com").await.is(200);
    assert_eq!(state(&ada).await, is("ada@example.com", false, Some("countess@example.com")));
    let token = eventually("the link in the log", async || {
        let log = server.log();
        let (_, after) = log.split_once("countess@example.com")?;
        let (_, token) = after.split_once("/verify-email#token=")?;
        Some(token.chars().take_while(|next| next.is_ascii_alphanumeric() || "-_".contains(*next)).collect::<String>())
    })
    .await;
    confirm(&ada, &token).await.is(200);
    assert_eq!(state(&ada).await, is("countess@example.com", true, None));
}

#[tokio::test]
async fn only_the_owner_and_managers_see_a_pending_address() {
    let server = Server::with().with_mail().start().await;
    let [admin, editor, user] = server.seeded(["admin", "editor", "user"]).await;
    change(&user, "new@example.com").await.is(200);
    let path = format!("/api/v1/users/{}", user.id);
    let seen = async |client: &Client| {
        let one = client.get(&path).await.is(200).json()["pending_email"].clone();
        let list = client.get("/api/v1/users?role=user").await.is(200).json()["items"][0]["pending_email"].clone();
        let changed = client.patch(&path).json(&json!({})).await.is(200).json()["pending_email"].clone();
        [one, list, changed]
    };
    assert_eq!(seen(&admin).await, [json!("new@example.com"), json!("new@example.com"), json!("new@example.com")]);
    assert_eq!(seen(&editor).await, [Value::Null, Value::Null, Value::Null]);
    assert_eq!(user.get(&path).await.is(200).json()["pending_email"], "new@example.com");
    assert_eq!(user.get("/api/v1/users/me/export").await.is(200).json()["user"]["pending_email"], "new@example.com");
    assert!(server.cli(["list-users", "--json"]).exits(0).stdout.contains("new@example.com"));
}

#[tokio::test]
async fn only_the_newest_link_confirms_and_it_can_be_resent_or_cancelled() {
    let server = Server::with().with_mail().start().await;
    let ada = verified(&server, "ada").await;
    change(&ada, "first@example.com").await.is(200);
    let first = token(&server, "first@example.com", "verify-email").await;
    change(&ada, "second@example.com").await.is(200);
    confirm(&ada, &first).await.is(400).problem_is("email_token_invalid");
    let second = token(&server, "second@example.com", "verify-email").await;
    ada.post("/api/v1/auth/verify-email/request").await.is(202);
    let again = server.letter("second@example.com", 2).await.token();
    change(&ada, "second@example.com").await.is(200);
    let last = server.letter("second@example.com", 3).await.token();
    for old in [second, again] {
        confirm(&ada, &old).await.is(400).problem_is("email_token_invalid");
    }
    ada.patch(ME).json(&json!({"pending_email": "third@example.com"})).await.is(200);
    assert_eq!(
        state(&ada).await,
        is("ada@example.com", true, Some("second@example.com")),
        "the address is not set before confirmation"
    );
    ada.patch(ME).json(&json!({"pending_email": null})).await.is(200);
    assert_eq!(state(&ada).await, is("ada@example.com", true, None));
    confirm(&ada, &last).await.is(400).problem_is("email_token_invalid");
}

#[tokio::test]
async fn a_password_change_cancels_a_pending_address() {
    let server = Server::with().with_mail().start().await;
    let [admin] = server.seeded(["admin"]).await;
    for name in ["changed", "reset", "set"] {
        let client = verified(&server, name).await;
        let (old, new) = (client.email.clone(), format!("{name}-thief@example.com"));
        change(&client, &new).await.is(200);
        let link = token(&server, &new, "verify-email").await;
        let body = json!({"current_password": PASSWORD, "new_password": "another fine password"});
        match name {
            "changed" => client.post("/api/v1/users/me/change-password").json(&body).await.is(204),
            "reset" => {
                client.anonymous().post("/api/v1/auth/password/forgot").json(&json!({"email": old})).await.is(202);
                let token = token(&server, &old, "reset-password").await;
                let body = json!({"token": token, "new_password": "another fine password"});
                client.anonymous().post("/api/v1/auth/password/reset").json(&body).await.is(204)
            }
            _ => {
                let path = format!("/api/v1/users/{}", client.id);
                admin.patch(&path).json(&json!({"password": "another fine password"})).await.is(200)
            }
        };
        confirm(&client, &link).await.is(400).problem_is("email_token_invalid");
        let tokens = client.try_log_in("another fine password").await.is(200).json();
        assert_eq!(state(&client.with(tokens)).await, is(&old, true, None), "{name}");
    }
}

#[tokio::test]
async fn a_change_by_an_administrator_is_immediate_and_notifies_the_old_address() {
    let server = Server::with().with_mail().start().await;
    let [admin, editor] = server.seeded(["admin", "editor"]).await;
    for manager in [&admin, &editor] {
        let name = manager.email.split_once('@').unwrap().0;
        let client = verified(&server, &format!("by-{name}")).await;
        change(&client, &format!("pending-{name}@example.com")).await.is(200);
        let link = token(&server, &format!("pending-{name}@example.com"), "verify-email").await;
        let new = format!("new-{name}@example.com");
        let path = format!("/api/v1/users/{}", client.id);
        manager.patch(&path).json(&json!({"email": new})).await.is(200);
        assert_eq!(state(&client).await, is(&new, false, None));
        confirm(&client, &link).await.is(400).problem_is("email_token_invalid");
        confirm(&client, &token(&server, &new, "verify-email").await).await.is(200);
        undo(&client, &token(&server, &client.email, "undo-email-change").await).await.is(204);
    }
    admin.patch(&format!("/api/v1/users/{}", editor.id)).json(&json!({"email": "admin@example.com"})).await.is(409);
}

#[tokio::test]
async fn an_unverified_old_address_gets_a_notice_without_a_link_and_is_released() {
    let server = Server::with().with_mail().start().await;
    let ada = server.user("ada").await;
    move_to(&server, &ada, "countess@example.com").await;
    let letters = server.letters_after_jobs("ada@example.com").await;
    assert_eq!(letters.len(), 2, "one for the sign-up, and the notice");
    assert!(letters[1].subject.contains("changed") && !letters[1].raw.contains("#token="), "{letters:#?}");
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    ada.anonymous().post("/api/v1/auth/register").json(&body).await.is(201);
}

#[tokio::test]
async fn repeated_address_changes_do_not_flood_a_mailbox() {
    let server = Server::with().with_mail().env("RATE_LIMIT_ENABLED", "true").start().await;
    let [admin] = server.seeded(["admin"]).await;
    let (eve, mallory) = (server.user("eve").await, server.user("mallory").await);
    for round in 0..2 {
        for (client, name) in [(&eve, "eve"), (&mallory, "mallory")] {
            change(client, "victim@example.com").await.is(200);
            // an e-mail is not sent if a newer one has replaced it
            server.letters_after_jobs("victim@example.com").await;
            change(client, &format!("{name}{round}@example.com")).await.is(200);
        }
    }
    change(&eve, "victim@example.com").await.is(200);
    change(&eve, "EVE@example.com").await.is(200); // the current address
    change(&eve, "other@example.com").await.is(429).problem_is("rate_limited"); // per account
    change(&mallory, "victim@example.com").await.is(429).problem_is("rate_limited"); // per mailbox
    let of_mallory = format!("/api/v1/users/{}", mallory.id);
    admin.patch(&of_mallory).json(&json!({"email": "victim@example.com"})).await.is(429).problem_is("rate_limited");
    admin.patch(&of_mallory).json(&json!({"email": "other@example.com"})).await.is(200);
    eve.patch(ME).json(&json!({"name": "Eve"})).await.is(200);
    assert_eq!(server.letters_after_jobs("victim@example.com").await.len(), 5);
}
