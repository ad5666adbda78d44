//! Sessions: single-use refresh tokens, and sessions that end immediately.

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Server, eventually, post_at_once, together};

const ME: &str = "/api/v1/users/me";
const REFRESH: &str = "/api/v1/auth/refresh";
const LOGOUT: &str = "/api/v1/auth/logout";
const LOGOUT_ALL: &str = "/api/v1/auth/logout-all";
const SESSIONS: &str = "/api/v1/auth/sessions";
const LOG: &str = "/api/v1/audit?page_size=1";

/// Exchanges a client's refresh token.
async fn refreshed(client: &Client) -> Client {
    let tokens = client.refresh().await.is(200).json();
    client.clone().with(tokens)
}

#[tokio::test]
async fn a_refresh_token_is_valid_once() {
    let server = Server::start().await;
    let first = server.user("ada").await;
    let reply = first.refresh().await.is(200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let second = first.clone().with(reply.json());
    assert_ne!(first.tokens["refresh_token"], second.tokens["refresh_token"]);
    assert_eq!(second.tokens["expires_in"], 30 * 60);
    second.get(ME).await.is(200);
    let third = refreshed(&second).await;
    third.get(ME).await.is(200);
}

#[tokio::test]
async fn a_replayed_refresh_token_ends_its_session_and_no_other() {
    let server = Server::start().await;
    let first = server.user("ada").await;
    let other_device = first.clone().log_in().await;
    let second = refreshed(&first).await;
    let third = refreshed(&second).await;

    let reply = first.refresh().await.is(401);
    reply.problem_is("refresh_token_reused");
    assert_eq!(reply.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    for ended in [&first, &second, &third] {
        ended.get(ME).await.is(401).problem_is("token_revoked");
        ended.refresh().await.is(401).problem_is("token_revoked");
    }
    other_device.get(ME).await.is(200);
    refreshed(&other_device).await;
}

/// Returns the number of rounds of concurrent requests. The full proof is 500 rounds: `TEST_ROUNDS=500`.
#[expect(clippy::disallowed_methods, reason = "how long a test goes on is no setting of the program")]
fn rounds() -> usize {
    std::env::var("TEST_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap())
}

const AT_ONCE: usize = 50;

/// Exchanges one token at all these servers concurrently.
async fn at_once(servers: &[&Server], client: &Client) -> Vec<(u16, Value)> {
    let addresses: Vec<&str> = servers.iter().map(|server| server.address()).cycle().take(AT_ONCE).collect();
    post_at_once(&addresses, REFRESH, &json!({"refresh_token": client.tokens["refresh_token"]})).await
}

/// Exchanges one token at all these servers concurrently, in several rounds. Every request must get the same successor.
async fn race(servers: &[&Server], mut client: Client) {
    for round in 0..rounds() {
        let replies = at_once(servers, &client).await;
        let successor = replies[0].1["refresh_token"].clone();
        assert!(successor.is_string() && successor != client.tokens["refresh_token"], "round {round}: {replies:#?}");
        for (status, tokens) in &replies {
            assert_eq!((*status, &tokens["refresh_token"]), (200, &successor), "round {round}");
        }
        client = client.with(replies[round % AT_ONCE].1.clone());
        for server in servers {
            client.clone().at(&server.url).get(ME).await.is(200);
        }
    }
}

/// Exchanges tokens like [`race`], without grace. One request gets a successor, and the session ends with one audit
/// event.
async fn race_without_grace(servers: &[&Server], first: Client) {
    let admin = servers[0].admin().await;
    for round in 0..rounds() {
        let before = admin.get(LOG).await.is(200).json()["total"].as_u64();
        let client = first.clone().log_in().await;
        let (winners, losers): (Vec<_>, Vec<_>) =
            at_once(servers, &client).await.into_iter().partition(|(status, _)| *status == 200);
        assert_eq!(winners.len(), 1, "round {round}: {losers:#?}");
        for (status, problem) in &losers {
            let code = problem["code"].as_str().unwrap();
            assert!(
                *status == 401 && ["refresh_token_reused", "token_revoked"].contains(&code),
                "round {round}: {code}"
            );
        }
        assert!(losers.iter().any(|(_, problem)| problem["code"] == "refresh_token_reused"), "round {round}");
        client.with(winners[0].1.clone()).refresh().await.is(401).problem_is("token_revoked");
        let log = admin.get(LOG).await.is(200).json();
        assert_eq!(log["items"][0]["kind"], "refresh_reused", "round {round}");
        assert_eq!(log["total"].as_u64(), before.map(|before| before + 2), "a login and one reuse in round {round}");
    }
    first.get(ME).await.is(200);
}

#[tokio::test]
async fn concurrent_refreshes_get_the_same_successor() {
    let server = Server::start().await;
    race(&[&server], server.user("ada").await).await;
}

#[tokio::test]
async fn two_nodes_return_the_same_successor() {
    let server = Server::start().await;
    let other = server.another().await;
    race(&[&server, &other], server.user("ada").await).await;
}

#[tokio::test]
async fn without_grace_one_of_many_concurrent_refreshes_succeeds_and_the_session_ends() {
    let server = Server::with().env("REFRESH_GRACE", "0").start().await;
    race_without_grace(&[&server], server.user("ada").await).await;
}

#[tokio::test]
async fn without_grace_two_nodes_return_one_successor() {
    let server = Server::with().env("REFRESH_GRACE", "0").start().await;
    let other = server.another().await;
    race_without_grace(&[&server, &other], server.user("ada").await).await;
}

#[tokio::test]
async fn a_lost_response_is_replayed_with_its_key() {
    let server = Server::with().env("REFRESH_GRACE", "0").start().await;
    let first = server.user("ada").await;
    let second = first.refresh().header("idempotency-key", "key-1").await.is(200).json();
    let again = first.refresh().header("idempotency-key", "key-1").await.is(200).json();
    assert_eq!(again["refresh_token"], second["refresh_token"]);
    first.clone().with(again).get(ME).await.is(200);

    first.refresh().header("idempotency-key", "key-2").await.is(401).problem_is("refresh_token_reused");
    first.clone().with(second).get(ME).await.is(401).problem_is("token_revoked");
}

#[tokio::test]
async fn concurrent_requests_with_one_key_get_one_response() {
    let server = Server::with().env("REFRESH_GRACE", "0").start().await;
    let client = server.user("ada").await;
    let replies = together((0..10).map(|_| {
        let client = client.clone();
        async move { client.refresh().header("idempotency-key", "key").await }
    }))
    .await;
    let tokens: Vec<Value> = replies.into_iter().map(|reply| reply.is(200).json()["refresh_token"].clone()).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:#?}");
}

#[tokio::test]
async fn an_invalid_key_is_rejected() {
    let server = Server::start().await;
    let client = server.user("ada").await;
    for key in ["", "two words", &"x".repeat(256)] {
        client.refresh().header("idempotency-key", key).await.invalid_at(&[&["header", "idempotency-key"]]);
    }
    client.refresh().await.is(200);
}

#[tokio::test]
async fn a_used_refresh_token_gets_the_same_successor_while_that_is_unused() {
    let server = Server::start().await;
    let first = server.user("ada").await;
    let second = refreshed(&first).await;
    let again = refreshed(&first).await;
    assert_eq!(again.tokens["refresh_token"], second.tokens["refresh_token"]);
    let third = refreshed(&second).await;
    first.refresh().await.is(401).problem_is("refresh_token_reused");
    third.get(ME).await.is(401).problem_is("token_revoked");
}

#[tokio::test]
async fn grace_ends_after_its_duration() {
    let server = Server::with().env("REFRESH_GRACE", "1s").start().await;
    let first = server.user("ada").await;
    let second = refreshed(&first).await;
    let refused = eventually("the grace period is over", async || {
        let reply = first.refresh().await;
        (reply.status != 200).then_some(reply)
    });
    refused.await.is(401).problem_is("refresh_token_reused");
    second.refresh().await.is(401).problem_is("token_revoked");
}

#[tokio::test]
async fn without_grace_the_second_use_of_a_refresh_token_ends_the_session() {
    let server = Server::with().env("REFRESH_GRACE", "0").start().await;
    let first = server.user("ada").await;
    let second = refreshed(&first).await;
    first.refresh().await.is(401).problem_is("refresh_token_reused");
    second.get(ME).await.is(401).problem_is("token_revoked");
}

#[tokio::test]
async fn access_and_refresh_tokens_are_not_interchangeable() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let swapped = json!({"access_token": ada.tokens["refresh_token"], "refresh_token": ada.tokens["access_token"]});
    let swapped = ada.clone().with(swapped);
    swapped.get(ME).await.is(401).problem_is("token_invalid");
    swapped.refresh().await.is(401).problem_is("token_invalid");
    for garbage in ["", "x", "a.b.c", &"x".repeat(5000)] {
        let body = json!({"refresh_token": garbage});
        server.anonymous().post(REFRESH).json(&body).await.is(401).problem_is("token_invalid");
    }
    ada.get(ME).await.is(200);
    refreshed(&ada).await;
}

#[tokio::test]
async fn a_refresh_may_be_a_form_and_use_either_member_name() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let token = ada.tokens["refresh_token"].as_str().unwrap();
    let anonymous = server.anonymous();
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let second = anonymous.post(REFRESH).form(&form).await.is(200).json();
    let camel = json!({"refreshToken": second["refresh_token"]});
    anonymous.post(REFRESH).json(&camel).await.is(200);

    // The successor has been used, so the grace for concurrent refreshes does not apply.
    anonymous.post(REFRESH).form(&form).await.oauth_error("invalid_grant", "invalid_grant");
    let wrong = [("grant_type", "client_credentials"), ("refresh_token", token)];
    anonymous.post(REFRESH).form(&wrong).await.oauth_error("unsupported_grant_type", "unsupported_grant_type");
    anonymous.post(REFRESH).form(&[]).await.oauth_error("invalid_request", "invalid_request");
    anonymous.post(REFRESH).json(&json!({})).await.invalid_at(&[&["body", "refresh_token"]]);
}

#[tokio::test]
async fn logging_out_ends_the_session_immediately_and_is_idempotent() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let other_device = ada.clone().log_in().await;
    ada.get(ME).await.is(200);
    ada.post(LOGOUT).await.is(204);
    ada.get(ME).await.is(401).problem_is("token_revoked");
    ada.refresh().await.is(401).problem_is("token_revoked");
    ada.post(LOGOUT).await.is(204);
    other_device.get(ME).await.is(200);

    let only_refresh_token = json!({"refresh_token": other_device.tokens["refresh_token"]});
    server.anonymous().post(LOGOUT).json(&only_refresh_token).await.is(204);
    other_device.get(ME).await.is(401).problem_is("token_revoked");
}

#[tokio::test]
async fn logging_out_reveals_nothing_about_refresh_tokens_and_ends_no_other_session() {
    let server = Server::start().await;
    let (ada, eve) = (server.user("ada").await, server.user("eve").await);
    let anonymous = server.anonymous();
    for token in ["", "x", "a.b.c"] {
        anonymous.post(LOGOUT).json(&json!({"refresh_token": token})).await.is(204);
    }
    anonymous.post(LOGOUT).await.is(401).problem_is("not_authenticated");
    eve.post(LOGOUT).json(&json!({"refresh_token": ada.tokens["refresh_token"]})).await.is(204);
    ada.get(ME).await.is(200);
    refreshed(&ada).await;
    eve.get(ME).await.is(401);
}

#[tokio::test]
async fn logging_out_everywhere_ends_every_session() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let (other_device, eve) = (ada.clone().log_in().await, server.user("eve").await);
    ada.post(LOGOUT_ALL).await.is(204);
    for ended in [&ada, &other_device] {
        ended.get(ME).await.is(401).problem_is("token_revoked");
        ended.refresh().await.is(401).problem_is("token_revoked");
    }
    let new = ada.clone().log_in().await;
    ada.post(LOGOUT_ALL).await.is(204);
    new.get(ME).await.is(200);
    eve.get(ME).await.is(200);
    server.anonymous().post(LOGOUT_ALL).await.is(401).problem_is("not_authenticated");
}

#[tokio::test]
async fn the_owner_can_list_and_end_sessions() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let phone = ada.clone().log_in().await;
    let eve = server.user("eve").await;
    let list = phone.get(SESSIONS).await.is(200).json();
    assert_eq!((&list["total"], &list["page"], &list["page_size"]), (&json!(2), &json!(1), &json!(20)));
    let sessions = list["items"].as_array().unwrap();
    let current: Vec<_> = sessions.iter().map(|session| session["current"].as_bool().unwrap()).collect();
    assert_eq!(current, [true, false], "newest first: {list:#}");
    assert!(sessions.iter().all(|session| session["ip"] == "127.0.0.1"), "{list:#}");

    let path = format!("{SESSIONS}/{}", sessions[1]["id"].as_str().unwrap());
    eve.delete(&path).await.is(404).problem_is("session_not_found");
    ada.get(ME).await.is(200);
    phone.delete(&path).await.is(204);
    ada.get(ME).await.is(401).problem_is("token_revoked");
    phone.delete(&path).await.is(404).problem_is("session_not_found");
    phone.delete(&format!("{SESSIONS}/none")).await.invalid_at(&[&["path", "id"]]);
    assert_eq!(phone.get(SESSIONS).await.is(200).json()["total"], 1);
}

#[tokio::test]
async fn only_an_administrator_can_end_all_sessions_of_a_user() {
    let server = Server::start().await;
    let (admin, ada, eve) = (server.admin().await, server.user("ada").await, server.user("eve").await);
    let path = format!("/api/v1/users/{}/sessions", ada.id);
    eve.delete(&path).await.is(403).problem_is("insufficient_permissions");
    ada.get(ME).await.is(200);
    admin.delete(&path).await.is(204);
    ada.get(ME).await.is(401).problem_is("token_revoked");
    let unknown = "/api/v1/users/018f0000-0000-7000-8000-000000000000/sessions";
    admin.delete(unknown).await.is(404).problem_is("user_not_found");
    admin.get(ME).await.is(200);
}

#[tokio::test]
async fn a_changed_password_ends_all_other_sessions() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let phone = ada.clone().log_in().await;
    let change = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    let path = "/api/v1/users/me/change-password";
    ada.post(path)
        .json(&change("wrong password", "another password"))
        .await
        .is(400)
        .problem_is("current_password_invalid");
    ada.post(path).json(&change(PASSWORD, "short")).await.invalid_at(&[&["body", "new_password"]]);
    phone.get(ME).await.is(200);

    ada.post(path).json(&change(PASSWORD, "another password")).await.is(204);
    ada.get(ME).await.is(200);
    refreshed(&ada).await;
    phone.get(ME).await.is(401).problem_is("token_revoked");
    phone.refresh().await.is(401).problem_is("token_revoked");
    ada.try_log_in(PASSWORD).await.is(401);
    ada.try_log_in("another password").await.is(200);
}

#[tokio::test]
async fn a_concurrent_login_with_the_old_password_gets_no_lasting_session() {
    let server = Server::with().env("HASH_CONCURRENCY", "8").start().await;
    for round in 0..10 {
        let ada = server.user(&format!("ada{round}")).await;
        let logins = (0..4).map(|_| ada.anonymous()).map(|client| async move { client.try_log_in(PASSWORD).await });
        let body = json!({"current_password": PASSWORD, "new_password": "another password"});
        let change = async { ada.post("/api/v1/users/me/change-password").json(&body).await.is(204) };
        let (replies, _) = tokio::join!(together(logins), change);
        for reply in replies {
            if reply.status == 200 {
                let late = ada.clone().with(reply.json());
                late.get(ME).await.is(401).problem_is("token_revoked");
                late.refresh().await.is(401).problem_is("token_revoked");
            } else {
                reply.is(401).problem_is("invalid_credentials");
            }
        }
        ada.get(ME).await.is(200);
    }
}

#[tokio::test]
async fn a_logout_takes_effect_even_if_the_client_disconnects() {
    let server = Server::start().await;
    let first = server.user("ada").await;
    first.post(LOGOUT).await.is(204);
    let mut ended = 0;
    for _ in 0..40 {
        let ada = first.clone().log_in().await;
        ada.get(ME).await.is(200);
        disconnect_after(server.address(), &ada, LOGOUT).await;
        let after = first.clone().log_in().await;
        if after.get(SESSIONS).await.is(200).json()["total"] == 1 {
            ada.get(ME).await.is(401).problem_is("token_revoked");
            ended += 1;
        }
        after.post(LOGOUT_ALL).await.is(204);
    }
    assert!(ended > 0, "no request was processed before its client disconnected");
}

/// Sends a request and disconnects without waiting for the response.
async fn disconnect_after(address: &str, client: &Client, path: &str) {
    use tokio::io::AsyncWriteExt;
    let token = client.tokens["access_token"].as_str().unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
    );
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    connection.set_zero_linger().unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn another_node_rejects_an_ended_session_within_the_configured_time() {
    let server = Server::with().env("PRINCIPAL_CACHE_TTL", "1s").start().await;
    let other = server.another().await;
    let ada = server.user("ada").await;
    let elsewhere = ada.clone().at(&other.url);
    elsewhere.get(ME).await.is(200);
    ada.post(LOGOUT).await.is(204);
    eventually("the other node refuses the token", async || (elsewhere.get(ME).await.status == 401).then_some(()))
        .await;
    elsewhere.refresh().await.is(401).problem_is("token_revoked");
}

#[tokio::test]
async fn a_session_ends_after_its_lifetime_despite_refreshes() {
    let server =
        Server::with().env("REFRESH_TOKEN_EXPIRE_DAYS", "3s").env("ACCESS_TOKEN_EXPIRE_MINUTES", "1s").start().await;
    let mut client = server.user("ada").await;
    let expired = eventually("the session is over", async || {
        let reply = client.refresh().await;
        if reply.status == 200 {
            client = client.clone().with(reply.json());
            return None;
        }
        Some(reply)
    })
    .await;
    expired.is(401).problem_is("token_expired");
    client.get(ME).await.is(401).problem_is("token_expired");
}

#[tokio::test]
async fn a_login_over_the_session_limit_ends_the_oldest_session() {
    let server = Server::start().await;
    let first = server.user("ada").await;
    let second = first.clone().log_in().await;
    for _ in 0..99 {
        first.try_log_in(PASSWORD).await.is(200);
    }
    first.get(ME).await.is(401).problem_is("token_revoked");
    second.get(ME).await.is(200);
    assert_eq!(second.get(SESSIONS).await.is(200).json()["total"], 100);
}

#[tokio::test]
async fn cleaning_up_keeps_the_records_that_detect_replayed_tokens() {
    let server = Server::start().await;
    let first = server.user("ada").await;
    let second = refreshed(&refreshed(&first).await).await;
    let run = server.cli(["cleanup-tokens"]).exits(0);
    assert!(run.stdout.contains("deleted 0 expired sessions"), "{run:#?}");
    first.refresh().await.is(401).problem_is("refresh_token_reused");
    second.get(ME).await.is(401);
}
