//! The old address after a change: for 7 days, only its owner can take it back and no other account can take it.

use serde_json::json;

use crate::{
    email_change::{change, confirm, move_to, token, undo, verified},
    harness::{Client, PASSWORD, Server, eventually},
};

const ME: &str = "/api/v1/users/me";
const USERS: &str = "/api/v1/users";
const REGISTER: &str = "/api/v1/auth/register";

/// Asserts that no route accepts this address for another account.
async fn assert_reserved(server: &Server, admin: &Client, email: &str) {
    let body = json!({"email": email.to_uppercase(), "password": PASSWORD});
    for path in [REGISTER, USERS] {
        admin.anonymous().post(path).json(&body).await.is(400).problem_is("email_already_registered");
    }
    admin.post(USERS).json(&body).await.is(409).problem_is("email_taken");
    change(admin, email).await.is(409).problem_is("email_taken");
    let viewer =
        admin.get("/api/v1/users?role=viewer").await.is(200).json()["items"][0]["id"].as_str().unwrap().to_owned();
    admin.patch(&format!("{USERS}/{viewer}")).json(&json!({"email": email})).await.is(409).problem_is("email_taken");
    let arguments = ["create-user", "--email", email, "--password-stdin"];
    let run = server.home.cli_reading(PASSWORD, arguments).exits(1);
    assert!(run.stderr.contains("already registered"), "{run:#?}");
    let row =
        json!({"email": email, "hashed_password": "$2b$12$WApznUPhDubN0oeveSXHp.Rk0rMEVVRM9xr9p.mZFnIcTTTJC6VvC"});
    std::fs::write(server.home.path().join("users.jsonl"), row.to_string()).unwrap();
    for dry_run in [&["import-users", "--dry-run", "users.jsonl"][..], &["import-users", "users.jsonl"]] {
        server.cli(dry_run.iter().copied());
        let users = server.home.users();
        assert!(users.iter().all(|user| user["email"] != email), "{users:#?}");
    }
}

#[tokio::test]
async fn a_thief_with_token_and_password_cannot_keep_the_account() {
    let server = Server::with().with_mail().start().await;
    let thief = verified(&server, "ada").await;
    move_to(&server, &thief, "thief@example.com").await;
    let link = token(&server, "ada@example.com", "undo-email-change").await;
    // Regression test: each of these steps once cost the owner the account.
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    thief.anonymous().post(REGISTER).json(&body).await.is(400).problem_is("email_already_registered");
    move_to(&server, &thief, "another@example.com").await;
    let late = token(&server, "thief@example.com", "undo-email-change").await;
    change(&thief, "pending@example.com").await.is(200);
    let pending = token(&server, "pending@example.com", "verify-email").await;
    let account = json!({"email": "another@example.com"});
    thief.post("/api/v1/auth/password/forgot").json(&account).await.is(202);
    let stolen = token(&server, "another@example.com", "reset-password").await;

    undo(&thief, &link).await.is(204);
    thief.get(ME).await.is(401).problem_is("token_revoked");
    thief.refresh().await.is(401);
    undo(&thief, &late).await.is(400).problem_is("email_token_invalid");
    undo(&thief, &link).await.is(400).problem_is("email_token_invalid");
    confirm(&thief, &pending).await.is(400).problem_is("email_token_invalid");
    let reset = |token: String| {
        let body = json!({"token": token, "new_password": "only the owner knows"});
        thief.anonymous().post("/api/v1/auth/password/reset").json(&body)
    };
    reset(stolen).await.is(400).problem_is("email_token_invalid");
    // A thief who knows the password could otherwise change the address again.
    thief.try_log_in(PASSWORD).await.is(401).problem_is("invalid_credentials");
    reset(token(&server, "ada@example.com", "reset-password").await).await.is(204);
    thief.try_log_in(PASSWORD).await.is(401);
    let ada = thief.anonymous().with(thief.try_log_in("only the owner knows").await.is(200).json());
    let me = ada.get(ME).await.is(200).json();
    let state = (&me["email"], &me["email_verified"], &me["pending_email"]);
    assert_eq!(state, (&json!("ada@example.com"), &json!(true), &json!(null)));
}

#[tokio::test]
async fn the_old_address_stays_reserved_whatever_happens_to_the_account() {
    let server = Server::with().with_mail().env("PURGE_AFTER", "1ms").start().await;
    let [admin, _viewer] = server.seeded(["admin", "viewer"]).await;
    let ada = verified(&server, "ada").await;
    move_to(&server, &ada, "countess@example.com").await;
    assert_reserved(&server, &admin, "ada@example.com").await;
    move_to(&server, &ada, "lovelace@example.com").await;
    for email in ["ada@example.com", "countess@example.com"] {
        assert_reserved(&server, &admin, email).await;
    }
    ada.delete(ME).await.is(204);
    assert_reserved(&server, &admin, "ada@example.com").await;
    eventually("the account is removed permanently", async || {
        let removed = server.cli(["purge-users", "--json"]).exits(0).json()["removed_users"].as_u64();
        (removed == Some(1)).then_some(())
    })
    .await;
    for email in ["ada@example.com", "countess@example.com"] {
        assert_reserved(&server, &admin, email).await;
    }
    undo(&ada, &token(&server, "ada@example.com", "undo-email-change").await).await.is(400);
    server.anonymous().register("lovelace").await; // the current address before the removal
}

#[tokio::test]
async fn the_owner_can_return_to_a_reserved_address_and_each_notice_undoes_its_own_change() {
    let server = Server::with().with_mail().start().await;
    let ada = verified(&server, "ada").await;
    move_to(&server, &ada, "second@example.com").await;
    move_to(&server, &ada, "third@example.com").await;
    let export = ada.get("/api/v1/users/me/export").await.is(200).json();
    let reserved: Vec<_> = export["reserved_emails"].as_array().unwrap().iter().map(|row| &row["email"]).collect();
    assert_eq!(reserved, [&json!("second@example.com"), &json!("ada@example.com")]);
    let first = token(&server, "ada@example.com", "undo-email-change").await;
    let second = token(&server, "second@example.com", "undo-email-change").await;

    move_to(&server, &ada, "ada@example.com").await;
    assert_eq!(ada.get(ME).await.is(200).json()["email"], "ada@example.com");
    let third = token(&server, "third@example.com", "undo-email-change").await;
    undo(&ada, &second).await.is(204);
    let reset = token(&server, "second@example.com", "reset-password").await;
    let body = json!({"token": reset, "new_password": PASSWORD});
    ada.post("/api/v1/auth/password/reset").json(&body).await.is(204);
    let ada = ada.named("second@example.com").log_in().await;
    undo(&ada, &third).await.is(400).problem_is("email_token_invalid");
    undo(&ada, &first).await.is(204);
    ada.get(ME).await.is(401).problem_is("token_revoked");
}

#[tokio::test]
async fn a_concealed_sign_up_with_a_reserved_address_gets_the_usual_response() {
    let server = Server::with().with_mail().env("REGISTRATION_CONCEAL", "true").start().await;
    let [admin] = server.seeded(["admin"]).await;
    move_to(&server, &admin, "boss@example.com").await;
    let body = |email: &str| json!({"email": email, "password": PASSWORD});
    let known = admin.anonymous().post(REGISTER).json(&body("free@example.com")).await.is(202);
    let reply = admin.anonymous().post(REGISTER).json(&body("admin@example.com")).await.is(202);
    assert_eq!(reply.body, known.body);
    let letters = server.letters_after_jobs("admin@example.com").await;
    assert!(letters.last().unwrap().text.contains("reserved"), "{letters:#?}");
    assert_eq!(server.home.users().iter().filter(|user| user["email"] == "admin@example.com").count(), 0);
}

#[tokio::test]
async fn without_e_mail_a_change_is_immediate_and_reserves_nothing() {
    let server = Server::start().await;
    let [user] = server.seeded(["user"]).await;
    let me = change(&user, "new@example.com").await.is(200).json();
    let state = (&me["email"], &me["email_verified"], &me["pending_email"]);
    assert_eq!(state, (&json!("new@example.com"), &json!(false), &json!(null)));
    let body = json!({"email": "user@example.com", "password": PASSWORD});
    user.anonymous().post(REGISTER).json(&body).await.is(201);
}

#[tokio::test]
async fn a_pending_address_reserves_nothing() {
    let server = Server::with().with_mail().start().await;
    let (ada, bob) = (verified(&server, "ada").await, verified(&server, "bob").await);
    for client in [&ada, &bob] {
        change(client, "wanted@example.com").await.is(200);
    }
    let letters = server.letters_after_jobs("wanted@example.com").await;
    let [of_ada, of_bob] = [0, 1].map(|index: usize| letters[index].token());
    confirm(&bob, &of_bob).await.is(200);
    confirm(&ada, &of_ada).await.is(409).problem_is("email_taken");
    assert_eq!(ada.get(ME).await.is(200).json()["email"], "ada@example.com");

    change(&ada, "free@example.com").await.is(200);
    let body = json!({"email": "free@example.com", "password": PASSWORD});
    ada.anonymous().post(REGISTER).json(&body).await.is(201);
    let letters = server.letters_after_jobs("free@example.com").await;
    confirm(&ada, &letters[0].token()).await.is(409).problem_is("email_taken");
}

#[tokio::test]
async fn the_links_of_a_deleted_or_deactivated_account_are_invalid() {
    let server = Server::with().with_mail().start().await;
    let [admin] = server.seeded(["admin"]).await;
    for name in ["deleted", "deactivated"] {
        let client = verified(&server, name).await;
        move_to(&server, &client, &format!("{name}-new@example.com")).await;
        change(&client, &format!("{name}-pending@example.com")).await.is(200);
        let pending = token(&server, &format!("{name}-pending@example.com"), "verify-email").await;
        let link = token(&server, &client.email, "undo-email-change").await;
        let path = format!("{USERS}/{}", client.id);
        if name == "deleted" {
            admin.delete(&path).await.is(204);
        } else {
            admin.patch(&path).json(&json!({"is_active": false})).await.is(200);
        }
        confirm(&client, &pending).await.is(400).problem_is("email_token_invalid");
        undo(&client, &link).await.is(400).problem_is("email_token_invalid");
    }
}
