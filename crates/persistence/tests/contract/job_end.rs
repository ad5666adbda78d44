//! Outcomes of attempts, retries, lists of jobs, and their deletion.

use std::time::Duration;

use keepstone_domain::{JobFilter, JobId, JobOutcome, JobState, Page, PageRequest, Start, Timestamp};

use crate::{
    harness::{Opened, at},
    job::{HOUR, due, ids, settle, state, taken, written},
};

fn dead(error: &str) -> JobOutcome {
    JobOutcome::Dead { error: error.to_owned() }
}

/// Creates a job with this outcome, recorded at the fifth microsecond.
async fn ended(opened: &Opened, outcome: &JobOutcome) -> JobId {
    let id = written(opened).await;
    let lease = taken(opened, id).await;
    assert_eq!(settle(&**opened, id, lease, outcome).await, Ok(true));
    id
}

#[tokio::test]
async fn a_completed_job_keeps_only_its_outcome() {
    let opened = Opened::migrated().await;
    let id = written(&opened).await;
    let lease = taken(&opened, id).await;
    let again = JobOutcome::Again { after: Duration::ZERO, attempts: 1, error: Some("once".to_owned()) };
    assert_eq!(settle(&*opened, id, lease, &again).await, Ok(true));
    let lease = taken(&opened, id).await;
    assert_eq!(settle(&*opened, id, lease, &JobOutcome::Done).await, Ok(true));
    assert_eq!(settle(&*opened, id, lease, &JobOutcome::Done).await, Ok(false), "twice");
    assert_eq!(settle(&*opened, id, lease, &dead("late")).await, Ok(false));
    let mut reader = opened.read().await.unwrap();
    let job = reader.jobs().find(id).await.unwrap().unwrap();
    assert_eq!((job.state, job.attempts, job.due_at), (JobState::Done, 2, None));
    assert_eq!((job.finished_at, job.last_error), (Some(at(5)), None));
    assert_eq!(reader.jobs().find_task(id).await, Ok(None));
}

#[tokio::test]
async fn a_failed_job_waits_for_its_retry_and_reports_the_error_in_one_line() {
    let opened = Opened::migrated().await;
    let id = written(&opened).await;
    let lease = taken(&opened, id).await;
    let error = Some(format!("first\r\nsecond\0\u{1b}[2J{}", "é👋".repeat(400)));
    let again = JobOutcome::Again { after: HOUR, attempts: 7, error };
    assert_eq!(settle(&*opened, id, lease, &again).await, Ok(true));
    assert_eq!(settle(&*opened, id, lease, &again).await, Ok(false), "twice");
    let found = due(&*opened, 9).await;
    assert_eq!(ids(&found), []);
    let mut reader = opened.read().await.unwrap();
    let job = reader.jobs().find(id).await.unwrap().unwrap();
    assert_eq!((job.state, job.attempts, job.finished_at), (JobState::Waiting, 7, None));
    let error = job.last_error.unwrap();
    assert!(error.starts_with("first  second  [2Jé👋") && error.chars().count() == 500, "{error}");
    assert!(reader.jobs().find_task(id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_dead_job_keeps_its_payload_and_can_be_retried() {
    let opened = Opened::migrated().await;
    let id = ended(&opened, &dead("for\never")).await;
    let job = opened.read().await.unwrap().jobs().find(id).await.unwrap().unwrap();
    assert_eq!((job.state, job.attempts, job.due_at), (JobState::Dead, 1, None));
    assert_eq!((job.finished_at, job.last_error.as_deref()), (Some(at(5)), Some("for ever")));

    assert_eq!(opened.write().await.unwrap().jobs().retry(id).await, Ok(true));
    let job = opened.read().await.unwrap().jobs().find(id).await.unwrap().unwrap();
    assert_eq!((job.state, job.attempts, job.finished_at), (JobState::Waiting, 0, None));
    assert_eq!(ids(&due(&*opened, 9).await), [id]);
    assert!(opened.read().await.unwrap().jobs().find_task(id).await.unwrap().is_some());
    let lease = taken(&opened, id).await;
    assert_eq!(settle(&*opened, id, lease, &JobOutcome::Done).await, Ok(true));
}

#[tokio::test]
async fn a_waiting_job_can_be_retried_but_not_a_completed_or_running_one() {
    let opened = Opened::migrated().await;
    let later = JobOutcome::Again { after: HOUR, attempts: 4, error: None };
    let waiting = ended(&opened, &later).await;
    let done = ended(&opened, &JobOutcome::Done).await;
    let running = written(&opened).await;
    taken(&opened, running).await;
    let mut writer = opened.write().await.unwrap();
    for (id, expected) in [(waiting, true), (done, false), (running, false)] {
        assert_eq!(writer.jobs().retry(id).await, Ok(expected));
    }
    drop(writer);
    assert_eq!(ids(&due(&*opened, 9).await), [waiting]);
    assert_eq!(state(&opened, waiting).await, (JobState::Waiting, 0));
    assert_eq!(state(&opened, done).await, (JobState::Done, 1));
    assert_eq!(state(&opened, running).await, (JobState::Running, 1));
}

#[tokio::test]
async fn jobs_can_be_filtered_by_state_with_their_own_total() {
    let opened = Opened::migrated().await;
    let mut all: [Vec<JobId>; 4] = Default::default();
    for _ in 0..3 {
        all[0].push(written(&opened).await);
        let running = written(&opened).await;
        taken(&opened, running).await;
        all[1].push(running);
        all[2].push(ended(&opened, &JobOutcome::Done).await);
        all[3].push(ended(&opened, &dead("no")).await);
    }
    let mut reader = opened.read().await.unwrap();
    for (state, mut expected) in JobState::ALL.into_iter().zip(all) {
        expected.sort_unstable_by_key(|id| std::cmp::Reverse(uuid::Uuid::from(*id)));
        let filter = JobFilter { state: Some(state) };
        let page = reader.jobs().list(&filter, &PageRequest::first(2)).await.unwrap();
        assert!(page.items.iter().all(|job| job.state == state));
        assert_eq!(page.items.iter().map(|job| job.id).collect::<Vec<_>>(), expected[..2]);
        assert_eq!(page.total, Some(3), "{state:?}");
        let rest = PageRequest { start: Start::After(page.next.unwrap()), ..PageRequest::first(2) };
        let page = reader.jobs().list(&filter, &rest).await.unwrap();
        assert_eq!(page.items.iter().map(|job| job.id).collect::<Vec<_>>(), expected[2..]);
        assert_eq!((page.total, page.next), (Some(3), None));
        let without_total = PageRequest { with_total: false, ..rest };
        assert_eq!(reader.jobs().list(&filter, &without_total).await, Ok(Page { total: None, ..page }));
    }
    let all = reader.jobs().list(&JobFilter::default(), &PageRequest::first(5)).await.unwrap();
    assert_eq!((all.items.len(), all.total), (5, Some(12)));
}

#[tokio::test]
async fn jobs_that_ended_long_ago_are_deleted_in_batches() {
    let opened = Opened::migrated().await;
    let mut kept = vec![written(&opened).await];
    taken(&opened, kept[0]).await;
    kept.push(ended(&opened, &JobOutcome::Again { after: HOUR, attempts: 1, error: None }).await);
    let (mut done, mut dead_ones) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        done.push(ended(&opened, &JobOutcome::Done).await);
        dead_ones.push(ended(&opened, &dead("no")).await);
    }
    let delete = async |done: i64, dead: i64, limit| {
        opened.write().await.unwrap().jobs().delete_old(at(done), at(dead), limit).await
    };
    assert_eq!(delete(5, 5, 100).await, Ok(0), "they ended at exactly that time");
    assert_eq!(delete(6, 6, 0).await, Ok(0));
    assert_eq!(delete(6, 5, 2).await, Ok(2));
    assert_eq!(delete(6, 5, 100).await, Ok(3));
    for id in &dead_ones {
        assert_eq!(state(&opened, *id).await.0, JobState::Dead);
    }
    assert_eq!(opened.write().await.unwrap().jobs().retry(dead_ones[0]).await, Ok(true));
    kept.push(dead_ones[0]);
    assert_eq!(delete(5, 6, 100).await, Ok(4), "one of them is to be retried");
    assert_eq!(delete(6, 6, 100).await, Ok(0));
    let mut reader = opened.read().await.unwrap();
    for id in kept {
        assert!(reader.jobs().find(id).await.unwrap().is_some());
    }
    let never = Timestamp::UNIX_EPOCH;
    drop(reader);
    assert_eq!(opened.write().await.unwrap().jobs().delete_old(never, never, 9).await, Ok(0));
}
