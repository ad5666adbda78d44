//! Many at once. The rule: rounds, because what goes wrong once in a hundred times goes wrong.

use std::sync::Arc;

use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Bench, at};
use crate::session::{EndReason, EndScope, Exchange, Exchanged, NewSession, SessionStore};

const ROUNDS: u32 = 20;
const AT_ONCE: usize = 50;

pub(super) async fn many_exchanges_of_one_token_have_one_successor<S: SessionStore + 'static>(bench: &Bench<S>) {
    let session = bench.open().await;
    for generation in 0..ROUNDS {
        let exchanged = at_once(bench, AT_ONCE, bench.request(session.id, generation, 10)).await;
        let done = exchanged.iter().filter(|it| matches!(it, Exchanged::Done { .. })).count();
        let spent = exchanged.iter().filter(|it| matches!(it, Exchanged::Spent(_))).count();
        assert_eq!((done, spent), (1, AT_ONCE - 1), "successes and refusals of one token in {exchanged:?}");
    }
    assert_eq!(bench.exchange(&session, ROUNDS, 11).await, Exchanged::Done { generation: ROUNDS + 1 });
}

pub(super) async fn an_end_beside_exchanges_leaves_no_usable_token<S: SessionStore + 'static>(bench: &Bench<S>) {
    for round in 0..ROUNDS {
        let session = bench.open().await;
        let mut ends = JoinSet::new();
        let (store, subject, id) = (Arc::clone(&bench.store), bench.ada.clone(), session.id);
        let chain = walk(bench, &session);
        ends.spawn(async move {
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            store.end(&subject, EndScope::One(id), EndReason::Logout, at(10)).await.expect("end")
        });
        let (newest, ended) = (chain.await, ends.join_all().await.concat());
        assert_eq!(ended, [session.id], "the end was not told");
        for generation in 0..=newest {
            let after = bench.exchange(&session, generation, 11).await;
            assert_eq!(after, Exchanged::Ended, "generation {generation} of {newest} after the end");
        }
    }
}

/// Exchanges token after token, three at once, until the session ends: the newest generation then.
async fn walk<S: SessionStore + 'static>(bench: &Bench<S>, session: &NewSession) -> u32 {
    for generation in 0.. {
        let exchanged = at_once(bench, 3, bench.request(session.id, generation, 10)).await;
        if !exchanged.iter().any(|it| matches!(it, Exchanged::Done { .. })) {
            return generation;
        }
    }
    u32::MAX
}

pub(super) async fn many_ends_tell_of_a_session_once<S: SessionStore + 'static>(bench: &Bench<S>) {
    for _ in 0..ROUNDS {
        let mut sessions: Vec<Uuid> = vec![bench.open().await.id, bench.open().await.id, bench.open().await.id];
        let mut ends = JoinSet::new();
        for turn in 0..9 {
            let (store, subject) = (Arc::clone(&bench.store), bench.ada.clone());
            let scope = sessions.get(turn).map_or(EndScope::All, |id| EndScope::One(*id));
            ends.spawn(async move { store.end(&subject, scope, EndReason::Reuse, at(10)).await.expect("end") });
        }
        let mut ended = ends.join_all().await.concat();
        ended.sort();
        sessions.sort();
        assert_eq!(ended, sessions, "each exactly once");
    }
}

async fn at_once<S: SessionStore + 'static>(bench: &Bench<S>, count: usize, exchange: Exchange) -> Vec<Exchanged> {
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let (store, exchange) = (Arc::clone(&bench.store), exchange.clone());
        tasks.spawn(async move { store.exchange(&exchange).await.expect("exchange") });
    }
    tasks.join_all().await
}
