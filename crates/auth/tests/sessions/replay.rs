//! Tokens that are used again. Each test checks which sessions are live afterwards.

use std::sync::atomic::Ordering;
use std::time::Duration;

use keepstone_auth::error::RefreshError;
use keepstone_auth::session::{EndReason, SessionPolicy};
use keepstone_auth::token::Secret;

use crate::support::*;

const LATER: Duration = Duration::from_millis(1);

fn revoked<T>() -> Result<T, Refused> {
    refused(RefreshError::Revoked)
}

#[tokio::test]
async fn a_replayed_refresh_token_ends_its_session_and_no_other() {
    let house = strict();
    let (a, elsewhere, other) = (house.token("ada").await, house.token("ada").await, house.token("bob").await);
    let b = house.refresh(&a).await.unwrap();
    let c = house.refresh(&b).await.unwrap();
    assert_eq!(house.refresh(&a).await, reused());
    assert_eq!(house.end_reason(&a).await, Some(EndReason::Reuse));
    for token in [&a, &b, &c] {
        assert_eq!(house.refresh(token).await, revoked());
    }
    for token in [&elsewhere, &other] {
        assert!(house.refresh(token).await.is_ok());
    }
}

#[tokio::test]
async fn without_grace_a_replay_right_after_the_response_counts() {
    for pause in [Duration::ZERO, LATER, 10 * LATER] {
        let house = strict();
        let token = house.token("ada").await;
        let successor = house.refresh(&token).await.unwrap();
        house.clock.advance(pause);
        assert_eq!(house.refresh(&token).await, reused());
        assert_eq!(house.refresh(&successor).await, revoked());
    }
}

#[tokio::test]
async fn overlapping_requests_receive_the_same_refresh_token() {
    let house = house(SessionPolicy::default());
    let token = house.token("ada").await;
    let waiting = house.sessions.verify_refresh(&token).unwrap();
    let successor = house.refresh(&token).await.unwrap();
    house.clock.advance(seconds(9));
    let late = house.sessions.refresh(&waiting, &GRANT, None).await.unwrap();
    assert_eq!(refresh_token(&late), successor);
    assert!(house.refresh(&successor).await.is_ok());
}

#[tokio::test]
async fn without_grace_an_overlapping_request_ends_the_session() {
    let house = strict();
    let token = house.token("ada").await;
    let waiting = house.sessions.verify_refresh(&token).unwrap();
    let successor = house.refresh(&token).await.unwrap();
    let late = house.sessions.refresh(&waiting, &GRANT, None).await;
    assert_eq!(late.map(drop), Err(RefreshError::Reused { ended_now: true }));
    assert_eq!(house.refresh(&successor).await, revoked());
}

#[tokio::test]
async fn the_same_key_returns_the_same_refresh_token() {
    let house = strict();
    let token = house.token("ada").await;
    let successor = house.refresh_with(&token, Some("k")).await.unwrap();
    for _ in 0..5 {
        house.clock.advance(seconds(11));
        assert_eq!(house.refresh_with(&token, Some("k")).await.as_ref(), Ok(&successor), "byte for byte");
    }
    assert!(house.refresh(&successor).await.is_ok(), "the successor is valid");
    assert_eq!(
        house.refresh_with(&token, Some("k")).await.as_ref(),
        Ok(&successor),
        "the same request, the same response"
    );
    house.clock.advance(seconds(5));
    assert_eq!(house.refresh_with(&token, Some("k")).await, reused(), "after 60 s");
}

#[tokio::test]
async fn a_repeated_response_has_a_new_access_token() {
    let house = strict();
    let token = house.token("ada").await;
    let ask = async || {
        let presented = house.sessions.verify_refresh(&token).unwrap();
        house.sessions.refresh(&presented, &GRANT, Some("k")).await.unwrap()
    };
    let first = ask().await;
    house.clock.advance(seconds(30));
    let second = ask().await;
    let issued = |pair: &keepstone_auth::session::TokenPair| {
        let token = secrecy::ExposeSecret::expose_secret(&pair.access_token).to_owned();
        issuer().verifier().verify_access_at(&token, house.clock.now()).unwrap().issued_at
    };
    assert_eq!(issued(&second) - issued(&first), 30);
    assert_eq!(refresh_token(&first), refresh_token(&second));
}

#[tokio::test]
async fn a_retry_of_overlapping_requests_receives_the_same_refresh_token() {
    let house = strict();
    let token = house.token("ada").await;
    let waiting = house.sessions.verify_refresh(&token).unwrap();
    let successor = house.refresh_with(&token, Some("k")).await.unwrap();
    let late = house.sessions.refresh(&waiting, &GRANT, Some("k")).await.unwrap();
    assert_eq!(refresh_token(&late), successor);
}

#[tokio::test]
async fn another_key_or_none_counts_as_reuse() {
    for (first, second) in [(Some("k"), Some("other")), (Some("k"), None), (None, Some("k")), (None, None)] {
        let house = strict();
        let token = house.token("ada").await;
        house.refresh_with(&token, first).await.unwrap();
        assert_eq!(house.refresh_with(&token, second).await, reused(), "{first:?}, then {second:?}");
    }
}

#[tokio::test]
async fn a_key_does_not_revive_an_ended_session() {
    let house = strict();
    let token = house.token("ada").await;
    house.refresh_with(&token, Some("k")).await.unwrap();
    assert!(house.sessions.log_out("ada", house.claims(&token).session_id).await.unwrap());
    assert_eq!(house.refresh_with(&token, Some("k")).await, revoked());
}

#[tokio::test]
async fn grace_returns_the_same_successor_to_the_immediate_predecessor() {
    let house = house(SessionPolicy { grace: seconds(10), ..SessionPolicy::default() });
    let a = house.token("ada").await;
    let b = house.refresh(&a).await.unwrap();
    house.clock.advance(seconds(9));
    assert_eq!(house.refresh(&a).await.as_ref(), Ok(&b), "at 9 s, and never a new branch");
    let c = house.refresh(&b).await.unwrap();
    house.clock.advance(seconds(11));
    assert_eq!(house.refresh(&b).await, reused(), "at 11 s");
    assert_eq!(house.refresh(&c).await, revoked());
}

#[tokio::test]
async fn grace_is_over_once_the_successor_is_used() {
    let house = house(SessionPolicy { grace: seconds(60), ..SessionPolicy::default() });
    let a = house.token("ada").await;
    let b = house.refresh(&a).await.unwrap();
    let c = house.refresh(&b).await.unwrap();
    house.clock.advance(seconds(1));
    assert_eq!(house.refresh(&b).await.as_ref(), Ok(&c), "the immediate predecessor");
    assert_eq!(house.refresh(&a).await, reused(), "its predecessor");
    assert_eq!(house.refresh(&c).await, revoked());
}

#[tokio::test]
async fn grace_is_ten_seconds_by_default() {
    for (later, expected) in [(9, true), (11, false)] {
        let house = house(SessionPolicy::default());
        let token = house.token("ada").await;
        let successor = house.refresh(&token).await.unwrap();
        house.clock.advance(seconds(later));
        let again = house.refresh(&token).await;
        assert_eq!(again, if expected { Ok(successor) } else { reused() }, "after {later} s");
    }
}

#[tokio::test]
async fn a_slow_clock_of_another_node_is_tolerated() {
    let house = house(SessionPolicy::default());
    let token = house.token("ada").await;
    house.clock.advance(seconds(10));
    let successor = house.refresh(&token).await.unwrap();
    house.clock.back(seconds(4)); // the other node's clock
    assert_eq!(house.refresh(&token).await.as_ref(), Ok(&successor));
    assert!(house.refresh(&successor).await.is_ok());
}

#[tokio::test]
async fn after_a_change_of_the_chain_secret_a_consumed_token_ends_its_session() {
    let house = house(SessionPolicy::default());
    let (token, other) = (house.token("ada").await, house.token("ada").await);
    let successor = house.refresh_with(&token, Some("k")).await.unwrap();
    let next = house.refresh(&other).await.unwrap();
    let new = Secret::new("quite another secret of thirty-two bytes").unwrap();
    let sessions = sessions(&house.store, &house.clock, SessionPolicy::default(), &new);
    let house = House { sessions, ..house };
    assert_eq!(house.refresh_with(&token, Some("k")).await, reused(), "the response cannot be repeated");
    assert_eq!(house.refresh(&successor).await, revoked());
    assert!(house.refresh(&next).await.is_ok(), "a fresh token remains valid");
    assert_eq!(house.refresh(&other).await, reused(), "its predecessor, within the grace period");
}

#[tokio::test]
async fn tokens_issued_before_a_change_of_the_chain_secret_remain_valid() {
    let house = strict();
    let token = house.token("ada").await;
    let new = Secret::new("quite another secret of thirty-two bytes").unwrap();
    let house = House { sessions: sessions(&house.store, &house.clock, no_grace(), &new), ..house };
    let next = house.refresh_with(&token, Some("k")).await.unwrap();
    assert_eq!(house.refresh_with(&token, Some("k")).await.as_ref(), Ok(&next));
    assert!(house.refresh(&next).await.is_ok());
}

#[tokio::test]
async fn a_reuse_whose_end_failed_is_a_store_error_and_detected_again() {
    let house = strict();
    let token = house.token("ada").await;
    let successor = house.refresh(&token).await.unwrap();
    house.store.end_broken.store(true, Ordering::SeqCst);
    assert_eq!(house.refresh(&token).await, refused(RefreshError::Store(Broken)));
    house.store.end_broken.store(false, Ordering::SeqCst);
    assert_eq!(house.refresh(&token).await, reused());
    assert_eq!(house.refresh(&successor).await, revoked());
}
