//! Concurrent calls. They run in many rounds, to detect races that rarely occur.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Barrier;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Bench, Checked, Rule, at, works};
use crate::session::{EndReason, EndScope, Exchange, Exchanged, NewSession, SessionStore, Spent, Successor};

const ROUNDS: u32 = 20;
const AT_ONCE: usize = 50;

pub(super) async fn many_exchanges_of_one_token<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    let session = bench.open().await?;
    for generation in 0..ROUNDS {
        let exchanged = at_once(bench, AT_ONCE, bench.request(session.id, generation, 10)).await?;
        let done = exchanged.iter().filter(|it| **it == Exchanged::Done { generation: generation + 1 }).count();
        Rule::Once.is(done, 1, "the number of `Done` among 50 concurrent exchanges of one token")?;
        let successor =
            Successor { digest: bench.digest(session.id, generation + 1), issued_at: at(10), is_consumed: false };
        let spent = Exchanged::Spent(Spent { generation, consumed_at: at(10), retry_key: None, successor });
        for found in exchanged.into_iter().filter(|it| !matches!(it, Exchanged::Done { .. })) {
            Rule::Whole.is(found, spent, "a token during its exchange")?;
        }
    }
    bench.done(&session, ROUNDS, 11, "the last token of many rounds").await
}

pub(super) async fn an_end_beside_exchanges<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    for round in 0..ROUNDS {
        let session = bench.open().await?;
        let (store, subject, id) = (Arc::clone(&bench.store), bench.ada.clone(), session.id);
        let end = tokio::spawn(async move {
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            works("end", store.end(&subject, EndScope::One(id), EndReason::Logout, at(10)).await)
        });
        let newest = walk(bench, &session).await?;
        Rule::EndWhich.is(joined(end.await)?, vec![session.id], "an end during exchanges")?;
        for generation in 0..=newest {
            let found = bench.exchange(&session, generation, 11).await?;
            Rule::Ended.is(found, Exchanged::Ended, "a token of a session that ended during its exchange")?;
        }
    }
    Ok(())
}

/// Exchanges token after token, with three concurrent calls each, until the session ends. Returns the newest
/// generation.
async fn walk<S: SessionStore + 'static>(bench: &Bench<S>, session: &NewSession) -> Checked<u32> {
    for generation in 0.. {
        let exchanged = at_once(bench, 3, bench.request(session.id, generation, 10)).await?;
        if !exchanged.iter().any(|it| matches!(it, Exchanged::Done { .. })) {
            return Ok(generation);
        }
    }
    Ok(u32::MAX)
}

pub(super) async fn many_ends<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    bench.end(&bench.ada, EndScope::All).await?;
    for _ in 0..ROUNDS {
        let mut sessions: Vec<Uuid> = vec![bench.open().await?.id, bench.open().await?.id, bench.open().await?.id];
        let (mut ends, start) = (JoinSet::new(), Arc::new(Barrier::new(9)));
        for turn in 0..9 {
            let (store, subject, start) = (Arc::clone(&bench.store), bench.ada.clone(), Arc::clone(&start));
            let scope = sessions.get(turn).map_or(EndScope::All, |id| EndScope::One(*id));
            ends.spawn(async move {
                start.wait().await;
                works("end", store.end(&subject, scope, EndReason::Reuse, at(10)).await)
            });
        }
        let mut ended = Vec::new();
        while let Some(one) = ends.join_next().await {
            ended.extend(joined(one)?);
        }
        ended.sort();
        sessions.sort();
        Rule::EndOnce.is(ended, sessions, "three sessions that were ended by nine concurrent calls")?;
        an_end_of_all_is_seen_whole(bench).await?;
    }
    Ok(())
}

async fn an_end_of_all_is_seen_whole<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    for _ in 0..3 {
        bench.open().await?;
    }
    let (store, subject, has_ended) = (Arc::clone(&bench.store), bench.ada.clone(), Arc::new(AtomicBool::new(false)));
    let flag = Arc::clone(&has_ended);
    let end = tokio::spawn(async move {
        let ended = works("end", store.end(&subject, EndScope::All, EndReason::Logout, at(10)).await);
        flag.store(true, Ordering::SeqCst);
        ended
    });
    while !has_ended.load(Ordering::SeqCst) {
        let left = bench.listed(&bench.ada, 11).await?.len();
        Rule::Whole.holds(left % 3 == 0, || format!("{left} of 3 sessions are listed while all are being ended"))?;
        tokio::task::yield_now().await;
    }
    Rule::EndWhich.is(joined(end.await)?.len(), 3, "all of three sessions")
}

async fn at_once<S: SessionStore + 'static>(
    bench: &Bench<S>,
    count: usize,
    exchange: Exchange,
) -> Checked<Vec<Exchanged>> {
    let (mut tasks, start) = (JoinSet::new(), Arc::new(Barrier::new(count)));
    for _ in 0..count {
        let (store, exchange, start) = (Arc::clone(&bench.store), exchange.clone(), Arc::clone(&start));
        tasks.spawn(async move {
            start.wait().await;
            works("exchange", store.exchange(&exchange).await)
        });
    }
    let mut exchanged = Vec::with_capacity(count);
    while let Some(one) = tasks.join_next().await {
        exchanged.push(joined(one)?);
    }
    Ok(exchanged)
}

/// Resumes the panic of a store, which fails the test.
fn joined<T>(outcome: Result<Checked<T>, tokio::task::JoinError>) -> Checked<T> {
    match outcome {
        Ok(checked) => checked,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Rule::NoErrors.breaks(error.to_string())),
        },
    }
}
