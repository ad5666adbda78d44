//! Passwords are used exactly as typed: never shortened, trimmed or folded.

use serde_json::json;

use crate::harness::{PASSWORD, Reply, Server};

async fn register(server: &Server, email: &str, password: &str) -> Reply {
    let body = json!({"email": email, "password": password});
    server.anonymous().post("/api/v1/auth/register").json(&body).await
}

async fn log_in(server: &Server, email: &str, password: &str) -> u16 {
    server.anonymous().named(email).try_log_in(password).await.status
}

#[tokio::test]
async fn a_short_password_is_invalid() {
    let server = Server::start().await;
    let errors = register(&server, "ada@example.com", "short").await.invalid_at(&[&["body", "password"]]);
    assert_eq!(errors[0]["type"], "too_short");
}

#[tokio::test]
async fn eight_to_128_characters_are_counted_as_people_see_them() {
    let server = Server::start().await;
    for (number, (character, bytes)) in [("a", 1), ("é", 2), ("한", 3), ("🦀", 4)].into_iter().enumerate() {
        for (length, status) in [(0, 422), (7, 422), (8, 201), (128, 201), (129, 422)] {
            let (email, password) = (format!("user{number}x{length}@example.com"), character.repeat(length));
            let reply = register(&server, &email, &password).await;
            assert_eq!(reply.status, status, "{length} characters of {bytes} bytes: {reply:#?}");
            if status == 201 {
                assert_eq!(log_in(&server, &email, &password).await, 200, "{length} characters of {bytes} bytes");
            }
        }
    }
}

#[tokio::test]
async fn a_password_around_the_limit_of_bcrypt_is_like_any_other() {
    let server = Server::start().await;
    for length in [63, 64, 70, 71, 72, 73, 100, 127, 128] {
        let (email, password) = (format!("user{length}@example.com"), "p".repeat(length));
        register(&server, &email, &password).await.is(201);
        assert_eq!(log_in(&server, &email, &password).await, 200, "{length}");
        assert_eq!(log_in(&server, &email, &"p".repeat(length - 1)).await, 401, "{length}");
        assert_eq!(log_in(&server, &email, &"p".repeat(length + 1)).await, 401, "{length}");
    }
}

#[tokio::test]
async fn bytes_after_the_72nd_count_too() {
    for hasher in ["bcrypt", "argon2id"] {
        let server = Server::with().env("PASSWORD_HASHER", hasher).start().await;
        let same = "a".repeat(80);
        register(&server, "ada@example.com", &format!("{same}1")).await.is(201);
        assert_eq!(log_in(&server, "ada@example.com", &format!("{same}1")).await, 200, "{hasher}");
        assert_eq!(log_in(&server, "ada@example.com", &format!("{same}2")).await, 401, "{hasher}");
        assert_eq!(log_in(&server, "ada@example.com", &"a".repeat(72)).await, 401, "{hasher}");
    }
}

#[tokio::test]
async fn a_nul_is_rejected_and_never_truncates() {
    for hasher in ["bcrypt", "argon2id"] {
        let server = Server::with().env("PASSWORD_HASHER", hasher).start().await;
        register(&server, "eve@example.com", "hunter2\0hunter2").await.invalid_at(&[&["body", "password"]]);
        register(&server, "ada@example.com", "hunter2hunter2").await.is(201);
        for password in ["hunter2hunter2\0hunter2hunter2", "hunter2hunter2\0", "\0hunter2hunter2", "\0"] {
            assert_eq!(log_in(&server, "ada@example.com", password).await, 401, "{hasher}: {password:?}");
        }
    }
}

#[tokio::test]
async fn spaces_case_and_unicode_forms_count() {
    let server = Server::start().await;
    let composed = "caf\u{e9} cr\u{e8}me";
    let decomposed = "cafe\u{301} cre\u{300}me";
    for (number, (password, others)) in [
        (" pass word ", ["pass word", "pass word ", " Pass Word "]),
        ("\tpass\tword", ["pass\tword", "\tpass word", " pass word"]),
        (composed, [decomposed, "CAF\u{c9} CR\u{c8}ME", "cafe creme"]),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("user{number}@example.com");
        register(&server, &email, password).await.is(201);
        assert_eq!(log_in(&server, &email, password).await, 200, "{password:?}");
        for other in others {
            assert_eq!(log_in(&server, &email, other).await, 401, "{password:?} is not {other:?}");
        }
    }
}

#[tokio::test]
async fn every_unusable_password_fails_a_login_like_a_wrong_one() {
    let server = Server::start().await;
    register(&server, "ada@example.com", PASSWORD).await.is(201);
    for password in ["x".to_owned(), "x".repeat(129), "🦀".repeat(1000), "x".repeat(10_000)] {
        assert_eq!(log_in(&server, "ada@example.com", &password).await, 401, "{} bytes", password.len());
        assert_eq!(log_in(&server, "bob@example.com", &password).await, 401, "{} bytes", password.len());
    }
}

#[tokio::test]
async fn both_kinds_of_hash_work_whichever_is_configured() {
    let server = Server::with().env("PASSWORD_HASHER", "bcrypt").start().await;
    register(&server, "ada@example.com", PASSWORD).await.is(201);
    let mut home = server.leave();
    for hasher in ["argon2id", "bcrypt", "argon2id"] {
        let server = home.env("PASSWORD_HASHER", hasher).start().await;
        for _before_and_after_the_first_login_rehashed_it in 0..2 {
            assert_eq!(log_in(&server, "ada@example.com", PASSWORD).await, 200, "{hasher}");
            assert_eq!(log_in(&server, "ada@example.com", "wrong password").await, 401, "{hasher}");
        }
        home = server.leave();
    }
}

#[tokio::test]
async fn no_password_and_no_token_is_ever_logged() {
    let server = Server::with().env("LOG_LEVEL", "trace").start().await;
    let ada = server.user("ada").await;
    server.anonymous().named("ada@example.com").try_log_in("not her password").await.is(401);
    server
        .anonymous()
        .post("/api/v1/auth/register")
        .body("application/json", "{\"password\": \"half a body")
        .await
        .is(400);
    ada.get("/api/v1/users/me").await.is(200);
    let tokens = ["access_token", "refresh_token"].map(|member| ada.tokens[member].as_str().unwrap());
    let log = server.log();
    assert!(!log.is_empty(), "the log is empty");
    let secrets = [PASSWORD, "not her password", "half a body", "$2b$", "k3Zp-9vQw_2LrTn8", "keepstone:keepstone@"];
    for secret in secrets.into_iter().chain(tokens) {
        assert!(!log.contains(secret), "the log has {secret:?}");
    }
}

#[tokio::test]
async fn a_blocklist_rejects_common_passwords_and_the_users_own_names() {
    let server = Server::with().env("PASSWORD_BLOCKLIST", "true").start().await;
    let anonymous = server.anonymous();
    for (password, kind) in [
        ("password123", "password_too_common"),
        ("Password123", "password_too_common"),
        ("lovelacelovelace", "password_too_similar"),
        ("Keepstone-1", "password_too_similar"),
    ] {
        let body = serde_json::json!({"email": "lovelace@example.com", "password": password});
        let errors = anonymous.post("/api/v1/auth/register").json(&body).await.invalid_at(&[&["body", "password"]]);
        assert_eq!(errors[0]["type"], kind, "{password}");
    }
    let ada = server.user("ada").await;
    let body = serde_json::json!({"current_password": PASSWORD, "new_password": "ada@adaada"});
    let path = "/api/v1/users/me/change-password";
    ada.post(path).json(&body).await.is(204);
    let body = serde_json::json!({"current_password": "ada@adaada", "new_password": "password123"});
    ada.post(path).json(&body).await.invalid_at(&[&["body", "new_password"]]);
}

#[tokio::test]
async fn a_password_change_works_on_a_node_with_an_outdated_address() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    ada.get("/api/v1/users/me").await.is(200); // this node now caches the session for some seconds
    let other = server.another().await;
    let elsewhere = ada.clone().at(&other.url);
    elsewhere
        .patch("/api/v1/users/me")
        .json(&json!({"email": "countess@example.com", "current_password": PASSWORD}))
        .await
        .is(200);
    assert!(register(&server, "ada@example.com", "a password of someone else").await.status == 201);
    let body = json!({"current_password": PASSWORD, "new_password": "another fine password"});
    ada.post("/api/v1/users/me/change-password").json(&body).await.is(204);
    ada.anonymous().named("countess@example.com").try_log_in("another fine password").await.is(200);
    assert_eq!(log_in(&server, "ada@example.com", "a password of someone else").await, 200);
}
