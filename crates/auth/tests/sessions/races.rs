//! Concurrent requests on several threads. The tests count successes and remaining sessions.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;
use std::time::Duration;

use keepstone_auth::error::RefreshError;
use keepstone_auth::session::{
    Client, EndReason, EndScope, MemorySessionStore, PresentedToken, SessionPolicy, Sessions,
};
use keepstone_auth::token::TokenChain;
use secrecy::ExposeSecret;
use tokio::task::JoinSet;

use crate::support::{GRANT, issuer, refresh_token, secret};

type Shared = Arc<Sessions<MemorySessionStore>>;

fn shared(grace: Duration) -> Shared {
    let policy = SessionPolicy { grace, ..SessionPolicy::default() };
    Arc::new(Sessions::new(MemorySessionStore::default(), issuer(), TokenChain::new(&secret()), policy).unwrap())
}

const GRACE: Duration = Duration::from_mins(1);

async fn log_in(sessions: &Shared) -> String {
    refresh_token(&sessions.open("ada", &GRANT, Client::default()).await.unwrap().tokens)
}

/// Refreshes with the same token from this many concurrent clients.
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
async fn fifty_concurrent_requests_receive_the_same_successor() {
    for (grace, key, rounds) in [(GRACE, None, 500), (GRACE, Some("k"), 20), (Duration::ZERO, Some("k"), 50)] {
        let sessions = shared(grace);
        let mut token = log_in(&sessions).await;
        for round in 0..rounds {
            let presented = sessions.verify_refresh(&token).unwrap();
            let answers = at_once(&sessions, &presented, 50, key).await;
            token.clone_from(answers[0].as_ref().unwrap());
            assert!(answers.iter().all(|answer| answer.as_ref() == Ok(&token)), "round {round}: {answers:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_grace_one_of_fifty_concurrent_requests_succeeds_and_the_session_ends() {
    let sessions = shared(Duration::ZERO);
    for round in 0..500 {
        let token = log_in(&sessions).await;
        let answers = at_once(&sessions, &sessions.verify_refresh(&token).unwrap(), 50, None).await;
        let ended = Err(RefreshError::Reused { ended_now: true });
        let (winners, losers): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(winners.len(), 1, "round {round}: {losers:?}");
        assert_eq!(losers.iter().filter(|loser| **loser == ended).count(), 1, "round {round}: {losers:?}");
        let is_refusal = |loser: &_| matches!(loser, Err(RefreshError::Reused { .. } | RefreshError::Revoked));
        assert!(losers.iter().all(is_refusal), "round {round}: {losers:?}");
        let successor = sessions.verify_refresh(winners[0].as_ref().unwrap()).unwrap();
        assert_eq!(at_once(&sessions, &successor, 1, None).await, [Err(RefreshError::Revoked)], "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_one_of_fifty_concurrent_replays_ends_the_session() {
    let sessions = shared(GRACE);
    for _ in 0..50 {
        let token = log_in(&sessions).await;
        let stolen = sessions.verify_refresh(&token).unwrap();
        let successor = at_once(&sessions, &stolen, 1, None).await.remove(0).unwrap();
        let successor = at_once(&sessions, &sessions.verify_refresh(&successor).unwrap(), 1, None).await;
        let successor = sessions.verify_refresh(successor[0].as_ref().unwrap()).unwrap();
        let answers = at_once(&sessions, &stolen, 50, None).await;
        let ended = Err(RefreshError::Reused { ended_now: true });
        assert_eq!(answers.iter().filter(|answer| **answer == ended).count(), 1, "{answers:?}");
        let is_refusal = |answer: &_| matches!(answer, Err(RefreshError::Reused { .. } | RefreshError::Revoked));
        assert!(answers.iter().all(is_refusal), "{answers:?}");
        assert_eq!(at_once(&sessions, &successor, 1, None).await, [Err(RefreshError::Revoked)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_end_during_a_refresh_leaves_no_usable_token() {
    let sessions = shared(GRACE);
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
