//! Ending, listing and cleaning up sessions. Each test also checks which sessions are still live.

use keepstone_auth::error::{RefreshError, TokenError};
use keepstone_auth::session::{Client, EndReason, EndScope, SessionPolicy};
use uuid::Uuid;

use crate::support::*;

#[tokio::test]
async fn logging_out_ends_the_session_once_and_only_the_subjects() {
    let house = strict();
    let (ada, bob) = (house.log_in("ada").await, house.log_in("bob").await);
    let elsewhere = house.log_in("ada").await;
    assert!(!house.sessions.log_out("ada", bob.session_id).await.unwrap(), "another's session");
    assert!(!house.sessions.log_out("ada", Uuid::now_v7()).await.unwrap(), "no session at all");
    assert!(house.sessions.log_out("ada", ada.session_id).await.unwrap());
    assert!(!house.sessions.log_out("ada", ada.session_id).await.unwrap(), "twice");

    assert_eq!(house.refresh(&refresh_token(&ada)).await, refused(RefreshError::Revoked));
    assert_eq!(house.end_reason(&refresh_token(&ada)).await, Some(EndReason::Logout));
    for pair in [&bob, &elsewhere] {
        assert!(house.refresh(&refresh_token(pair)).await.is_ok());
    }
}

#[tokio::test]
async fn a_refresh_token_logs_out_its_own_subject() {
    let house = strict();
    let ada = house.token("ada").await;
    let next = house.refresh(&ada).await.unwrap();
    // A consumed token as well: a refresh before the logout must not preserve the session.
    let presented = house.sessions.verify_refresh(&ada).unwrap();
    assert!(house.sessions.log_out(presented.subject(), presented.session_id()).await.unwrap());
    assert_eq!(house.refresh(&next).await, refused(RefreshError::Revoked));
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions_and_a_closed_account_ends_all() {
    let house = strict();
    let (here, there, bob) = (house.log_in("ada").await, house.log_in("ada").await, house.token("bob").await);
    let reason = EndReason::PasswordChanged;
    let ended = house.sessions.end("ada", EndScope::AllBut(here.session_id), reason).await.unwrap();
    assert_eq!(ended, [there.session_id]);
    assert_eq!(house.end_reason(&refresh_token(&there)).await, Some(reason));
    let token = house.refresh(&refresh_token(&here)).await.unwrap();

    let ended = house.sessions.end("ada", EndScope::All, EndReason::AccountClosed).await.unwrap();
    assert_eq!(ended, [here.session_id]);
    assert!(house.sessions.end("ada", EndScope::All, EndReason::AccountClosed).await.unwrap().is_empty(), "twice");
    assert_eq!(house.refresh(&token).await, refused(RefreshError::Revoked));
    assert!(house.refresh(&bob).await.is_ok());
}

#[tokio::test]
async fn the_hundred_and_first_login_ends_the_first() {
    let house = strict();
    let bob = house.token("bob").await;
    let mut pairs = Vec::new();
    for _ in 0..100 {
        let opened = house.sessions.open("ada", &GRANT, Client::default()).await.unwrap();
        assert!(opened.superseded.is_empty());
        pairs.push(opened.tokens);
    }
    let first = house.refresh(&refresh_token(&pairs[0])).await.unwrap();
    let opened = house.sessions.open("ada", &GRANT, Client::default()).await.unwrap();
    assert_eq!(opened.superseded, [pairs[0].session_id]);
    assert_eq!(house.sessions.list("ada").await.unwrap().len(), 100);
    assert_eq!(house.refresh(&first).await, refused(RefreshError::Revoked));
    for token in [refresh_token(&pairs[1]), refresh_token(&opened.tokens), bob] {
        assert!(house.refresh(&token).await.is_ok());
    }
}

#[tokio::test]
async fn the_list_shows_where_a_user_is_logged_in() {
    let house = strict();
    let client = |agent: &str| Client { ip: Some("192.0.2.7".to_owned()), user_agent: Some(agent.to_owned()) };
    let open = async |agent: &str| house.sessions.open("ada", &GRANT, client(agent)).await.unwrap().tokens;
    let (phone, laptop) = (open("phone").await, open(&"laptop".repeat(200)).await);
    house.clock.advance(seconds(60));
    house.refresh(&refresh_token(&phone)).await.unwrap();

    let list = house.sessions.list("ada").await.unwrap();
    let ids: Vec<_> = list.iter().map(|session| session.id).collect();
    assert_eq!(ids, [laptop.session_id, phone.session_id], "newest first");
    assert_eq!(list[1].client, client("phone"));
    assert_eq!(list[0].client.user_agent.as_ref().map(String::len), Some(Client::MAX_USER_AGENT), "cut");
    assert_eq!(list[0].last_used_at, list[0].created_at);
    assert!(list[1].last_used_at >= list[1].created_at + seconds(60));
    assert!(list.iter().all(|session| session.is_live(house.clock.now())));
    assert!(house.sessions.list("bob").await.unwrap().is_empty());
}

#[tokio::test]
async fn clean_up_retains_the_tokens_that_detect_a_replay() {
    let house = house(SessionPolicy { lifetime: 30 * DAY, ..SessionPolicy::default() });
    let mut old = Vec::new();
    for subject in ["ada", "bob", "cyd"] {
        let token = house.token(subject).await;
        house.refresh(&token).await.unwrap();
        old.push(token);
    }
    house.clock.advance(29 * DAY);
    let first = house.token("ada").await;
    let second = house.refresh(&first).await.unwrap();
    assert_eq!(house.sessions.clean_up(100).await.unwrap(), 0);
    assert_eq!(house.refresh(&old[2]).await, reused(), "29 days later");
    house.clock.advance(2 * DAY);
    assert_eq!(house.sessions.clean_up(2).await.unwrap(), 2, "in batches");
    assert_eq!(house.sessions.clean_up(2).await.unwrap(), 1);
    assert_eq!(house.refresh(&old[0]).await, Err(Refused::Token(TokenError::Expired)));
    assert_eq!(house.refresh(&first).await, reused());
    assert_eq!(house.refresh(&second).await, refused(RefreshError::Revoked));
}
