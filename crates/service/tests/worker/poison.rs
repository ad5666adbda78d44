//! Invalid rows, and rows that crash every process.

use std::time::Duration;

use keepstone_domain::{Job, JobState, Routine};
use keepstone_service::JobPolicy;
use keepstone_test_backends::Database;

use crate::harness::{Fixture, POLICY, eventually};

#[tokio::test]
async fn an_invalid_row_is_soon_dead_and_all_others_are_executed() {
    let fixture = Fixture::new().await;
    let mut corruptions = vec![
        ("payload = NULL".to_owned(), 1),
        ("payload = ''".to_owned(), 1),
        ("payload = '}{ garbage'".to_owned(), 1),
        (format!("payload = '{}'", "[".repeat(10_000_000)), 1),
        ("payload = '{\"kind\": \"from_the_future\", \"more\": 1}'".to_owned(), 10),
        ("payload = '{\"kind\": \"mail_message\"}'".to_owned(), 10),
    ];
    if Database::chosen() == Database::Sqlite {
        corruptions.push(("payload = CAST(x'ff00fe' AS TEXT)".to_owned(), 1));
    }
    let (mut good, mut bad) = (fixture.write("fine", 5).await, Vec::new());
    for (corruption, attempts) in &corruptions {
        let id = fixture.write("fine", 1).await[0];
        fixture.corrupt(id, corruption).await;
        bad.push((id, *attempts, &corruption[..corruption.len().min(40)]));
        good.extend(fixture.write("fine", 5).await);
    }
    let nonsense = fixture.write("fine", 1).await[0];
    fixture.corrupt(nonsense, "state = 'nonsense', kind = 'nonsense'").await;
    good.push(nonsense);
    let worker = fixture.work(JobPolicy { concurrency: 2, ..POLICY });
    for id in good {
        eventually("the e-mail is sent", async || fixture.post.copies().contains_key(&id)).await;
        assert_eq!(fixture.becomes(id, JobState::Done).await.attempts, 1);
    }
    for (id, attempts, what) in bad {
        let job = fixture.becomes(id, JobState::Dead).await;
        assert_eq!(job.attempts, attempts, "{what}: {job:?}");
        assert!(job.last_error.is_some_and(|error| !error.contains("garbage")), "the payload may be private: {what}");
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_job_started_ten_times_that_never_ended_is_not_started_again() {
    let fixture = Fixture::new().await;
    let ids = fixture.write("panics", 2).await;
    fixture.corrupt(ids[0], "attempts = 10").await;
    fixture.corrupt(ids[1], "attempts = 2147483647").await;
    let worker = fixture.work(POLICY);
    for id in ids {
        let job = fixture.becomes(id, JobState::Dead).await;
        assert_eq!(fixture.post.tries(id), 0);
        assert!(job.last_error.unwrap().contains("never ended"));
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_routine_never_dies() {
    let fixture = Fixture::new().await;
    let is_at_rest = |job: &Job| {
        job.state == JobState::Waiting && job.due_at.is_some_and(|due| due > job.created_at + Duration::from_mins(50))
    };
    let all_at_rest = async || {
        let jobs = fixture.jobs(None).await;
        jobs.len() == Routine::ALL.len() && jobs.iter().all(is_at_rest)
    };
    let worker = fixture.work(POLICY);
    eventually("all are done", all_at_rest).await;
    worker.stop().await;
    let jobs = fixture.jobs(None).await;
    for (job, what) in jobs.iter().zip([
        "payload = NULL",
        "payload = 'garbage'",
        "payload = '{\"kind\": \"from_the_future\"}', attempts = 9",
        "attempts = 10",
        "attempts = 2147483647",
    ]) {
        fixture.corrupt(job.id, what).await;
        assert_eq!(fixture.store.write().await.unwrap().jobs().retry(job.id).await, Ok(true));
        if let Some((_, attempts)) = what.split_once("attempts") {
            fixture.corrupt(job.id, &format!("attempts{attempts}")).await;
        }
    }
    let worker = fixture.work(POLICY);
    eventually("all are at rest", async || {
        all_at_rest().await && fixture.jobs(None).await.iter().all(|job| job.last_error.is_some())
    })
    .await;
    assert!(fixture.jobs(None).await.iter().all(|job| job.attempts == 0));
    worker.stop().await;
}
