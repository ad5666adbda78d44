//! Calls whose future is dropped before it completes, as happens when a client disconnects. Such a call must take
//! effect entirely or not at all.

use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::{Bench, Checked, Rule, at};
use crate::session::{EndReason, EndScope, Exchanged, NewSession, SessionStore};

/// The maximum number of polls before a call is dropped. Every smaller number is tested as well.
const POLLS: usize = 8;

/// How long a database may need to notice that a connection was dropped.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn check<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    for polls in 1..=POLLS {
        an_exchange(bench, polls).await?;
        an_end(bench, polls).await?;
        an_opening(bench, polls).await?;
        a_removal(bench, polls).await?;
    }
    Ok(())
}

async fn abandon(polls: usize, call: impl Future) {
    let (mut call, mut left) = (pin!(call), polls);
    std::future::poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Pending if left > 1 => {
            left -= 1;
            Poll::Pending
        }
        _ => Poll::Ready(()),
    })
    .await;
}

/// Waits until the store is in one of two states. The dropped call may still be running.
async fn settled(case: &str, mut look: impl AsyncFnMut() -> Checked<Result<(), String>>) -> Checked {
    let started = Instant::now();
    loop {
        match look().await? {
            Ok(()) => return Ok(()),
            Err(half) if started.elapsed() > PATIENCE => return Err(Rule::Whole.breaks(format!("{case}: {half}"))),
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

async fn an_exchange<S: SessionStore + 'static>(bench: &Bench<S>, polls: usize) -> Checked {
    let session = bench.open().await?;
    abandon(polls, bench.store.exchange(&bench.request(session.id, 0, 10))).await;
    let used_at = match bench.exchange(&session, 0, 11).await? {
        Exchanged::Done { generation: 1 } => at(11),
        Exchanged::Spent(spent) if !spent.successor.is_consumed => spent.consumed_at,
        half => return Err(Rule::Whole.breaks(format!("after a dropped exchange the token is {half:?}"))),
    };
    let found = bench.found(session.id).await?.last_used_at;
    Rule::Whole.is(found, used_at, "the last use, after a dropped exchange")?;
    let next = bench.exchange(&session, 1, 12).await?;
    Rule::Whole.is(next, Exchanged::Done { generation: 2 }, "the successor, after a dropped exchange")
}

async fn an_end<S: SessionStore + 'static>(bench: &Bench<S>, polls: usize) -> Checked {
    bench.end(&bench.ada, EndScope::All).await?;
    let sessions = [bench.open().await?, bench.open().await?, bench.open().await?];
    abandon(polls, bench.store.end(&bench.ada, EndScope::All, EndReason::Logout, at(10))).await;
    settled("a dropped end", async || {
        let left = bench.listed(&bench.ada, 11).await?.len();
        Ok(if left % sessions.len() == 0 { Ok(()) } else { Err(format!("{left} of 3 sessions are left")) })
    })
    .await
}

async fn an_opening<S: SessionStore + 'static>(bench: &Bench<S>, polls: usize) -> Checked {
    bench.end(&bench.ada, EndScope::All).await?;
    let old = [bench.open().await?.id, bench.open().await?.id];
    let new = bench.session(&bench.ada, 5, 1_000);
    abandon(polls, bench.store.open(&new, 1)).await;
    settled("a dropped opening", async || {
        let left = bench.listed(&bench.ada, 11).await?;
        let has_token = bench.exchange(&new, 0, 11).await? != Exchanged::Unknown;
        let (is_old, is_new) = (old.iter().all(|id| left.contains(id)) && left.len() == 2, left == [new.id]);
        let is_whole = is_old && !has_token || is_new && has_token;
        Ok(if is_whole {
            Ok(())
        } else {
            Err(format!("{} sessions, and the new one's token: {has_token}", left.len()))
        })
    })
    .await
}

async fn a_removal<S: SessionStore + 'static>(bench: &Bench<S>, polls: usize) -> Checked {
    let sessions = [(); 3].map(|()| bench.session(&bench.bob, 0, 20));
    for session in &sessions {
        bench.keep(session, 100).await?;
    }
    abandon(polls, bench.store.remove_expired(at(30), 10)).await;
    settled("a dropped removal", async || {
        let mut known = 0;
        for session in &sessions {
            let (found, token) = (bench.find(session.id).await?, token_of(bench, session).await?);
            if found.is_some() != token {
                return Ok(Err(format!("session {}: found {}, its token {token}", session.id, found.is_some())));
            }
            known += usize::from(token);
        }
        Ok(if known % sessions.len() == 0 { Ok(()) } else { Err(format!("{known} of 3 sessions are left")) })
    })
    .await?;
    bench.remove(30, 10).await.map(drop)
}

async fn token_of<S: SessionStore + 'static>(bench: &Bench<S>, session: &NewSession) -> Checked<bool> {
    Ok(bench.exchange(session, 0, 25).await? != Exchanged::Unknown)
}
