//! Keeping, listing, ending and removing sessions. The rule: nobody's sessions but the subject's are touched.

use super::{Bench, NONE, at};
use crate::session::{Client, EndReason, EndScope, Exchanged, NewSession, SessionInfo, SessionStore};

pub(super) async fn a_session_is_found_as_it_was_kept<S: SessionStore + 'static>(bench: &Bench<S>) {
    let session = bench.open().await;
    let mut expected = SessionInfo {
        id: session.id,
        subject: bench.ada.clone(),
        created_at: at(0),
        last_used_at: at(0),
        expires_at: at(1_000),
        ended: None,
        client: session.client.clone(),
    };
    let find = async |id| bench.store.find(id).await.expect("find");
    assert_eq!(find(session.id).await.as_ref(), Some(&expected));
    assert_eq!(bench.store.list(&bench.ada, at(1)).await.expect("list"), [expected.clone()]);

    for reason in EndReason::ALL {
        let session = NewSession { client: Client::default(), ..bench.session(&bench.bob, 0, 1_000) };
        bench.keep(&session, 100).await;
        let ended = bench.store.end(&bench.bob, EndScope::One(session.id), reason, at(7)).await.expect("end");
        assert_eq!(ended, [session.id]);
        let found = find(session.id).await.expect("an ended session is still found");
        assert_eq!((found.ended, found.client), (Some((at(7), reason)), Client::default()));
    }
    bench.end(&bench.ada, EndScope::All).await;
    expected.ended = Some((at(500), EndReason::Logout));
    assert_eq!(find(session.id).await, Some(expected));
}

pub(super) async fn ending_is_for_the_subject_and_the_scope<S: SessionStore + 'static>(bench: &Bench<S>) {
    let mut ada = [bench.open().await, bench.open().await, bench.open().await, bench.open().await];
    ada.sort_by_key(|session| session.id);
    let bob = bench.session(&bench.bob, 0, 1_000);
    bench.keep(&bob, 100).await;
    let [first, second, third, fourth] = &ada;
    assert_eq!(bench.exchange(first, 0, 10).await, Exchanged::Done { generation: 1 });

    assert_eq!(bench.end(&bench.bob, EndScope::One(first.id)).await, NONE, "somebody else's session");
    assert_eq!(bench.end(&bench.ada, EndScope::One(first.id)).await, [first.id]);
    assert_eq!(bench.end(&bench.ada, EndScope::One(first.id)).await, NONE, "ended twice");
    for generation in [0, 1] {
        assert_eq!(bench.exchange(first, generation, 11).await, Exchanged::Ended, "no token of it is usable");
    }
    assert_eq!(bench.end(&bench.ada, EndScope::AllBut(third.id)).await, [second.id, fourth.id]);
    assert_eq!(bench.exchange(third, 0, 12).await, Exchanged::Done { generation: 1 }, "the one that stays");
    assert_eq!(bench.end(&bench.ada, EndScope::AllBut(bob.id)).await, [third.id], "another's id spares nothing");
    assert_eq!(bench.end(&bench.ada, EndScope::All).await, NONE, "nothing was left");
    assert_eq!(bench.listed(&bench.ada, 13).await, NONE);
    assert_eq!(bench.exchange(&bob, 0, 13).await, Exchanged::Done { generation: 1 }, "another's session lives");
    assert_eq!(bench.end(&bench.bob, EndScope::All).await, [bob.id]);

    let again = bench.store.end(&bench.ada, EndScope::All, EndReason::Reuse, at(900)).await.expect("end");
    let found = bench.store.find(first.id).await.expect("find").expect("still there");
    assert_eq!((again, found.ended), (Vec::new(), Some((at(500), EndReason::Logout))), "the first reason stays");
}

pub(super) async fn the_newest_comes_first<S: SessionStore + 'static>(bench: &Bench<S>) {
    let mut sessions = Vec::new();
    for (created, expires) in [(30, 1_000), (10, 1_000), (20, 1_000), (20, 1_000), (40, 60), (25, 1_000)] {
        let session = bench.session(&bench.ada, created, expires);
        bench.keep(&session, 100).await;
        sessions.push(session);
    }
    bench.keep(&bench.session(&bench.bob, 50, 1_000), 100).await;
    let ended = sessions.pop().expect("the last");
    bench.end(&bench.ada, EndScope::One(ended.id)).await;
    let used = &sessions[1];
    assert_eq!(bench.exchange(used, 0, 90).await, Exchanged::Done { generation: 1 });

    sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
    let mut expected: Vec<_> = sessions.iter().map(|session| session.id).collect();
    assert_eq!(bench.listed(&bench.ada, 99).await, expected, "newest login first, whatever was used last");
    let expired = expected.remove(0);
    assert_eq!(bench.listed(&bench.ada, 100).await, expected, "{expired} has expired");
}

pub(super) async fn the_oldest_give_way<S: SessionStore + 'static>(bench: &Bench<S>) {
    let keep = async |subject: &str, created, expires, cap| {
        let session = bench.session(subject, created, expires);
        let ended = bench.keep(&session, cap).await;
        (session, ended)
    };
    let (bob, _) = keep(&bench.bob, 0, 1_000, 3).await;
    let (expired, _) = keep(&bench.ada, 1, 9, 3).await;
    let (ended, _) = keep(&bench.ada, 2, 1_000, 3).await;
    bench.end(&bench.ada, EndScope::One(ended.id)).await;
    let (second, none) = keep(&bench.ada, 12, 1_000, 3).await;
    let (first, none_either) = keep(&bench.ada, 11, 1_000, 3).await;
    assert_eq!((none, none_either), (Vec::new(), Vec::new()), "expired and ended ones do not count");
    let (third, none) = keep(&bench.ada, 13, 1_000, 3).await;
    assert_eq!(none, NONE, "three of three");

    assert_eq!(bench.exchange(&first, 0, 14).await, Exchanged::Done { generation: 1 });
    let (fourth, gone) = keep(&bench.ada, 15, 1_000, 3).await;
    assert_eq!(gone, [first.id], "the oldest by login, however much it is used");
    assert_eq!(bench.exchange(&first, 1, 16).await, Exchanged::Ended);
    let found = bench.store.find(first.id).await.expect("find").expect("still there");
    assert_eq!(found.ended, Some((at(15), EndReason::Superseded)));

    let (early, mut gone) = keep(&bench.ada, 10, 1_000, 1).await;
    gone.sort();
    let mut rest = vec![second.id, third.id, fourth.id];
    rest.sort();
    assert_eq!(gone, rest, "all that is too much goes, and never the new one, whatever the clock said");
    assert_eq!(bench.exchange(&early, 0, 16).await, Exchanged::Done { generation: 1 });
    assert_eq!(bench.exchange(&bob, 0, 16).await, Exchanged::Done { generation: 1 }, "another subject's");
    assert_eq!(bench.exchange(&expired, 0, 9).await, Exchanged::Done { generation: 1 }, "it had expired, not ended");
}

pub(super) async fn only_expired_sessions_are_removed<S: SessionStore + 'static>(bench: &Bench<S>) {
    let remove = async |before, limit| bench.store.remove_expired(at(before), limit).await.expect("remove_expired");
    let mut expired = Vec::new();
    for (subject, expires) in [(&bench.ada, 100), (&bench.bob, 110), (&bench.ada, 120)] {
        let session = bench.session(subject, 0, expires);
        bench.keep(&session, 100).await;
        assert_eq!(bench.exchange(&session, 0, 10).await, Exchanged::Done { generation: 1 });
        expired.push(session);
    }
    let (live, ended) = (bench.open().await, bench.open().await);
    for session in [&live, &ended] {
        assert_eq!(bench.exchange(session, 0, 10).await, Exchanged::Done { generation: 1 });
    }
    bench.end(&bench.ada, EndScope::One(ended.id)).await;

    assert_eq!(remove(99, 10).await, 0, "nothing has expired");
    assert_eq!(remove(105, 10).await, 1);
    assert_eq!((remove(500, 1).await, remove(500, 10).await, remove(500, 10).await), (1, 1, 0), "in batches");
    for session in &expired {
        assert_eq!(bench.store.find(session.id).await.expect("find"), None);
        assert_eq!(bench.exchange(session, 0, 11).await, Exchanged::Unknown);
    }
    assert_eq!(bench.spent(&live, 0, 501).await.generation, 0, "a consumed token of a live session is remembered");
    assert_eq!(bench.exchange(&live, 1, 501).await, Exchanged::Done { generation: 2 });
    assert_eq!(bench.exchange(&ended, 0, 501).await, Exchanged::Ended, "an ended one stays until it expires");
}
