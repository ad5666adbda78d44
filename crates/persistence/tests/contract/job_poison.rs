//! Corrupt rows that no version of Keepstone has written: other jobs do not wait because of them.

use keepstone_domain::{JobId, JobOutcome, JobState};
use keepstone_repository::StorageError;

use crate::{
    harness::Opened,
    job::{due, ids, settle, state, taken, written},
};

/// Corrupts a job, bypassing the store.
async fn spoil(opened: &Opened, id: JobId, what: &str) {
    let id = opened.literal(id);
    opened.raw().await.run(&format!("UPDATE jobs SET {what} WHERE public_id = {id}")).await;
}

#[tokio::test]
async fn a_corrupt_job_is_listed_leased_and_ended_like_any_other() {
    let opened = Opened::migrated().await;
    let mut spoils = vec![
        "payload = NULL".to_owned(),
        "payload = ''".to_owned(),
        "payload = '}{ \u{202e}garbage'".to_owned(),
        "payload = '{\"kind\": \"from_the_future\"}'".to_owned(),
        format!("payload = '{}'", "[".repeat(10_000_000)),
        "kind = 'from_the_future'".to_owned(),
        "state = 'nonsense'".to_owned(),
        "attempts = -1".to_owned(),
        "attempts = 2147483647".to_owned(),
    ];
    if opened.is_sqlite() {
        spoils.push("payload = CAST(x'ff00fe' AS TEXT)".to_owned());
        spoils.push("kind = CAST(x'ff00fe' AS TEXT), last_error = CAST(x'ff' AS TEXT)".to_owned());
    }
    for spoiled in spoils {
        let short = spoiled.chars().take(60).collect::<String>();
        opened.raw().await.run("DELETE FROM jobs").await;
        let (before, poison, after) = (written(&opened).await, written(&opened).await, written(&opened).await);
        spoil(&opened, poison, &spoiled).await;
        assert_eq!(ids(&due(&*opened, 9).await), [before, poison, after], "{short}");
        let found = due(&*opened, 9).await;
        let until = found.now + crate::job::LEASE;
        let claimed = opened
            .transaction(async |tx| {
                for job in &found.ready {
                    if !tx.jobs().claim(job, until).await? {
                        return Ok(false);
                    }
                }
                Ok::<_, StorageError>(true)
            })
            .await;
        assert_eq!(claimed, Ok(true), "{short}");
        let read = opened.read().await.unwrap().jobs().find_task(poison).await;
        assert!(matches!(read, Ok(_) | Err(StorageError::Corrupt(_))), "{short}: {read:?}");
        let dead = JobOutcome::Dead { error: "no".to_owned() };
        assert_eq!(settle(&*opened, poison, until, &dead).await, Ok(true), "{short}");
        for id in [before, after] {
            assert_eq!(settle(&*opened, id, until, &JobOutcome::Done).await, Ok(true));
        }
    }
}

#[tokio::test]
async fn a_job_in_an_unknown_state_is_ended_or_gets_a_known_state() {
    let opened = Opened::migrated().await;
    let id = written(&opened).await;
    spoil(&opened, id, "state = 'nonsense'").await;
    let found = opened.read().await.unwrap().jobs().find(id).await;
    assert!(matches!(found, Err(StorageError::Corrupt(_))), "{found:?}");
    assert_eq!(opened.write().await.unwrap().jobs().retry(id).await, Ok(false));
    taken(&opened, id).await;
    assert_eq!(state(&opened, id).await, (JobState::Running, 1));
    spoil(&opened, id, "state = 'nonsense', due_at = NULL").await;
    assert_eq!(due(&*opened, 9).await.ready, []);
}
