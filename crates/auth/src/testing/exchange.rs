//! Sequential exchanges of tokens. A rejected exchange must change nothing.

use super::{Bench, Checked, Rule, at};
use crate::session::{
    EndReason, EndScope, Exchange, Exchanged, NewSession, SessionInfo, SessionStore, Spent, Successor,
};

/// More exchanges than a byte can count.
const LONG: u32 = 300;

pub(super) async fn check<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    a_token_is_exchanged_once(bench).await?;
    a_spent_token_returns_its_stored_data(bench).await?;
    missing_sessions_and_tokens_are_unknown(bench).await?;
    the_first_reason_applies(bench).await?;
    a_session_expires(bench).await?;
    an_idle_session_expires(bench).await?;
    a_chain_is_long(bench).await
}

async fn a_token_is_exchanged_once<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    let session = bench.open().await?;
    let opened = bench.found(session.id).await?;
    Rule::OpenKeeps.is(opened.last_used_at, opened.created_at, "the last use of a new session")?;
    Rule::OpenKeeps.is(bench.exchange(&session, 0, 10).await?, Exchanged::Done { generation: 1 }, "the first token")?;
    for generation in 1..5 {
        let now = 10 + u64::from(generation);
        bench.done(&session, generation, now, "a fresh token").await?;
        for spent in 0..=generation {
            Rule::Spent.is(bench.spent(&session, spent, now + 20).await?.generation, spent, "a consumed token")?;
        }
        let expected = SessionInfo { last_used_at: at(now), ..opened.clone() };
        let found = bench.found(session.id).await?;
        Rule::Done.is(found.last_used_at, expected.last_used_at, "the last use, after an exchange and rejections")?;
        Rule::Done.is(found, expected, "the session after an exchange")?;
    }
    bench.done(&session, 5, 40, "after rejections").await
}

async fn a_spent_token_returns_its_stored_data<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    let session = bench.open().await?;
    let keyed = Exchange { retry_key: Some([3; 32]), ..bench.request(session.id, 0, 10) };
    Rule::Done.is(bench.ask(&keyed).await?, Exchanged::Done { generation: 1 }, "an exchange with a retry key")?;
    let successor = Successor { digest: bench.digest(session.id, 1), issued_at: at(10), is_consumed: false };
    let mut expected = Spent { generation: 0, consumed_at: at(10), retry_key: Some([3; 32]), successor };
    let other_key = Exchange { retry_key: Some([4; 32]), ..bench.request(session.id, 0, 11) };
    Rule::Spent.is(bench.ask(&other_key).await?, Exchanged::Spent(expected), "a consumed token")?;
    Rule::Refusals.is(bench.spent(&session, 0, 12).await?, expected, "the same token after a rejection")?;

    bench.done(&session, 1, 15, "the successor").await?;
    expected.successor.is_consumed = true;
    Rule::Spent.is(bench.spent(&session, 0, 16).await?, expected, "after the successor's exchange")?;
    let successor = Successor { digest: bench.digest(session.id, 2), issued_at: at(15), is_consumed: false };
    let second = Spent { generation: 1, consumed_at: at(15), retry_key: None, successor };
    Rule::Spent.is(bench.spent(&session, 1, 16).await?, second, "an exchange without a key")
}

async fn missing_sessions_and_tokens_are_unknown<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    let (session, other) = (bench.open().await?, bench.open().await?);
    let absent = bench.session(&bench.ada, 0, 1_000);
    let unknown = |found, case| Rule::Unknown.is(found, Exchanged::Unknown, case);
    unknown(bench.exchange(&absent, 0, 10).await?, "a session that was never opened")?;
    unknown(bench.exchange(&session, 1, 10).await?, "a token that was not issued yet")?;
    let foreign = Exchange { digest: other.digest, ..bench.request(session.id, 0, 10) };
    unknown(bench.ask(&foreign).await?, "another session's token")?;
    Rule::Find.is(bench.find(absent.id).await?, None, "a session that was never opened")?;
    for session in [&session, &other] {
        let found = bench.found(session.id).await?;
        Rule::Refusals.is(found.last_used_at, at(0), "the last use, after unknown tokens")?;
        let again = bench.exchange(session, 0, 11).await?;
        Rule::Refusals.is(again, Exchanged::Done { generation: 1 }, "a fresh token, after unknown ones")?;
    }
    bench.end(&bench.ada, EndScope::One(session.id)).await?;
    unknown(bench.exchange(&session, 9, 12).await?, "an unknown token of a session that has ended")?;
    unknown(bench.exchange(&session, 9, 2_000).await?, "an unknown token of a session that has expired")
}

/// Tests a session with a consumed and a fresh token, to which several reasons for rejection apply.
async fn the_first_reason_applies<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    let session = bench.open().await?;
    bench.done(&session, 0, 10, "a fresh token").await?;
    let ask = |session: &NewSession, generation, now| Exchange {
        used_since: Some(at(now)),
        ..bench.request(session.id, generation, now)
    };
    for generation in [0, 1] {
        let (idle, late) = (ask(&session, generation, 900), ask(&session, generation, 1_000));
        let expected = if generation == 0 { Rule::Spent } else { Rule::Idle };
        let found = bench.ask(&idle).await?;
        let is_right = matches!((generation, found), (0, Exchanged::Spent(_)) | (1, Exchanged::Expired));
        expected.holds(is_right, || format!("token {generation} of an idle session was {found:?}"))?;
        Rule::Expired.is(bench.ask(&late).await?, Exchanged::Expired, "a token of an expired session")?;
    }
    let found = bench.found(session.id).await?;
    Rule::Refusals.is(found.last_used_at, at(10), "the last use, after rejections")?;
    let ended = bench.store.end(&bench.ada, EndScope::One(session.id), EndReason::Reuse, at(20)).await;
    Rule::EndWhich.is(super::works("end", ended)?, vec![session.id], "a live session")?;
    for (generation, now) in [(0, 30), (1, 30), (0, 1_000), (1, 1_000), (0, 900), (1, 900)] {
        let found = bench.ask(&ask(&session, generation, now)).await?;
        Rule::Ended.is(
            found,
            Exchanged::Ended,
            "a token of a session that has ended, and has also expired or was idle",
        )?;
    }
    let found = bench.found(session.id).await?;
    Rule::Refusals.is(found.last_used_at, at(10), "the last use, after rejections")?;
    Rule::Refusals.is(found.ended, Some((at(20), EndReason::Reuse)), "the end, after rejections")
}

async fn a_session_expires<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    let session = bench.open().await?;
    bench.done(&session, 0, 999, "just before it expires").await?;
    for generation in [0, 1] {
        let found = bench.exchange(&session, generation, 1_000).await?;
        Rule::Expired.is(found, Exchanged::Expired, "at the moment of expiry")?;
    }
    let again = bench.exchange(&session, 1, 999).await?;
    Rule::Refusals.is(again, Exchanged::Done { generation: 2 }, "a fresh token that was rejected as expired")
}

async fn an_idle_session_expires<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    let session = bench.open().await?;
    let idle = |generation, now, since| {
        let used_since = Some(at(since));
        Exchange { used_since, ..bench.request(session.id, generation, now) }
    };
    Rule::Idle.is(bench.ask(&idle(0, 50, 1)).await?, Exchanged::Expired, "used before `used_since`")?;
    let done = Exchanged::Done { generation: 1 };
    Rule::Idle.is(bench.ask(&idle(0, 50, 0)).await?, done, "used exactly at `used_since`")?;
    Rule::Idle.is(bench.ask(&idle(1, 120, 51)).await?, Exchanged::Expired, "idle since the last exchange")?;
    let found = bench.found(session.id).await?;
    Rule::Refusals.is(found.last_used_at, at(50), "the last use, after an idle token")?;
    Rule::Idle.is(bench.ask(&idle(1, 120, 50)).await?, Exchanged::Done { generation: 2 }, "used at `used_since`")
}

async fn a_chain_is_long<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    let session = bench.open().await?;
    for generation in 0..LONG {
        bench.done(&session, generation, 10, "a long chain").await?;
    }
    let spent = bench.spent(&session, LONG - 1, 11).await?;
    let successor = Successor { digest: bench.digest(session.id, LONG), issued_at: at(10), is_consumed: false };
    let expected = Spent { generation: LONG - 1, consumed_at: at(10), retry_key: None, successor };
    Rule::Spent.is(spent, expected, "the last but one of a long chain")?;
    Rule::Spent.is(bench.spent(&session, 0, 11).await?.generation, 0, "the first of a long chain")
}
