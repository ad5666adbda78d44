//! Changing an address: the new one is to be confirmed, the old one is told, and can take it back.

use serde_json::json;

use crate::harness::{Client, Letter, PASSWORD, Reply, Server, together};

async fn change(client: &Client, email: &str) -> Reply {
    client.patch("/api/v1/users/me").json(&json!({"email": email})).await
}

async fn undo(client: &Client, letter: &Letter) -> Reply {
    let body = json!({"token": letter.token()});
    client.anonymous().post("/api/v1/auth/undo-email-change/confirm").json(&body).await
}

/// Somebody whose address is verified.
async fn verified(server: &Server, name: &str) -> Client {
    let client = server.user(name).await;
    let token = server.letter(&client.email, 1).await.token();
    client.post("/api/v1/auth/verify-email/confirm").json(&json!({"token": token})).await.is(200);
    client
}

#[tokio::test]
async fn the_new_address_is_to_be_confirmed_and_the_old_one_is_told() {
    let server = Server::with().with_mail().start().await;
    let ada = verified(&server, "ada").await;
    let me = change(&ada, "countess@example.com").await.is(200).json();
    assert_eq!((&me["email"], &me["email_verified"]), (&json!("countess@example.com"), &json!(false)));
    let notice = server.letter("ada@example.com", 2).await;
    assert!(notice.subject.contains("address"), "{notice:#?}");
    assert!(notice.link().starts_with("https://api.example.com/api/v1/auth/undo-email-change#token="), "{notice:#?}");
    let token = server.letter("countess@example.com", 1).await.token();
    ada.post("/api/v1/auth/verify-email/confirm").json(&json!({"token": token})).await.is(200);
    assert!(ada.is_verified().await);
}

#[tokio::test]
async fn the_same_address_in_other_letters_is_no_change() {
    let server = Server::with().with_mail().start().await;
    let ada = verified(&server, "ada").await;
    let me = change(&ada, "Ada@Example.com").await.is(200).json();
    assert_eq!(me["email_verified"], true);
    server.letters_in_the_end("ada@example.com").await;
    let all = ["ada@example.com", "Ada@Example.com"].map(|address| server.home.letters(address).len());
    assert_eq!(all, [1, 0], "that of the sign-up");
}

#[tokio::test]
async fn whoever_has_the_old_mailbox_takes_the_account_back() {
    let server = Server::with().with_mail().start().await;
    let thief = verified(&server, "ada").await; // who has found an open laptop
    change(&thief, "thief@example.com").await.is(200);
    let notice = server.letter("ada@example.com", 2).await;
    change(&thief, "another@example.com").await.is(200);
    let asked = json!({"email": "another@example.com"});
    thief.post("/api/v1/auth/password/forgot").json(&asked).await.is(202);
    server.letters_in_the_end("another@example.com").await;

    undo(&thief, &notice).await.is(204);
    thief.get("/api/v1/users/me").await.is(401).problem_is("token_revoked");
    thief.refresh().await.is(401);
    let letters = server.letters_in_the_end("another@example.com").await;
    let stolen = letters.iter().find(|letter| letter.text.contains("/reset-password#")).unwrap();
    let reset = |token: String| {
        let body = json!({"token": token, "new_password": "only the owner knows"});
        thief.anonymous().post("/api/v1/auth/password/reset").json(&body)
    };
    reset(stolen.token()).await.is(400).problem_is("email_token_invalid");

    let letters = server.letters_in_the_end("ada@example.com").await;
    reset(letters.last().unwrap().token()).await.is(204);
    thief.anonymous().named("ada@example.com").try_log_in(PASSWORD).await.is(401);
    let ada = thief.anonymous().named("ada@example.com").try_log_in("only the owner knows").await.is(200).json();
    let me = thief.with(ada).get("/api/v1/users/me").await.is(200).json();
    assert_eq!((&me["email"], &me["email_verified"]), (&json!("ada@example.com"), &json!(true)));
}

#[tokio::test]
async fn a_thief_who_knows_the_password_is_out_when_the_owner_takes_the_account_back() {
    let server = Server::with().with_mail().start().await;
    let thief = verified(&server, "ada").await;
    change(&thief, "thief@example.com").await.is(200);
    let notice = server.letter("ada@example.com", 2).await;
    undo(&thief, &notice).await.is(204);
    // Whoever could log in now could change the address again, which makes the owner's link good for nothing.
    thief.anonymous().named("ada@example.com").try_log_in(PASSWORD).await.is(401).problem_is("invalid_credentials");
    let letters = server.letters_in_the_end("ada@example.com").await;
    let body = json!({"token": letters.last().unwrap().token(), "new_password": "only the owner knows"});
    thief.anonymous().post("/api/v1/auth/password/reset").json(&body).await.is(204);
    thief.anonymous().named("ada@example.com").try_log_in(PASSWORD).await.is(401);
    thief.anonymous().named("ada@example.com").try_log_in("only the owner knows").await.is(200);
}

#[tokio::test]
async fn who_changes_an_address_to_and_fro_floods_no_mailbox() {
    let server = Server::with().with_mail().env("RATE_LIMIT_ENABLED", "true").start().await;
    let [admin] = server.seeded(["admin"]).await;
    let (eve, mallory) = (server.user("eve").await, server.user("mallory").await);
    for round in 0..2 {
        for (client, name) in [(&eve, "eve"), (&mallory, "mallory")] {
            change(client, "victim@example.com").await.is(200);
            server.letters_in_the_end("victim@example.com").await; // one that is not the newest by then is not sent
            change(client, &format!("{name}{round}@example.com")).await.is(200);
        }
    }
    change(&eve, "victim@example.com").await.is(200);
    change(&eve, "VICTIM@example.com").await.is(200); // which is no other
    change(&eve, "eve@example.com").await.is(429).problem_is("rate_limited"); // of one account
    change(&mallory, "victim@example.com").await.is(429).problem_is("rate_limited"); // to one mailbox
    let of_mallory = format!("/api/v1/users/{}", mallory.id);
    admin.patch(&of_mallory).json(&json!({"email": "victim@example.com"})).await.is(429).problem_is("rate_limited");
    admin.patch(&of_mallory).json(&json!({"email": "mallory@example.com"})).await.is(200);
    eve.patch("/api/v1/users/me").json(&json!({"name": "Eve"})).await.is(200);
    assert_eq!(server.letters_in_the_end("victim@example.com").await.len(), 5);
}

#[tokio::test]
async fn an_address_that_was_never_verified_is_told_nothing() {
    let server = Server::with().with_mail().start().await;
    let ada = server.user("ada").await;
    change(&ada, "countess@example.com").await.is(200);
    assert_eq!(server.letters_in_the_end("countess@example.com").await.len(), 1);
    assert_eq!(server.home.letters("ada@example.com").len(), 1, "it may be a stranger's");
}

#[tokio::test]
async fn an_address_that_somebody_else_has_by_now_is_not_taken_back() {
    let server = Server::with().with_mail().start().await;
    let ada = verified(&server, "ada").await;
    change(&ada, "countess@example.com").await.is(200);
    let notice = server.letter("ada@example.com", 2).await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let other = server.anonymous().named("ada@example.com");
    other.post("/api/v1/auth/register").json(&body).await.is(201);
    undo(&ada, &notice).await.is(409).problem_is("email_taken");
    let other = other.log_in().await;
    change(&other, "other@example.com").await.is(200);
    undo(&ada, &notice).await.is(204);
    undo(&ada, &notice).await.is(400).problem_is("email_token_invalid");
}

#[tokio::test]
async fn of_those_who_want_an_address_at_once_one_gets_it() {
    let server = Server::with().with_mail().start().await;
    let people = together((0..4).map(|number| {
        let server = server.anonymous();
        async move { server.register(&format!("user{number}")).await.log_in().await }
    }))
    .await;
    let mut wishes: Vec<_> = people.into_iter().map(|person| (Some(person), server.anonymous())).collect();
    wishes.extend((0..4).map(|_| (None, server.anonymous())));
    let replies = together(wishes.into_iter().map(|(person, anonymous)| async move {
        if let Some(person) = person {
            return change(&person, "wanted@example.com").await.status;
        }
        let body = json!({"email": "wanted@example.com", "password": PASSWORD});
        anonymous.post("/api/v1/auth/register").json(&body).await.status
    }))
    .await;
    assert_eq!(replies.iter().filter(|status| **status < 300).count(), 1, "{replies:?}");
    assert!(replies.iter().all(|status| [200, 201, 400, 409].contains(status)), "{replies:?}");
    assert_eq!(server.letters_in_the_end("wanted@example.com").await.len(), 1);
}
