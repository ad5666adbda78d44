//! Concealed registration: the response never reveals whether an account exists. Only the e-mail does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{Home, PASSWORD, Reply, Server, eventually};

const REGISTER: &str = "/api/v1/auth/register";

fn concealed() -> Home {
    Server::with().with_mail().env("REGISTRATION_CONCEAL", "true")
}

async fn sign_up(server: &Server, path: &str, body: &Value) -> Reply {
    server.anonymous().post(path).json(body).await.is(202)
}

fn registration(email: &str, username: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "username": username, "name": "Ada"})
}

#[tokio::test]
async fn the_response_is_the_same_whatever_is_taken() {
    let server = concealed().start().await;
    let first = sign_up(&server, REGISTER, &registration("ada@example.com", "ada")).await;
    let letter = server.letter("ada@example.com", 1).await;
    let confirm = json!({"token": letter.token()});
    server.anonymous().post("/api/v1/auth/verify-email/confirm").json(&confirm).await.is(200);
    let ada = server.anonymous().named("ada@example.com").log_in().await;
    let me = ada.get("/api/v1/users/me").await.is(200).json();
    assert_eq!((&me["username"], &me["name"], &me["role"]), (&json!("ada"), &json!("Ada"), &json!("user")));

    let headers = |reply: &Reply| {
        // `access-control-expose-headers` is a set, so its order varies.
        let changing = ["date", "x-request-id", "access-control-expose-headers"];
        let stable = reply.headers.iter().filter(|(name, _)| !changing.contains(&name.as_str()));
        stable.map(|(name, value)| (name.to_string(), value.clone())).collect::<BTreeMap<_, _>>()
    };
    for path in [REGISTER, "/api/v1/users"] {
        for body in [
            registration("ada@example.com", "someone"),
            registration("ADA@example.com", "ada"),
            registration(&format!("new{}@example.com", path.len()), "ADA"),
            registration(&format!("other{}@example.com", path.len()), &format!("other{}", path.len())),
        ] {
            let reply = sign_up(&server, path, &body).await;
            assert_eq!(reply.body, first.body);
            assert_eq!(headers(&reply), headers(&first));
        }
    }
    let to_ada = server.letters_after_jobs("ada@example.com").await;
    assert_eq!(to_ada.len(), 5, "{to_ada:#?}");
    assert!(to_ada[1..].iter().all(|letter| !letter.text.contains("#token=")), "{to_ada:#?}");
    for path in [REGISTER, "/api/v1/users"] {
        let to_new = server.letter(&format!("new{}@example.com", path.len()), 1).await;
        assert!(to_new.text.contains("ADA") && !to_new.text.contains("#token="), "{to_new:#?}");
        assert!(server.letter(&format!("other{}@example.com", path.len()), 1).await.text.contains("#token="));
    }
    assert_eq!(server.home.users().len(), 3);
}

#[tokio::test]
async fn a_login_does_not_reveal_concealed_accounts() {
    let server = concealed().env("RATE_LIMIT_ENABLED", "true").start().await;
    sign_up(&server, REGISTER, &registration("ada@example.com", "ada")).await;
    let letters = server.letters_after_jobs("ada@example.com").await;
    let log_in = |name: &str| server.anonymous().named(name).try_log_in(PASSWORD);
    for name in ["unknown@example.com", "ada@example.com", "ada"] {
        log_in(name).await.is(401).problem_is("invalid_credentials");
    }
    let confirm = json!({"token": letters[0].token()});
    server.anonymous().post("/api/v1/auth/verify-email/confirm").json(&confirm).await.is(200);
    log_in("ada@example.com").await.is(200);
}

#[tokio::test]
async fn an_unconfirmed_user_can_log_in_after_a_password_reset() {
    let server = concealed().start().await;
    sign_up(&server, REGISTER, &registration("ada@example.com", "ada")).await;
    server.letter("ada@example.com", 1).await;
    let anonymous = server.anonymous();
    anonymous.post("/api/v1/auth/password/forgot").json(&json!({"email": "ada@example.com"})).await.is(202);
    let token = server.letter("ada@example.com", 2).await.token();
    let body = json!({"token": token, "new_password": "another fine password"});
    anonymous.post("/api/v1/auth/password/reset").json(&body).await.is(204);
    let ada = anonymous.named("ada@example.com");
    ada.try_log_in(PASSWORD).await.is(401);
    ada.try_log_in("another fine password").await.is(200);
}

#[tokio::test]
async fn repeated_sign_ups_do_not_flood_a_mailbox() {
    let server = concealed().env("RATE_LIMIT_ENABLED", "true").env("TRUSTED_PROXIES", "127.0.0.0/8").start().await;
    for number in 1..=8 {
        let body = registration("ada@example.com", &format!("ada{number}"));
        let request = server.anonymous().post(REGISTER).header("x-forwarded-for", &format!("192.0.2.{number}"));
        request.json(&body).await.is(202);
        server.letters_after_jobs("ada@example.com").await;
    }
    assert_eq!(
        server.letters_after_jobs("ada@example.com").await.len(),
        6,
        "one for the first sign-up, then five in an hour"
    );
}

#[tokio::test]
async fn errors_that_reveal_no_account_are_returned_as_usual() {
    let server = concealed().start().await;
    let post = |body: Value| server.anonymous().post(REGISTER).json(&body);
    post(json!({"email": "ada@example.com", "password": "short"})).await.invalid_at(&[&["body", "password"]]);
    let admin = json!({"email": "ada@example.com", "password": PASSWORD, "role": "admin"});
    post(admin).await.is(403).problem_is("insufficient_permissions");
    assert!(server.home.users().is_empty() && server.unfinished().is_empty());
}

#[tokio::test]
async fn callers_who_may_create_users_get_the_actual_result() {
    let server = concealed().start().await;
    let admin = server.admin().await;
    let body = json!({"email": "new@example.com", "password": PASSWORD});
    admin.post("/api/v1/users").json(&body).await.is(201);
    admin.post("/api/v1/users").json(&body).await.is(409).problem_is("email_taken");
}

#[tokio::test]
async fn a_repeated_sign_up_creates_one_account() {
    let server = concealed().start().await;
    for _ in 0..5 {
        sign_up(&server, REGISTER, &registration("ada@example.com", "ada")).await;
    }
    eventually("one account", async || (server.home.users().len() == 1).then_some(())).await;
    let letters = server.letters_after_jobs("ada@example.com").await;
    assert_eq!(letters.iter().filter(|letter| letter.text.contains("#token=")).count(), 1, "{letters:#?}");
    assert_eq!(server.home.users().len(), 1);
    let jobs = server.cli(["jobs", "list", "--json"]).exits(0).stdout;
    assert!(!jobs.contains("ada@example.com") && !jobs.contains("$2"), "{jobs}");
}

#[test]
fn concealment_requires_e_mail() {
    let home = Home::new().env("REGISTRATION_CONCEAL", "true");
    let run = home.cli(["config", "check"]).exits(2);
    assert!(run.stderr.contains("REGISTRATION_CONCEAL") && run.stderr.contains("MAIL_URL"), "{run:#?}");
}
