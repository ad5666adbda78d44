//! Subjects that look alike. Subjects that differ in one byte are different subjects.

use super::{Bench, Checked, NONE, Rule, at};
use crate::session::{EndReason, EndScope, SessionStore};

pub(super) async fn check<S: SessionStore + 'static>(bench: &Bench<S>) -> Checked {
    let session = bench.open().await?;
    for other in lookalikes(&bench.ada) {
        // A store that knows its users may reject unknown subjects.
        let listed = bench.store.list(&other, at(1)).await.unwrap_or_default();
        Rule::Subjects.holds(listed.is_empty(), || format!("{other:?} lists a session of {:?}", bench.ada))?;
        let ended = bench.store.end(&other, EndScope::All, EndReason::Logout, at(1)).await.unwrap_or_default();
        Rule::Subjects.holds(ended.is_empty(), || format!("{other:?} ended a session of {:?}", bench.ada))?;
    }
    bench.done(&session, 0, 10, "a session whose subject looks like others").await?;
    if bench.accepts_any {
        for [one, other] in twins() {
            two_subjects(bench, &one, &other).await?;
        }
    }
    Ok(())
}

fn lookalikes(subject: &str) -> Vec<String> {
    let mut others = vec![
        subject.to_uppercase(),
        subject.to_lowercase(),
        format!("{subject} "),
        format!(" {subject}"),
        format!("{subject}x"),
        subject.chars().skip(1).collect(),
        subject.chars().take(subject.chars().count() - 1).collect(),
        "%".to_owned(),
    ];
    others.retain(|other| other != subject && !other.is_empty());
    others
}

/// Returns pairs of subjects that a database or a careless implementation may compare as equal.
fn twins() -> Vec<[String; 2]> {
    let mut twins: Vec<[String; 2]> = [
        ["Subject", "subject"],
        ["subject 1", "subject 1 "],
        [" subject 2", "subject 2"],
        ["stra\u{df}e", "strasse"],
        ["caf\u{e9}", "cafe\u{301}"],
        ["\u{130}d", "id"],
        ["007", "7"],
        ["a_c", "abc"],
        ["a%", "ab"],
    ]
    .map(|pair| pair.map(str::to_owned))
    .into();
    for length in [16, 32, 36, 64, 128, 255] {
        twins.push(["1", "2"].map(|last| "x".repeat(length - 1) + last));
    }
    twins.push(["1", "2"].map(|last| "\u{e9}".repeat(127) + last));
    twins
}

async fn two_subjects<S: SessionStore + 'static>(bench: &Bench<S>, one: &str, other: &str) -> Checked {
    let (first, second) = (bench.session(one, 0, 1_000), bench.session(other, 1, 1_000));
    bench.keep(&first, 1).await?;
    Rule::Subjects.is(&*bench.keep(&second, 1).await?, &NONE, &format!("the session of {one:?} beside {other:?}"))?;
    for session in [&first, &second] {
        let subject = &session.subject;
        Rule::Subjects.is(&bench.found(session.id).await?.subject, subject, "the subject of a session")?;
        Rule::Subjects.is(
            bench.listed(subject, 2).await?,
            vec![session.id],
            &format!("the sessions of {subject:?}"),
        )?;
        let ended = bench.end(subject, EndScope::All).await?;
        Rule::Subjects.is(ended, vec![session.id], &format!("the ended sessions of {subject:?}"))?;
    }
    Ok(())
}
