//! Rows that make no sense, and rows that nobody survives.

use std::time::Duration;

use keepstone_domain::{Job, JobState, Routine};
use keepstone_service::JobPolicy;
use keepstone_test_backends::Database;

use crate::harness::{House, POLICY, eventually};

#[tokio::test]
async fn a_row_that_makes_no_sense_is_dead_soon_and_all_others_are_done() {
    let house = House::new().await;
    let mut spoils = vec![
        ("payload = NULL".to_owned(), 1),
        ("payload = ''".to_owned(), 1),
        ("payload = '}{ garbage'".to_owned(), 1),
        (format!("payload = '{}'", "[".repeat(10_000_000)), 1),
        ("payload = '{\"kind\": \"from_the_future\", \"more\": 1}'".to_owned(), 10),
        ("payload = '{\"kind\": \"mail_message\"}'".to_owned(), 10),
    ];
    if Database::chosen() == Database::Sqlite {
        spoils.push(("payload = CAST(x'ff00fe' AS TEXT)".to_owned(), 1));
    }
    let (mut good, mut bad) = (house.write("fine", 5).await, Vec::new());
    for (spoiled, attempts) in &spoils {
        let id = house.write("fine", 1).await[0];
        house.spoil(id, spoiled).await;
        bad.push((id, *attempts, &spoiled[..spoiled.len().min(40)]));
        good.extend(house.write("fine", 5).await);
    }
    let nonsense = house.write("fine", 1).await[0];
    house.spoil(nonsense, "state = 'nonsense', kind = 'nonsense'").await;
    good.push(nonsense);
    let worker = house.work(JobPolicy { concurrency: 2, ..POLICY });
    for id in good {
        eventually("it is sent", async || house.post.copies().contains_key(&id)).await;
        assert_eq!(house.becomes(id, JobState::Done).await.attempts, 1);
    }
    for (id, attempts, what) in bad {
        let job = house.becomes(id, JobState::Dead).await;
        assert_eq!(job.attempts, attempts, "{what}: {job:?}");
        assert!(job.last_error.is_some_and(|error| !error.contains("garbage")), "what is in it may be private: {what}");
    }
    worker.stop().await;
}

#[tokio::test]
async fn what_was_begun_ten_times_and_never_ended_is_not_begun_again() {
    let house = House::new().await;
    let ids = house.write("panics", 2).await;
    house.spoil(ids[0], "attempts = 10").await;
    house.spoil(ids[1], "attempts = 2147483647").await;
    let worker = house.work(POLICY);
    for id in ids {
        let job = house.becomes(id, JobState::Dead).await;
        assert_eq!(house.post.tries(id), 0);
        assert!(job.last_error.unwrap().contains("never ended"));
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_routine_is_never_given_up() {
    let house = House::new().await;
    let is_at_rest = |job: &Job| {
        job.state == JobState::Waiting && job.due_at.is_some_and(|due| due > job.created_at + Duration::from_mins(50))
    };
    let all_at_rest = async || {
        let jobs = house.jobs(None).await;
        jobs.len() == Routine::ALL.len() && jobs.iter().all(is_at_rest)
    };
    let worker = house.work(POLICY);
    eventually("all are done", all_at_rest).await;
    worker.stop().await;
    let jobs = house.jobs(None).await;
    for (job, what) in jobs.iter().zip([
        "payload = NULL",
        "payload = 'garbage'",
        "payload = '{\"kind\": \"from_the_future\"}', attempts = 9",
        "attempts = 10",
        "attempts = 2147483647",
    ]) {
        house.spoil(job.id, what).await;
        assert_eq!(house.store.write().await.unwrap().jobs().retry(job.id).await, Ok(true));
        if let Some((_, attempts)) = what.split_once("attempts") {
            house.spoil(job.id, &format!("attempts{attempts}")).await;
        }
    }
    let worker = house.work(POLICY);
    eventually("all are at rest", async || {
        all_at_rest().await && house.jobs(None).await.iter().all(|job| job.last_error.is_some())
    })
    .await;
    assert!(house.jobs(None).await.iter().all(|job| job.attempts == 0));
    worker.stop().await;
}
