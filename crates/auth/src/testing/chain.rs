//! The exchange of tokens, one after the other. The rule: what is refused has changed nothing.

use super::{Bench, at};
use crate::session::{EndScope, Exchange, Exchanged, SessionStore, Spent, Successor};

pub(super) async fn a_token_is_exchanged_once<S: SessionStore + 'static>(bench: &Bench<S>) {
    let session = bench.open().await;
    for generation in 0..5 {
        let now = 10 + u64::from(generation);
        let done = Exchanged::Done { generation: generation + 1 };
        assert_eq!(bench.exchange(&session, generation, now).await, done, "a fresh token");
        for spent in 0..=generation {
            assert_eq!(bench.spent(&session, spent, now).await.generation, spent, "a consumed token");
        }
    }
    let found = bench.store.find(session.id).await.expect("find").expect("the session is there");
    assert_eq!(found.last_used_at, at(14), "the last exchange, and no refusal, is the session's last use");
    assert_eq!(bench.exchange(&session, 5, 20).await, Exchanged::Done { generation: 6 }, "refusals end nothing");
}

pub(super) async fn a_spent_token_tells_what_became_of_it<S: SessionStore + 'static>(bench: &Bench<S>) {
    let session = bench.open().await;
    let keyed = Exchange { retry_key: Some([3; 32]), ..bench.request(session.id, 0, 10) };
    assert_eq!(bench.ask(&keyed).await, Exchanged::Done { generation: 1 });
    let successor = Successor { digest: bench.digest(session.id, 1), issued_at: at(10), is_consumed: false };
    let mut expected = Spent { generation: 0, consumed_at: at(10), retry_key: Some([3; 32]), successor };
    let other_key = Exchange { retry_key: Some([4; 32]), ..bench.request(session.id, 0, 11) };
    assert_eq!(bench.ask(&other_key).await, Exchanged::Spent(expected), "the facts");
    assert_eq!(bench.spent(&session, 0, 12).await, expected, "asking changed them");

    assert_eq!(bench.exchange(&session, 1, 15).await, Exchanged::Done { generation: 2 });
    expected.successor.is_consumed = true;
    assert_eq!(bench.spent(&session, 0, 16).await, expected, "after the successor's exchange");
    let second = bench.spent(&session, 1, 16).await;
    assert_eq!(second.retry_key, None, "an exchange without a key");
    assert!(!second.successor.is_consumed, "the third is unused");
}

pub(super) async fn what_is_not_there_is_unknown<S: SessionStore + 'static>(bench: &Bench<S>) {
    let (session, other) = (bench.open().await, bench.open().await);
    let absent = bench.session(&bench.ada, 0, 1_000);
    assert_eq!(bench.exchange(&absent, 0, 10).await, Exchanged::Unknown, "no such session");
    assert_eq!(bench.exchange(&session, 1, 10).await, Exchanged::Unknown, "a token that was not issued yet");
    let foreign = Exchange { digest: other.digest, ..bench.request(session.id, 0, 10) };
    assert_eq!(bench.ask(&foreign).await, Exchanged::Unknown, "another session's token");
    assert_eq!(bench.store.find(absent.id).await.expect("find"), None);
    for session in [&session, &other] {
        assert_eq!(bench.exchange(session, 0, 11).await, Exchanged::Done { generation: 1 }, "none of it did harm");
    }
    bench.end(&bench.ada, EndScope::One(session.id)).await;
    assert_eq!(bench.exchange(&session, 9, 12).await, Exchanged::Unknown, "also in a session that has ended");
}

pub(super) async fn a_session_expires<S: SessionStore + 'static>(bench: &Bench<S>) {
    let session = bench.open().await;
    assert_eq!(bench.exchange(&session, 0, 999).await, Exchanged::Done { generation: 1 });
    for generation in [0, 1] {
        assert_eq!(bench.exchange(&session, generation, 1_000).await, Exchanged::Expired, "at its very end");
    }
    assert_eq!(bench.exchange(&session, 1, 999).await, Exchanged::Done { generation: 2 }, "it was not consumed");
}

pub(super) async fn an_idle_session_expires<S: SessionStore + 'static>(bench: &Bench<S>) {
    let session = bench.open().await;
    let idle = |generation, now, since| {
        let used_since = Some(at(since));
        Exchange { used_since, ..bench.request(session.id, generation, now) }
    };
    assert_eq!(bench.ask(&idle(0, 50, 1)).await, Exchanged::Expired, "used before that");
    assert_eq!(bench.ask(&idle(0, 50, 0)).await, Exchanged::Done { generation: 1 }, "used just then, and not consumed");
    assert_eq!(bench.ask(&idle(1, 120, 51)).await, Exchanged::Expired, "idle since the exchange");
    let replay = bench.ask(&idle(0, 120, 51)).await;
    assert!(matches!(replay, Exchanged::Spent(_)), "a consumed token of an idle session is told, not {replay:?}");
    assert_eq!(bench.ask(&idle(1, 120, 50)).await, Exchanged::Done { generation: 2 });
}
