//! Rate limits and login throttling: the limited client is rejected, and other clients are not affected.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::harness::{Client, Home, PASSWORD, PATIENCE, Reply, Server, eventually, together};

const REGISTER: &str = "/api/v1/auth/register";
const LOGIN: &str = "/api/v1/auth/login";
const REFRESH: &str = "/api/v1/auth/refresh";
const WRONG: &str = "wrong password";
const ATTACKER: &str = "203.0.113.66";
const VICTIM: &str = "198.51.100.7";

/// Returns a home with the limits of production: 5 sign-ups an hour, 10 logins a minute.
fn strict() -> Home {
    Server::with().env("RATE_LIMIT_ENABLED", "true")
}

/// Returns a home with the limits of development, 600 a minute, so that only guessing is limited.
fn generous() -> Home {
    strict().env("ENVIRONMENT", "development").env("BCRYPT_COST", "4")
}

/// Sends an invalid sign-up, which counts but creates no account.
async fn invalid_sign_up(server: &Server, from: &str) -> Reply {
    server.anonymous().post(REGISTER).header("x-forwarded-for", from).json(&json!({})).await
}

async fn guess(client: &Client, password: &str, from: &str) -> Reply {
    let body = json!({"email": client.email, "password": password});
    client.post(LOGIN).header("x-forwarded-for", from).json(&body).await
}

#[track_caller]
fn number(reply: &Reply, header: &str) -> u64 {
    let value = reply.header(header).unwrap_or_else(|| panic!("no {header}: {reply:#?}"));
    value.parse().unwrap_or_else(|_| panic!("{header} is not a number: {reply:#?}"))
}

#[tokio::test]
async fn a_request_over_the_limit_is_rejected_with_the_time_to_retry() {
    let server = strict().start().await;
    let anonymous = server.anonymous();
    for left in (0..5).rev() {
        // Both registration routes share one limit.
        let path = if left % 2 == 0 { REGISTER } else { "/api/v1/users" };
        let reply = anonymous.post(path).json(&json!({})).await.is(422);
        assert_eq!(number(&reply, "ratelimit-limit"), 5);
        assert_eq!(number(&reply, "ratelimit-remaining"), left);
        assert!((1..=3600).contains(&number(&reply, "ratelimit-reset")), "{reply:#?}");
        assert_eq!(reply.header("retry-after"), None);
    }
    for path in [REGISTER, "/api/v1/users", "/api/v1//auth/register/", "/api/v1/auth/%72egister"] {
        let reply = anonymous.post(path).json(&json!({})).await.is(429);
        assert_eq!(reply.problem_is("rate_limited")["detail"], "Too many requests");
        assert!((600..=720).contains(&number(&reply, "retry-after")), "{reply:#?}");
        assert_eq!(number(&reply, "ratelimit-limit"), 5);
        assert_eq!(number(&reply, "ratelimit-remaining"), 0);
        assert!((3000..=3600).contains(&number(&reply, "ratelimit-reset")), "{reply:#?}");
    }
    let admin = server.admin().await;
    for number in 0..8 {
        let body = json!({"email": format!("user{number}@example.com"), "password": PASSWORD});
        admin.post("/api/v1/users").json(&body).await.is(201);
    }
}

#[tokio::test]
async fn the_limit_is_exact_for_concurrent_requests() {
    let server = strict().start().await;
    let statuses = together((0..30).map(|_| {
        let anonymous = server.anonymous();
        async move { anonymous.post(REGISTER).json(&json!({})).await.status }
    }))
    .await;
    assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 5, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 25, "{statuses:?}");
}

#[tokio::test]
async fn production_allows_ten_logins_a_minute_unless_turned_off() {
    let production = || Server::with().env("ENVIRONMENT", "production").env("DATABASE_URL", "sqlite::memory:");
    let server = production().start().await;
    let (started, mut passed) = (Instant::now(), 0);
    while server.anonymous().post(LOGIN).json(&json!({})).await.status == 422 {
        passed += 1;
    }
    assert!((10..=10 + started.elapsed().as_secs() / 6).contains(&passed), "{passed}");
    server.anonymous().get("/health").await.is(200);

    let server = production().env("RATE_LIMIT_ENABLED", "false").start().await;
    for _ in 0..30 {
        let reply = server.anonymous().post(LOGIN).json(&json!({})).await.is(422);
        assert_eq!(reply.header("ratelimit-limit"), None);
    }
}

#[tokio::test]
async fn each_limit_can_be_set_or_turned_off() {
    let home =
        strict().env("RATE_LIMIT_REGISTER", "2/m").env("RATE_LIMIT_LOGIN", "off").env("RATE_LIMIT_SESSION", "7/15m");
    let server = home.start().await;
    for left in [1, 0] {
        let reply = invalid_sign_up(&server, "").await.is(422);
        assert_eq!((number(&reply, "ratelimit-limit"), number(&reply, "ratelimit-remaining")), (2, left));
    }
    let reply = invalid_sign_up(&server, "").await.is(429);
    assert!((1..=30).contains(&number(&reply, "retry-after")), "{reply:#?}");
    for _ in 0..15 {
        let reply = server.anonymous().post(LOGIN).json(&json!({})).await.is(422);
        assert_eq!(reply.header("ratelimit-limit"), None);
    }
    let reply = server.anonymous().get("/api/v1/auth/sessions").await.is(401);
    assert_eq!(number(&reply, "ratelimit-limit"), 7);
}

#[tokio::test]
async fn a_limited_request_is_rejected_before_its_body_arrives() {
    let server = strict().start().await;
    for _ in 0..5 {
        invalid_sign_up(&server, "").await.is(422);
    }
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head =
        format!("POST {REGISTER} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("a response without a body").unwrap();
    assert_eq!(&answer, b"HTTP/1.1 429");
}

#[tokio::test]
async fn a_browser_can_read_a_429_and_preflights_do_not_count() {
    let origin = "https://app.example.com";
    let server = strict().env("CORS_ORIGINS", origin).start().await;
    for _ in 0..5 {
        invalid_sign_up(&server, "").await.is(422);
    }
    let reply = server.anonymous().post(REGISTER).header("origin", origin).json(&json!({})).await.is(429);
    assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
    let preflight = server.anonymous().request(Method::OPTIONS, REGISTER).header("origin", origin);
    let reply = preflight.header("access-control-request-method", "POST").await.is(200);
    assert_eq!(reply.header("ratelimit-limit"), None);
}

#[tokio::test]
async fn forwarding_headers_of_untrusted_clients_are_ignored() {
    let server = strict().env("TRUSTED_PROXIES", "10.0.0.0/8").start().await;
    for host in 1..=5 {
        invalid_sign_up(&server, &format!("192.0.2.{host}")).await.is(422);
    }
    invalid_sign_up(&server, "192.0.2.6").await.is(429);
    let reply = server.anonymous().post(REGISTER).header("forwarded", "for=192.0.2.7").json(&json!({})).await;
    reply.is(429);
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_are_distinguished_and_cannot_spoof() {
    let server = strict().env("TRUSTED_PROXIES", "127.0.0.1").start().await;
    for host in 1..=5 {
        invalid_sign_up(&server, &format!("192.0.2.{host}, {ATTACKER}")).await.is(422);
    }
    invalid_sign_up(&server, &format!("192.0.2.6, {ATTACKER}:4711")).await.is(429);
    invalid_sign_up(&server, VICTIM).await.is(422);
    for host in 1..=5 {
        invalid_sign_up(&server, &format!("2001:db8::{host}")).await.is(422);
    }
    invalid_sign_up(&server, "[2001:db8::ffff:6]:4711").await.is(429);
}

#[tokio::test]
async fn the_log_and_the_sessions_have_the_address_used_by_the_limits() {
    let server = strict().env("TRUSTED_PROXIES", "127.0.0.0/8").start().await;
    let mut ada = server.anonymous().register("ada").await;
    ada.tokens = guess(&ada, PASSWORD, &format!("1.1.1.1, {VICTIM}")).await.is(200).json();
    let sessions = ada.get("/api/v1/auth/sessions").await.is(200).json();
    assert_eq!(sessions["items"][0]["ip"], VICTIM, "{sessions}");
    eventually("the address is in the log", async || server.log().contains(VICTIM).then_some(())).await;
}

/// Returns the responses to fifty wrong passwords, or `None` if this took so long that another attempt may have been
/// allowed.
async fn fifty_failures(client: &Client) -> Option<Vec<(u16, Value, Option<String>)>> {
    let (mut answers, mut refused_since) = (Vec::new(), Instant::now());
    for number in 0..50 {
        let reply = guess(client, WRONG, "").await;
        if number == 4 {
            refused_since = Instant::now();
        }
        let mut body = reply.problem();
        body["request_id"] = Value::Null;
        answers.push((reply.status, body, reply.header("retry-after").map(str::to_owned)));
    }
    (refused_since.elapsed() < Duration::from_millis(900)).then_some(answers)
}

#[tokio::test]
async fn guessing_at_an_unknown_account_is_throttled_in_the_same_way() {
    let server = generous().start().await;
    for number in 0..20 {
        let known = server.anonymous().register(&format!("ada{number}")).await;
        let unknown = server.anonymous().named(&format!("bob{number}@example.com"));
        let (Some(known), Some(unknown)) = (fifty_failures(&known).await, fifty_failures(&unknown).await) else {
            continue; // the machine is busy
        };
        assert_eq!(known, unknown);
        let statuses: Vec<u16> = known.iter().map(|(status, ..)| *status).collect();
        assert_eq!(statuses, [[401; 5].as_slice(), &[429; 45]].concat());
        return;
    }
    panic!("the machine is too slow for this");
}

#[tokio::test]
async fn guesses_from_elsewhere_do_not_delay_the_owners_login() {
    let server = generous().env("TRUSTED_PROXIES", "127.0.0.1").start().await;
    let ada = server.anonymous().register("ada").await;
    for _ in 0..5 {
        guess(&ada, WRONG, ATTACKER).await.is(401);
    }
    let refusals = together((0..45).map(|_| {
        let ada = ada.clone();
        async move { guess(&ada, WRONG, ATTACKER).await }
    }))
    .await;
    let refusal = refusals.iter().find(|reply| reply.status == 429).expect("a refusal");
    assert_eq!(refusal.problem_is("rate_limited")["detail"], "Too many requests");
    assert!(number(refusal, "retry-after") >= 1 && number(refusal, "ratelimit-remaining") == 0, "{refusal:#?}");
    guess(&ada, PASSWORD, VICTIM).await.is(200);
}

#[tokio::test]
async fn logging_in_to_another_account_does_not_reset_the_throttle() {
    let server = generous().start().await;
    let (eve, ada) = (server.anonymous().register("eve").await, server.anonymous().register("ada").await);
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(guess(&ada, WRONG, "").await.status);
        guess(&eve, PASSWORD, "").await.is(200);
        if statuses.last() == Some(&429) {
            return;
        }
    }
    // On a machine so slow that the delay of a second has passed, the next guess is throttled.
    eventually("guessing is throttled", async || (guess(&ada, WRONG, "").await.status == 429).then_some(())).await;
}

#[tokio::test]
async fn form_logins_are_throttled_like_json() {
    let server = generous().start().await;
    let form = [("username", "ada@example.com"), ("password", WRONG)];
    for _ in 0..5 {
        server.anonymous().post(LOGIN).form(&form).await.is(400);
    }
    eventually("guessing is throttled", async || {
        let reply = server.anonymous().post(LOGIN).form(&form).await;
        (reply.status == 429).then(|| reply.problem_is("rate_limited"))
    })
    .await;
}

#[tokio::test]
async fn guessing_the_current_password_is_throttled_too() {
    let server = generous().start().await;
    let ada = server.user("ada").await;
    let body = json!({"current_password": WRONG, "new_password": "another good password"});
    let change = || ada.post("/api/v1/users/me/change-password").json(&body);
    for _ in 0..5 {
        change().await.is(400).problem_is("current_password_invalid");
    }
    eventually("guessing is throttled", async || {
        let reply = change().await;
        (reply.status == 429).then(|| reply.problem_is("rate_limited"))
    })
    .await;
}

#[tokio::test]
async fn refreshes_are_not_limited_by_other_requests_from_the_same_address() {
    let server = strict().start().await;
    let ada = server.user("ada").await;
    let (started, mut refused) = (Instant::now(), 0);
    let reply = loop {
        let reply = server.anonymous().post(REFRESH).json(&json!({"refresh_token": "a.b.c"})).await;
        if reply.status != 401 {
            break reply;
        }
        refused += 1;
    };
    reply.is(429).problem_is("rate_limited");
    assert!((60..=61 + started.elapsed().as_secs()).contains(&refused), "{refused}");
    ada.post(REFRESH).json(&json!({"refresh_token": ada.tokens["refresh_token"]})).await.is(200);
}
