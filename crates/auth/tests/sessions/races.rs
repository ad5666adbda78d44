//! Many at once, on several threads. The rule: successes are counted, and so is what is left.
#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use std::sync::Arc;
use std::time::SystemTime;

use keepstone_auth::error::RefreshError;
use keepstone_auth::session::{
    Client, EndReason, EndScope, MemorySessionStore, PresentedToken, SessionPolicy, Sessions,
};
use keepstone_auth::token::TokenChain;
use secrecy::ExposeSecret;
use tokio::task::JoinSet;

use crate::support::{GRANT, issuer, refresh_token, secret};

type Shared = Arc<Sessions<MemorySessionStore>>;

fn shared() -> Shared {
    let store = MemorySessionStore::default();
    Arc::new(Sessions::new(store, issuer(), TokenChain::new(&secret()), SessionPolicy::default()).unwrap())
}

async fn log_in(sessions: &Shared) -> String {
    refresh_token(&sessions.open("ada", &GRANT, Client::default()).await.unwrap().tokens)
}

/// The same token, from this many clients at once, that have all arrived.
async fn at_once(
    sessions: &Shared,
    presented: &PresentedToken,
    count: usize,
    key: Option<&'static str>,
) -> Vec<Result<String, RefreshError<std::convert::Infallible>>> {
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let (sessions, presented) = (Arc::clone(sessions), presented.clone());
        tasks.spawn(async move { Ok(refresh_token(&sessions.refresh(&presented, &GRANT, key).await?)) });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_at_once_one_gets_a_successor_and_nothing_ends() {
    let sessions = shared();
    let mut token = log_in(&sessions).await;
    for round in 0..500 {
        let presented = sessions.verify_refresh(&token).unwrap();
        let mut answers = at_once(&sessions, &presented, 50, None).await;
        answers.sort_by_key(Result::is_err);
        assert!(answers[1..].iter().all(|answer| *answer == Err(RefreshError::Rotated)), "round {round}: {answers:?}");
        token = answers.swap_remove(0).expect("one of them succeeds");
    }
    assert!(sessions.verify_refresh(&token).is_ok_and(|presented| presented.subject() == "ada"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_at_once_with_one_key_all_get_the_same() {
    let sessions = shared();
    let mut token = log_in(&sessions).await;
    for _ in 0..50 {
        let presented = sessions.verify_refresh(&token).unwrap();
        let answers = at_once(&sessions, &presented, 50, Some("k")).await;
        token.clone_from(answers[0].as_ref().unwrap());
        assert!(answers.iter().all(|answer| answer.as_ref() == Ok(&token)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_replays_at_once_one_ends_the_session() {
    let sessions = shared();
    for _ in 0..50 {
        let token = log_in(&sessions).await;
        let successor = at_once(&sessions, &sessions.verify_refresh(&token).unwrap(), 1, None).await.remove(0).unwrap();
        let replay = sessions.verify_refresh(&token).unwrap().arrived_at(SystemTime::now());
        let answers = at_once(&sessions, &replay, 50, None).await;
        let ended = Err(RefreshError::Reused { ended_now: true });
        assert_eq!(answers.iter().filter(|answer| **answer == ended).count(), 1, "{answers:?}");
        assert!(
            answers.iter().all(|answer| { matches!(answer, Err(RefreshError::Reused { .. } | RefreshError::Revoked)) })
        );
        let after = at_once(&sessions, &sessions.verify_refresh(&successor).unwrap(), 1, None).await;
        assert_eq!(after, [Err(RefreshError::Revoked)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_end_beside_a_refresh_leaves_no_usable_token() {
    let sessions = shared();
    for round in 0..500 {
        let token = log_in(&sessions).await;
        let presented = sessions.verify_refresh(&token).unwrap();
        let (ender, id) = (Arc::clone(&sessions), presented.session_id());
        let end = tokio::spawn(async move {
            match round % 3 {
                0 => ender.log_out("ada", id).await.map(drop),
                1 => ender.end("ada", EndScope::All, EndReason::Revoked).await.map(drop),
                _ => ender.end("ada", EndScope::AllBut(uuid::Uuid::nil()), EndReason::PasswordChanged).await.map(drop),
            }
        });
        let answers = at_once(&sessions, &presented, 4, None).await;
        end.await.unwrap().unwrap();
        for token in answers.into_iter().flatten().chain([token]) {
            let presented = sessions.verify_refresh(&token).unwrap();
            let after = sessions.refresh(&presented, &GRANT, None).await;
            let after = after.map(|pair| pair.refresh_token.expose_secret().len());
            assert_eq!(after, Err(RefreshError::Revoked), "round {round}");
        }
    }
}
