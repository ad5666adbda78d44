//! Requests that send e-mails, with an `Idempotency-Key`: a repeated request gets the same response and sends nothing.

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Reply, Server, together};

const FORGOT: &str = "/api/v1/auth/password/forgot";
const VERIFY: &str = "/api/v1/auth/verify-email/request";
const SEND: &str = "/api/v1/send-email";
const REGISTER: &str = "/api/v1/auth/register";
const USERS: &str = "/api/v1/users";

async fn post(client: &Client, path: &str, key: &str, body: &Value) -> Reply {
    let request = client.post(path).header("idempotency-key", key);
    if body.is_null() { request.await } else { request.json(body).await }
}

#[track_caller]
fn assert_replayed(again: &Reply, first: &Reply) {
    assert_eq!((again.status, &again.body), (first.status, &first.body), "{again:#?}");
    assert_eq!(first.header("idempotency-replayed"), None, "{first:#?}");
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{again:#?}");
    assert_eq!(again.header("content-type"), first.header("content-type"));
}

/// Sends the same request twice in sequence, then twelve times concurrently with another key. Asserts that each key has
/// one effect.
async fn assert_once(server: &Server, client: &Client, path: &str, body: &Value, to: &str) {
    let (in_turn, at_once) = (format!("in-turn-{to}"), format!("at-once-{to}"));
    let sent = async || server.letters_after_jobs(to).await.len();
    let before = sent().await;
    let first = post(client, path, &in_turn, body).await.is(202);
    for _ in 0..2 {
        assert_replayed(&post(client, path, &in_turn, body).await, &first);
    }
    assert_eq!(sent().await, before + 1, "{path}");
    let replies = together((0..12).map(|_| {
        let (client, path, key, body) = (client.clone(), path.to_owned(), at_once.clone(), body.clone());
        async move { post(&client, &path, &key, &body).await }
    }))
    .await;
    let (done, others): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 202);
    let first = done.iter().filter(|reply| reply.header("idempotency-replayed").is_none()).count();
    assert_eq!(first, 1, "{replies:#?}");
    for reply in &others {
        assert_eq!(reply.status, 409, "{reply:#?}");
        reply.problem_is("idempotency_in_progress");
    }
    server.jobs_end().await;
    assert_eq!(sent().await, before + 2, "{path}");
}

#[tokio::test]
async fn a_key_sends_one_e_mail_however_often_it_is_repeated() {
    let server = Server::with().with_mail().start().await;
    let [admin] = server.seeded(["admin"]).await;
    let ada = server.user("ada").await;
    let anonymous = server.anonymous();
    assert_once(&server, &anonymous, FORGOT, &json!({"email": "ada@example.com"}), "ada@example.com").await;
    assert_once(&server, &ada, VERIFY, &Value::Null, "ada@example.com").await;
    let letter = json!({"to": "bob@example.com", "subject": "Hello", "body": "Hello, Bob."});
    assert_once(&server, &admin, SEND, &letter, "bob@example.com").await;
    assert_once(&server, &admin, &format!("{SEND}?email=eve@example.com"), &Value::Null, "eve@example.com").await;
}

#[tokio::test]
async fn a_concealed_sign_up_with_a_key_sends_one_e_mail() {
    let server = Server::with().with_mail().env("REGISTRATION_CONCEAL", "true").start().await;
    for (path, name) in [(REGISTER, "ada"), (USERS, "bob")] {
        let email = format!("{name}@example.com");
        let body = json!({"email": email, "password": PASSWORD});
        let first = post(&server.anonymous(), path, "key", &body).await.is(202);
        for _ in 0..2 {
            assert_replayed(&post(&server.anonymous(), path, "key", &body).await, &first);
        }
        let replies = together((0..8).map(|_| {
            let (client, body) = (server.anonymous(), body.clone());
            async move { post(&client, path, "another-key", &body).await.status }
        }))
        .await;
        assert!(replies.contains(&202) && replies.iter().all(|status| [202, 409].contains(status)), "{replies:?}");
        // The e-mail for the second key says that the account exists.
        assert_eq!(server.letters_after_jobs(&email).await.len(), 2);
        let other = json!({"email": "other@example.com", "password": PASSWORD});
        let problem = post(&server.anonymous(), path, "key", &other).await.is(422).problem_is("idempotency_key_reused");
        assert_eq!(problem.get("errors"), None);
    }
    assert_eq!(server.home.users().len(), 2);
}

#[tokio::test]
async fn a_key_is_scoped_to_its_body_and_caller_and_must_be_valid() {
    let server = Server::with().with_mail().start().await;
    let [admin] = server.seeded(["admin"]).await;
    let ada = server.user("ada").await;
    let query = |email: &str| format!("{SEND}?email={email}");
    post(&admin, FORGOT, "key", &json!({"email": "ada@example.com"})).await.is(202);
    // The sender does not matter: `/password/forgot` ignores the caller's identity.
    let other = post(&server.anonymous(), FORGOT, "key", &json!({"email": "bob@example.com"})).await;
    other.is(422).problem_is("idempotency_key_reused");
    post(&admin, &query("bob@example.com"), "key", &Value::Null).await.is(202);
    for (path, body) in [
        (query("eve@example.com"), Value::Null),
        (SEND.to_owned(), json!({"to": "bob@example.com", "subject": "Hello", "body": "Hello, Bob."})),
    ] {
        post(&admin, &path, "key", &body).await.is(422).problem_is("idempotency_key_reused");
    }
    for client in [&ada, &admin] {
        assert_eq!(post(client, VERIFY, "key", &Value::Null).await.is(202).header("idempotency-replayed"), None);
    }
    for (client, path, body) in [
        (&admin, FORGOT.to_owned(), json!({"email": "ada@example.com"})),
        (&ada, VERIFY.to_owned(), Value::Null),
        (&admin, query("bob@example.com"), Value::Null),
        (&admin, SEND.to_owned(), json!({"to": "bob@example.com", "subject": "Hello", "body": "Hello, Bob."})),
    ] {
        post(client, &path, "no key", &body).await.invalid_at(&[&["header", "idempotency-key"]]);
    }
}
