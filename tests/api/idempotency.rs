//! Requests with an `Idempotency-Key`: a repeated request gets the same response and runs once.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{Client, PASSWORD, Reply, Server, eventually, together};

const ITEMS: &str = "/api/v1/items";
const USERS: &str = "/api/v1/users";
const REGISTER: &str = "/api/v1/auth/register";

async fn post(client: &Client, path: &str, key: &str, body: &Value) -> Reply {
    client.post(path).header("idempotency-key", key).json(body).await
}

fn registration(name: &str) -> Value {
    json!({"email": format!("{name}@example.com"), "password": PASSWORD})
}

/// Asserts that one response is a replay of the other.
#[track_caller]
fn assert_replayed(again: &Reply, first: &Reply) {
    assert_eq!((again.status, &again.body), (first.status, &first.body), "{again:#?}");
    for name in ["location", "etag", "content-type"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{again:#?}");
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_response_on_every_node() {
    let mut server = Server::start().await;
    let admin = server.admin().await;
    let requests = [
        (admin.clone(), ITEMS, json!({"title": "Keystone"})),
        (admin.clone(), USERS, registration("ada")),
        (admin.anonymous(), USERS, registration("bob")),
        (admin.anonymous(), REGISTER, registration("eve")),
    ];
    let mut first = Vec::new();
    for (client, path, body) in &requests {
        let reply = post(client, path, "key-1", body).await.is(201);
        assert_eq!(reply.header("idempotency-replayed"), None, "{reply:#?}");
        assert_replayed(&post(client, path, "key-1", body).await, &reply);
        assert_replayed(&post(client, &format!("{path}/"), "key-1", body).await, &reply);
        first.push(reply);
    }
    let other_node = server.another().await;
    for ((client, path, body), first) in requests.iter().zip(&first) {
        assert_replayed(&post(&client.clone().at(&other_node.url), path, "key-1", body).await, first);
    }
    server.terminate();
    let again = server.another().await;
    for ((client, path, body), first) in requests.iter().zip(&first) {
        assert_replayed(&post(&client.clone().at(&again.url), path, "key-1", body).await, first);
    }
    // The replayed response stays the same even if the resource has since changed or been deleted.
    let admin = admin.at(&again.url);
    let item = first[0].header("location").unwrap();
    admin.patch(item).json(&json!({"title": "Lintel"})).await.is(200);
    assert_replayed(&post(&admin, ITEMS, "key-1", &requests[0].2).await, &first[0]);
    admin.delete(item).await.is(204);
    assert_replayed(&post(&admin, ITEMS, "key-1", &requests[0].2).await, &first[0]);
    admin.get(item).await.is(404);
    assert_eq!(admin.get(ITEMS).await.is(200).json()["total"], 0);
    assert_eq!(server.home.users().len(), 4);
}

#[tokio::test]
async fn a_key_reused_with_another_body_is_rejected() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let anonymous = server.anonymous();
    for (client, path, body, other) in [
        (&admin, ITEMS, json!({"title": "Keystone"}), json!({"title": "Lintel"})),
        (&admin, ITEMS, json!({"title": "Second"}), json!({"title": "Second", "description": null})),
        (&admin, USERS, registration("ada"), registration("bob")),
        (&anonymous, REGISTER, registration("eve"), registration("bob")),
    ] {
        let key = format!("key of {body}").replace(' ', "_");
        let first = post(client, path, &key, &body).await.is(201);
        let problem = post(client, path, &key, &other).await.is(422).problem_is("idempotency_key_reused");
        assert_eq!(problem.get("errors"), None);
        assert_replayed(&post(client, path, &key, &body).await, &first);
    }
    assert_eq!(admin.get(ITEMS).await.is(200).json()["total"], 2);
    assert_eq!(server.home.users().len(), 3);
}

#[tokio::test]
async fn a_key_is_scoped_to_its_caller_and_path() {
    let server = Server::start().await;
    let [admin, editor, user] = server.seeded(["admin", "editor", "user"]).await;
    let body = json!({"title": "Keystone", "email": "ada@example.com", "password": PASSWORD});
    let mut made = Vec::new();
    for (client, path) in [(&admin, ITEMS), (&editor, ITEMS), (&user, ITEMS), (&admin, USERS)] {
        let reply = post(client, path, "the-key", &body).await.is(201);
        assert_eq!(reply.header("idempotency-replayed"), None, "{reply:#?}");
        made.push(reply.json()["id"].as_str().unwrap().to_owned());
    }
    // An anonymous caller differs from every user, and learns nothing about their requests.
    post(&server.anonymous(), USERS, "the-key", &body).await.is(400).problem_is("email_already_registered");
    post(&server.anonymous(), ITEMS, "the-key", &body).await.is(401).problem_is("not_authenticated");
    // Another session of the same user is the same caller.
    let again = post(&user.clone().log_in().await, ITEMS, "the-key", &body).await.is(201);
    assert_eq!(again.json()["id"], made[2].as_str());
    // Keys are case-sensitive.
    let other = post(&user, ITEMS, "The-Key", &body).await.is(201).json();
    assert_ne!(other["id"], made[2].as_str());
    made.sort_unstable();
    made.dedup();
    assert_eq!(made.len(), 4);
    assert_eq!(admin.get(ITEMS).await.is(200).json()["total"], 4);
}

#[tokio::test]
async fn a_replay_still_requires_the_permission() {
    let server = Server::start().await;
    let [admin, user] = server.seeded(["admin", "user"]).await;
    let body = json!({"title": "Keystone"});
    post(&user, ITEMS, "key", &body).await.is(201);
    let path = format!("{USERS}/{}", user.id);
    admin.patch(&path).json(&json!({"is_active": false})).await.is(200);
    post(&user, ITEMS, "key", &body).await.is(401).problem_is("token_revoked");
}

#[tokio::test]
async fn twenty_concurrent_requests_with_one_key_run_once() {
    let server = Server::with().env("HASH_CONCURRENCY", "20").start().await;
    let admin = server.admin().await;
    let other_node = server.another().await;
    for (client, path, body) in [
        (admin.clone(), ITEMS, json!({"title": "Keystone"})),
        (admin.clone(), USERS, registration("ada")),
        (admin.anonymous(), REGISTER, registration("eve")),
    ] {
        let replies = together((0..20).map(|number| {
            let client = if number % 2 == 0 { client.clone() } else { client.clone().at(&other_node.url) };
            let body = body.clone();
            async move { post(&client, path, "one-key", &body).await }
        }))
        .await;
        let (done, others): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 201);
        for reply in &others {
            assert_eq!(reply.status, 409, "{reply:#?}");
            reply.problem_is("idempotency_in_progress");
        }
        let (again, first): (Vec<_>, Vec<_>) =
            done.into_iter().partition(|reply| reply.header("idempotency-replayed").is_some());
        assert_eq!(first.len(), 1, "{replies:#?}");
        for reply in &again {
            assert_replayed(reply, first[0]);
        }
        assert_replayed(&post(&client, path, "one-key", &body).await, first[0]);
    }
    assert_eq!(admin.get(ITEMS).await.is(200).json()["total"], 1);
    assert_eq!(server.home.users().len(), 3);
}

#[tokio::test]
async fn a_duplicate_of_a_request_in_progress_gets_409() {
    let server = Server::with().with_mail().start().await;
    let [admin] = server.seeded(["admin"]).await;
    let ada = server.user("ada").await;
    for (client, path, body) in [
        (&admin, ITEMS, json!({"title": "Keystone"})),
        (&admin, USERS, registration("bob")),
        (&admin, "/api/v1/send-email", json!({"to": "bob@example.com", "subject": "Hello", "body": "Hello, Bob."})),
        (&admin.anonymous(), REGISTER, registration("eve")),
        (&admin.anonymous(), "/api/v1/auth/password/forgot", json!({"email": "ada@example.com"})),
        (&ada, "/api/v1/auth/verify-email/request", json!({})),
    ] {
        let first = post(client, path, "key", &body).await;
        assert!([201, 202].contains(&first.status), "{first:#?}");
        // The row of a request in progress has no response yet.
        server.home.database.run("UPDATE idempotent_requests SET answer = NULL");
        post(client, path, "key", &body).await.is(409).problem_is("idempotency_in_progress");
    }
}

#[tokio::test]
async fn a_rejected_request_does_not_use_up_its_key() {
    let server = Server::start().await;
    let [admin, viewer] = server.seeded(["admin", "viewer"]).await;
    let ada = server.user("ada").await;
    let again = async |client: &Client, path, code: &str, body: &Value| {
        let refusal = post(client, path, "key", body).await;
        refusal.problem_is(code);
        assert_eq!(refusal.header("idempotency-replayed"), None, "{refusal:#?}");
    };
    for _ in 0..2 {
        // The key is released shortly after the response.
        eventually("the key is released", async || {
            let reply = post(&admin, USERS, "key", &registration("ada")).await.is(409);
            (reply.problem()["code"] == "email_taken").then_some(())
        })
        .await;
    }
    ada.delete("/api/v1/users/me").await.is(204);
    eventually("done", async || {
        let reply = post(&admin, USERS, "key", &registration("ada")).await;
        if reply.status == 409 {
            reply.problem_is("idempotency_in_progress");
            return None;
        }
        assert_eq!(reply.is(201).header("idempotency-replayed"), None);
        Some(())
    })
    .await;

    // An invalid or forbidden request never begins. The corrected request has another body under the same key.
    again(&admin, ITEMS, "validation_failed", &json!({"title": ""})).await;
    post(&admin, ITEMS, "key", &json!({"title": "x"})).await.is(201);
    let item = json!({"title": "x"});
    eventually("the key is released", async || {
        let reply = post(&viewer, ITEMS, "key", &item).await;
        (reply.status == 403).then_some(())
    })
    .await;
    let path = format!("{USERS}/{}", viewer.id);
    admin.patch(&path).json(&json!({"role": "user"})).await.is(200);
    eventually("done", async || (post(&viewer, ITEMS, "key", &item).await.status == 201).then_some(())).await;
}

#[tokio::test]
async fn a_request_can_be_retried_after_a_disconnect() {
    let server = Server::with().env("BCRYPT_COST", "10").start().await;
    for number in 0..5 {
        let body = registration(&format!("user{number}")).to_string();
        let request = format!(
            "POST {REGISTER} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nIdempotency-Key: key\r\n\
             Content-Length: {}\r\n\r\n{body}",
            server.address(),
            body.len(),
        )
        .replace("Idempotency-Key: key", &format!("Idempotency-Key: key-{number}"));
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        drop(stream);
        let anonymous = server.anonymous();
        let reply = eventually("a response", async || {
            let request = anonymous.post(REGISTER).header("idempotency-key", &format!("key-{number}"));
            let reply = request.body("application/json", body.clone()).await;
            if reply.status == 409 {
                reply.problem_is("idempotency_in_progress");
                return None;
            }
            Some(reply)
        })
        .await;
        reply.is(201);
    }
    assert_eq!(server.everyone_can_log_in().await, 5);
}

#[tokio::test]
async fn an_invalid_key_is_rejected_with_its_location() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let body = json!({"title": "x"});
    for key in ["", " ", "a b", "a\tb", &"k".repeat(256)] {
        post(&ada, ITEMS, key, &body).await.invalid_at(&[&["header", "idempotency-key"]]);
        post(&ada.anonymous(), REGISTER, key, &registration("eve")).await.invalid_at(&[&["header", "idempotency-key"]]);
    }
    let two = ada.post(ITEMS).header("idempotency-key", "a").header("idempotency-key", "b");
    two.json(&body).await.invalid_at(&[&["header", "idempotency-key"]]);
    assert_eq!(ada.get(ITEMS).await.is(200).json()["total"], 0);
    for key in ["k", "!~\"#$%&'()*+,-./:;<=>?@[]^_`{|}", &"k".repeat(255)] {
        let first = post(&ada, ITEMS, key, &body).await.is(201);
        assert_replayed(&post(&ada, ITEMS, key, &body).await, &first);
    }
}

#[tokio::test]
async fn no_password_is_stored_with_idempotency_records() {
    let server = Server::start().await;
    // The columns are the same for every database, but only SQLite's files can be searched.
    let Some(folder) = server.home.database.folder() else { return };
    let body = r#"{"email": "ada@example.com", "password": "correct horse battery"}"#;
    let request = server.anonymous().post(REGISTER).header("idempotency-key", "key");
    request.body("application/json", body).await.is(201);
    let mut stored_bytes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        stored_bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let has = |part: &[u8]| stored_bytes.windows(part.len()).any(|window| window == part);
    assert!(has(b"ada@example.com"), "the record must be in these files");
    assert!(!has(PASSWORD.as_bytes()) && !has(body.as_bytes()));
    // SHA-256 of the password, and of the whole body.
    for digest in [
        "9028ea0d15decaa35b2da21c0290af3b1a5ba0a30a591906f89b5074e209ea72",
        "76b356d94606106495164e34207ea2c1c58a94b4619c62c5fad21408ce8fbc3f",
    ] {
        let raw: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&digest[at * 2..at * 2 + 2], 16).unwrap()).collect();
        assert!(!has(&raw) && !has(digest.as_bytes()) && !has(digest.to_uppercase().as_bytes()));
    }
}
