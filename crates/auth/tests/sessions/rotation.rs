//! The ordinary life of a session without attacks. The tests are named after the guarantees to clients.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use keepstone_auth::error::{IssueError, OpenError, RefreshError, SessionPolicyError, TokenError};
use keepstone_auth::session::{Client, Grant, MemorySessionStore, SessionPolicy, Sessions};
use keepstone_auth::token::TokenChain;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use secrecy::ExposeSecret;

use crate::support::*;

#[tokio::test]
async fn a_login_returns_a_pair_of_tokens_of_one_session() {
    let house = strict();
    let client = Client { ip: Some("192.0.2.7".to_owned()), user_agent: Some("Browser/1".to_owned()) };
    let opened = house.sessions.open("ada", &GRANT, client.clone()).await.unwrap();
    assert!(opened.superseded.is_empty());
    let pair = opened.tokens;
    assert_eq!((pair.expires_in, pair.scope.as_str()), (1800, "orders:read"));
    assert_eq!(pair.session_id.get_version_num(), 7);

    let access = issuer().verifier().verify_access_at(pair.access_token.expose_secret(), house.clock.now()).unwrap();
    assert_eq!((access.subject.as_str(), access.role.as_str()), ("ada", "clerk"));
    let refresh = house.claims(&refresh_token(&pair));
    assert_eq!((access.session_id, refresh.session_id), (pair.session_id, pair.session_id));
    let found = house.sessions.find(pair.session_id).await.unwrap().unwrap();
    assert_eq!((found.subject.as_str(), found.client), ("ada", client));
    assert_eq!(found.expires_at.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), refresh.expires_at);
}

#[tokio::test]
async fn a_refresh_consumes_its_token_and_returns_a_new_pair() {
    let house = strict();
    let mut tokens = vec![house.token("ada").await];
    for _ in 0..20 {
        tokens.push(house.refresh(tokens.last().unwrap()).await.unwrap());
        house.clock.advance(seconds(900));
    }
    assert_eq!(tokens.iter().collect::<HashSet<_>>().len(), 21, "all tokens are different");
    assert_eq!(house.refresh(&tokens[19]).await, reused());
}

#[tokio::test]
async fn auth_time_is_the_time_of_login_after_any_number_of_refreshes() {
    let house = strict();
    let opened = house.sessions.open("ada", &GRANT, Client::default()).await.unwrap().tokens;
    let created = house.sessions.find(opened.session_id).await.unwrap().unwrap().created_at;
    let login = created.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut pair = opened;
    for round in 0..3 {
        let token = pair.access_token.expose_secret();
        let access = issuer().verifier().verify_access_at(token, house.clock.now()).unwrap();
        assert_eq!((access.authenticated_at, access.issued_at), (Some(login), login + round * 900));
        house.clock.advance(seconds(900));
        let presented = house.sessions.verify_refresh(&refresh_token(&pair)).unwrap();
        pair = house.sessions.refresh(&presented, &GRANT, None).await.unwrap();
    }
}

#[tokio::test]
async fn the_access_token_contains_the_current_role_and_scope() {
    let house = strict();
    let presented = house.sessions.verify_refresh(&house.token("ada").await).unwrap();
    let grant = Grant { role: "admin", scope: "orders:read orders:write" };
    let pair = house.sessions.refresh(&presented, &grant, None).await.unwrap();
    let access = issuer().verifier().verify_access_at(pair.access_token.expose_secret(), house.clock.now()).unwrap();
    assert_eq!((access.role.as_str(), access.scope.as_str()), (grant.role, grant.scope));
    assert_eq!((pair.scope.as_str(), access.session_id), (grant.scope, presented.session_id()));
    assert_eq!((presented.subject(), access.subject.as_str()), ("ada", "ada"));
}

#[tokio::test]
async fn tokens_are_neither_stored_nor_printed() {
    let house = strict();
    let first = house.log_in("ada").await;
    let presented = house.sessions.verify_refresh(first.refresh_token.expose_secret()).unwrap();
    let second = house.sessions.refresh(&presented, &GRANT, Some("a very private key")).await.unwrap();
    let printed = format!("{:?} {first:?} {second:?} {presented:?} {:?}", house.store, house.sessions);
    assert!(printed.contains("generations"), "the store was printed");
    for pair in [&first, &second] {
        let token = refresh_token(pair);
        let jti = house.claims(&token).token_id;
        for part in token.split('.').chain([jti.as_str()]).chain(pair.access_token.expose_secret().split('.').skip(1)) {
            assert!(!printed.contains(part), "{part}");
        }
    }
    assert!(!printed.contains("private key"));
}

#[tokio::test]
async fn garbage_costs_no_query() {
    let house = strict();
    let pair = house.log_in("ada").await;
    let (token, access) = (refresh_token(&pair), pair.access_token.expose_secret().to_owned());
    let calls = house.store.calls.load(Ordering::SeqCst);
    assert!(matches!(house.refresh(&access).await, Err(Refused::Token(TokenError::Invalid(_)))), "an access token");

    let mut runner = TestRunner::deterministic();
    let garbage = prop_oneof![".{0,200}", "[A-Za-z0-9_-]{10,90}\\.[A-Za-z0-9_-]{10,200}\\.[A-Za-z0-9_-]{43}"];
    for _ in 0..10_000 {
        let garbage = garbage.new_tree(&mut runner).unwrap().current();
        assert!(matches!(house.refresh(&garbage).await, Err(Refused::Token(TokenError::Invalid(_)))));
    }
    let (head, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    assert!(matches!(house.refresh(&forged).await, Err(Refused::Token(TokenError::Invalid(_)))));
    assert_eq!(house.store.calls.load(Ordering::SeqCst), calls);
    assert!(
        issuer().verifier().verify_access_at(&token, house.clock.now()).is_err(),
        "a refresh token as access token"
    );
    assert!(house.refresh(&token).await.is_ok(), "none of these requests ended the session");
}

#[tokio::test]
async fn no_refresh_extends_a_session() {
    let house = strict();
    let mut token = house.token("ada").await;
    let end = house.claims(&token).expires_at;
    assert_eq!(end, NOW + 30 * DAY.as_secs());
    for _ in 0..29 {
        house.clock.advance(DAY);
        token = house.refresh(&token).await.unwrap();
        assert_eq!(house.claims(&token).expires_at, end);
    }
    house.clock.advance(seconds(24 * 60 * 60 - 1));
    let in_time = house.sessions.verify_refresh(&token).unwrap();
    house.clock.advance(seconds(1));
    assert_eq!(house.refresh(&token).await, Err(Refused::Token(TokenError::Expired)));
    let too_late = house.sessions.refresh(&in_time, &GRANT, None).await;
    assert_eq!(too_late.map(drop), Err(RefreshError::Expired));
    assert!(house.sessions.list("ada").await.unwrap().is_empty());
}

#[tokio::test]
async fn an_idle_session_expires_and_one_in_use_does_not() {
    let house = house(SessionPolicy { idle: Some(2 * DAY), ..SessionPolicy::default() });
    let first = house.token("ada").await;
    let mut token = first.clone();
    for _ in 0..5 {
        house.clock.advance(seconds(2 * 24 * 60 * 60 - 1));
        token = house.refresh(&token).await.unwrap();
    }
    assert_eq!(house.sessions.list("ada").await.unwrap().len(), 1);
    house.clock.advance(2 * DAY);
    assert!(house.sessions.list("ada").await.unwrap().is_empty());
    assert_eq!(house.refresh(&token).await, refused(RefreshError::Expired));
    assert_eq!(house.end_reason(&token).await, None);
    // A reuse is detected even if the session is idle: its owner may return long after the theft.
    assert_eq!(house.refresh(&first).await, reused());
}

#[tokio::test]
async fn a_store_receives_times_in_whole_microseconds() {
    let house = house_with(SessionPolicy::default(), Clock::ticking(Duration::from_nanos(1_234_567)));
    let pair = house.log_in("ada").await;
    house.refresh(&refresh_token(&pair)).await.unwrap();
    let info = house.sessions.find(pair.session_id).await.unwrap().unwrap();
    for time in [info.created_at, info.last_used_at, info.expires_at] {
        let since = time.duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(since.subsec_nanos() % 1_000, 0, "whole microseconds");
    }
}

#[tokio::test]
async fn a_token_is_not_consumed_if_its_response_cannot_be_created() {
    let house = strict();
    let token = house.token("ada").await;
    let presented = house.sessions.verify_refresh(&token).unwrap();
    let scope = "resource:action ".repeat(250);
    let refused = house.sessions.refresh(&presented, &Grant { role: "clerk", scope: &scope }, None).await;
    assert_eq!(refused.map(drop), Err(RefreshError::Issue(IssueError::TooLong)));
    house.clock.advance(seconds(1));
    assert!(house.refresh(&token).await.is_ok());

    let empty_subject = house.sessions.open("", &GRANT, Client::default()).await;
    assert_eq!(empty_subject.map(drop), Err(OpenError::Issue(IssueError::Claim("sub"))));
    assert!(house.sessions.list("").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_broken_store_returns_no_token_and_the_client_can_retry() {
    let house = strict();
    let token = house.token("ada").await;
    house.store.exchange_broken.store(true, Ordering::SeqCst);
    assert_eq!(house.refresh(&token).await, refused(RefreshError::Store(Broken)));
    house.store.exchange_broken.store(false, Ordering::SeqCst);
    assert!(house.refresh(&token).await.is_ok());
}

#[tokio::test]
async fn a_clock_before_the_epoch_is_an_error_and_not_a_panic() {
    let house = strict();
    let token = house.token("ada").await;
    house.clock.back(seconds(NOW + 1_000));
    assert!(matches!(house.refresh(&token).await, Err(Refused::Token(TokenError::Invalid(_)))), "not yet valid");
    let early = house.token("bob").await;
    assert!(house.refresh(&early).await.is_ok());
}

#[test]
fn an_invalid_policy_is_rejected() {
    let good = SessionPolicy::default();
    let check = |policy| {
        let chain = TokenChain::new(&secret());
        Sessions::new(MemorySessionStore::default(), issuer(), chain, policy).map(drop)
    };
    assert_eq!(check(good), Ok(()));
    assert_eq!(check(SessionPolicy { grace: seconds(60), idle: Some(DAY), ..good }), Ok(()));
    let blink = Duration::from_millis(999);
    assert_eq!(check(SessionPolicy { lifetime: blink, ..good }), Err(SessionPolicyError::NoLifetime));
    assert_eq!(check(SessionPolicy { idle: Some(blink), ..good }), Err(SessionPolicyError::NoIdleTime));
    assert_eq!(check(SessionPolicy { grace: seconds(61), ..good }), Err(SessionPolicyError::WindowTooLong));
    assert_eq!(check(SessionPolicy { retry_window: seconds(61), ..good }), Err(SessionPolicyError::WindowTooLong));
    assert_eq!(check(SessionPolicy { cap: 0, ..good }), Err(SessionPolicyError::NoSessions));
}

#[test]
fn sessions_are_shared_between_threads() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    shared::<Sessions<std::sync::Arc<MemorySessionStore>>>();
}
