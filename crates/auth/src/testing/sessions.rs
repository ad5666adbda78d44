//! Opening, listing, ending and removing sessions. Only the subject's sessions may change.

use uuid::Uuid;

use super::{Bench, Checked, NONE, Rule, at, works};
use crate::session::{Client, EndReason, EndScope, Exchanged, NewSession, SessionInfo, SessionStore};

pub(super) async fn found_as_opened<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    // The longest values: an address of 45 bytes, and a user agent of 512 bytes with few and with many characters.
    let client = |ip: Option<&str>, agent: Option<String>| Client { ip: ip.map(str::to_owned), user_agent: agent };
    for client in [
        Client::default(),
        client(Some("1111:2222:3333:4444:5555:6666:123.123.123.123"), Some("☂😀 ".repeat(64))),
        client(Some("192.0.2.7"), Some("x".repeat(Client::MAX_USER_AGENT))),
        client(None, Some(" Agent/1 'a' \"b\" \\ % _ \t ".to_owned())),
        client(Some("::1"), Some(String::new())),
    ] {
        let session = NewSession { client: client.clone(), ..bench.session(&bench.bob, 0, 1_000) };
        bench.keep(&session, 100).await?;
        let found = bench.found(session.id).await?;
        Rule::Find.is(&found.client, &client, "the client")?;
        Rule::Find.is(&found.subject, &bench.bob, "the subject")?;
        Rule::Times.is(found.created_at, at(0), "created_at")?;
        Rule::OpenKeeps.is(found.last_used_at, at(0), "last_used_at of a new session is its created_at")?;
        Rule::Times.is(found.expires_at, at(1_000), "expires_at")?;
        let expected = SessionInfo {
            id: session.id,
            subject: session.subject,
            created_at: at(0),
            last_used_at: at(0),
            expires_at: at(1_000),
            ended: None,
            client,
        };
        Rule::Find.is(&found, &expected, "a new session")?;
        let list = works("list", bench.store.list(&bench.bob, at(1)).await)?;
        Rule::ListWhich.is(
            list.into_iter().find(|listed| listed.id == expected.id),
            Some(expected),
            "a new session",
        )?;
    }
    for reason in EndReason::ALL {
        let session = bench.open().await?;
        let ended = works("end", bench.store.end(&bench.ada, EndScope::One(session.id), reason, at(7)).await)?;
        Rule::EndWhich.is(ended, vec![session.id], "a live session")?;
        Rule::EndStays.is(bench.found(session.id).await?.ended, Some((at(7), reason)), "time and reason of an end")?;
    }
    Ok(())
}

pub(super) async fn ended_by_subject_and_scope<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    let mut ada = [bench.open().await?, bench.open().await?, bench.open().await?, bench.open().await?];
    ada.sort_by_key(|session| session.id);
    let bob = bench.session(&bench.bob, 0, 1_000);
    bench.keep(&bob, 100).await?;
    let [first, second, third, fourth] = &ada;
    bench.done(first, 0, 10, "a fresh token").await?;
    let end = async |subject: &str, scope, expected: &[Uuid], case| {
        Rule::EndWhich.is(&*bench.end(subject, scope).await?, expected, case)
    };

    end(&bench.bob, EndScope::One(first.id), &NONE, "another subject's session").await?;
    end(&bench.ada, EndScope::One(Uuid::nil()), &NONE, "an unknown session").await?;
    end(&bench.ada, EndScope::One(first.id), &[first.id], "one session").await?;
    end(&bench.ada, EndScope::One(first.id), &NONE, "a session that has ended").await?;
    for generation in [0, 1] {
        let found = bench.exchange(first, generation, 11).await?;
        Rule::EndStays.is(found, Exchanged::Ended, "a token of an ended session")?;
    }
    end(&bench.ada, EndScope::AllBut(third.id), &[second.id, fourth.id], "all but one").await?;
    bench.done(third, 0, 12, "the excluded session").await?;
    end(&bench.ada, EndScope::AllBut(bob.id), &[third.id], "all but another subject's").await?;
    end(&bench.ada, EndScope::All, &NONE, "all, when all have ended").await?;
    Rule::ListWhich.is(&*bench.listed(&bench.ada, 13).await?, &NONE, "ended sessions")?;
    bench.done(&bob, 0, 13, "another subject's session").await?;
    end(&bench.bob, EndScope::All, &[bob.id], "all").await?;

    let again = works("end", bench.store.end(&bench.ada, EndScope::All, EndReason::Reuse, at(900)).await)?;
    Rule::EndWhich.is(&*again, &NONE, "all, a second time")?;
    let ended = bench.found(first.id).await?.ended;
    Rule::EndStays.is(ended, Some((at(500), EndReason::Logout)), "the end of a session that was ended again")
}

pub(super) async fn listed_newest_first<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    let mut sessions = Vec::new();
    for created in [30, 10, 20, 20, 40, 25].into_iter().chain((0..60).map(|number| 100 + number % 7)) {
        let expires = if created == 40 { 460 } else { 1_000 };
        let session = bench.session(&bench.ada, created, expires);
        bench.keep(&session, 1_000).await?;
        sessions.push(session);
    }
    bench.keep(&bench.session(&bench.bob, 50, 1_000), 100).await?;
    let ended = sessions.remove(5);
    bench.end(&bench.ada, EndScope::One(ended.id)).await?;
    bench.done(&sessions[1], 0, 490, "a fresh token").await?;

    sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
    let expected = |now| {
        let live = sessions.iter().filter(|session| session.expires_at > at(now));
        live.map(|session| session.id).collect::<Vec<_>>()
    };
    for now in [499, 500] {
        let (mut found, mut sorted) = (bench.listed(&bench.ada, now).await?, expected(now));
        Rule::ListOrder.holds(found == sorted || found.len() != sorted.len(), || {
            format!("{} sessions, some of the same time, are in another order", found.len())
        })?;
        found.sort();
        sorted.sort();
        let (missing, more) = (sorted.iter().any(|id| !found.contains(id)), found.len() > sorted.len());
        Rule::ListWhich.holds(!missing && !more, || {
            format!("{} sessions of {}, one of which expires at {}", found.len(), sorted.len(), 500 - now)
        })?;
    }
    Ok(())
}

pub(super) async fn capped<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    let keep = async |subject: &str, created, expires, cap| -> Checked<_> {
        let session = bench.session(subject, created, expires);
        let mut ended = bench.keep(&session, cap).await?;
        ended.sort();
        Ok((session, ended))
    };
    let (bob, _) = keep(&bench.bob, 0, 1_000, 3).await?;
    let (expired, _) = keep(&bench.ada, 1, 10, 3).await?;
    let (ended, _) = keep(&bench.ada, 2, 1_000, 3).await?;
    bench.end(&bench.ada, EndScope::One(ended.id)).await?;
    let (second, none) = keep(&bench.ada, 12, 1_000, 3).await?;
    let (first, none_either) = keep(&bench.ada, 11, 1_000, 3).await?;
    Rule::OpenLive.is(
        [none, none_either],
        [vec![], vec![]],
        "ended sessions, and a session that expires at that moment",
    )?;
    let (third, none) = keep(&bench.ada, 13, 1_000, 3).await?;
    Rule::OpenCap.is(&*none, &NONE, "three of three, and sessions of another subject")?;

    bench.done(&first, 0, 14, "a fresh token").await?;
    let (fourth, surplus) = keep(&bench.ada, 15, 1_000, 3).await?;
    Rule::OpenCap.is(surplus.len(), 1, "one session above the cap")?;
    Rule::OpenOldest.is(surplus, vec![first.id], "the oldest login, although it was used last")?;
    Rule::OpenCap.is(bench.exchange(&first, 1, 16).await?, Exchanged::Ended, "a token of the surplus")?;
    let end = bench.found(first.id).await?.ended;
    Rule::OpenCap.is(end, Some((at(15), EndReason::Superseded)), "the end of the surplus")?;

    let (early, surplus) = keep(&bench.ada, 11, 1_000, 1).await?;
    let mut rest = vec![second.id, third.id, fourth.id];
    rest.sort();
    Rule::OpenOldest
        .holds(!surplus.contains(&early.id), || "the new session, older than the others, ended".to_owned())?;
    Rule::OpenCap.is(surplus, rest, "all but the new session, with a cap of one")?;
    bench.done(&early, 0, 16, "the new session").await?;
    bench.done(&bob, 0, 16, "another subject's session").await?;
    bench.done(&expired, 0, 9, "an expired session, which has not ended").await?;

    let mut same = [keep(&bench.bob, 20, 1_000, 9).await?.0, keep(&bench.bob, 20, 1_000, 9).await?.0];
    same.sort_by_key(|session| std::cmp::Reverse(session.id));
    let (_, surplus) = keep(&bench.bob, 21, 1_000, 3).await?;
    Rule::OpenOldest.is(surplus, vec![bob.id], "the oldest")?;
    let (_, surplus) = keep(&bench.bob, 22, 1_000, 3).await?;
    Rule::OpenOldest.is(
        surplus,
        vec![same[1].id],
        "of two sessions opened at the same time, the session with the lesser id",
    )
}

pub(super) async fn removed_when_expired<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    let mut expired = Vec::new();
    for (subject, expires) in [(&bench.ada, 100), (&bench.bob, 110), (&bench.ada, 120), (&bench.bob, 130)] {
        let session = bench.session(subject, 0, expires);
        bench.keep(&session, 100).await?;
        bench.done(&session, 0, 10, "a fresh token").await?;
        expired.push(session);
    }
    let (live, ended) = (bench.open().await?, bench.open().await?);
    for session in [&live, &ended] {
        bench.done(session, 0, 10, "a fresh token").await?;
    }
    bench.end(&bench.ada, EndScope::One(ended.id)).await?;

    Rule::RemoveWhich.is(bench.remove(99, 10).await?, 0, "none has expired")?;
    Rule::RemoveWhich.is(bench.remove(100, 10).await?, 0, "a session expires exactly at `before`")?;
    Rule::RemoveWhich.is(bench.remove(105, 10).await?, 1, "one has expired")?;
    Rule::RemoveLimit.is(bench.remove(500, 0).await?, 0, "a limit of zero")?;
    Rule::RemoveLimit.is(bench.remove(500, 1).await?, 1, "three have expired, with a limit of one")?;
    Rule::RemoveLimit.is(bench.remove(500, 2).await?, 2, "two have expired, with a limit of two")?;
    Rule::RemoveLimit.is(bench.remove(500, 2).await?, 0, "none is left")?;
    for session in &expired {
        Rule::RemoveWhich.is(bench.find(session.id).await?, None, "a removed session")?;
        for generation in [0, 1] {
            let found = bench.exchange(session, generation, 11).await?;
            Rule::RemoveWhich.is(found, Exchanged::Unknown, "a token of a removed session")?;
        }
    }
    let spent = bench.exchange(&live, 0, 501).await?;
    Rule::RemoveWhich
        .holds(matches!(spent, Exchanged::Spent(_)), || format!("a consumed token of a live session was {spent:?}"))?;
    bench.done(&live, 1, 501, "a live session").await?;
    let found = bench.exchange(&ended, 0, 501).await?;
    Rule::RemoveWhich.is(found, Exchanged::Ended, "a session that has ended and not expired")
}
