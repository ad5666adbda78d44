//! Jobs that go well: each is done, once, soon, whoever it is that does it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use keepstone_domain::{JobState, Routine};
use keepstone_service::JobPolicy;

use crate::harness::{House, POLICY, Watched, eventually};

/// Does not look for jobs by itself while a test runs.
const DEAF: JobPolicy = JobPolicy { poll_interval: Duration::from_hours(1), ..POLICY };

#[tokio::test]
async fn every_job_is_done_once_and_then_forgotten() {
    let house = House::new().await;
    let ids = house.write("fine", 50).await;
    let worker = house.work(POLICY);
    eventually("all are done", async || house.jobs(Some(JobState::Done)).await.len() == 50).await;
    let copies = house.post.copies();
    for id in ids {
        assert_eq!(copies.get(&id), Some(&1));
        let job = house.job(id).await;
        assert_eq!((job.state, job.attempts, job.due_at, job.last_error), (JobState::Done, 1, None, None));
        assert!(job.finished_at.is_some());
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_workers_share_two_thousand_jobs_and_do_none_twice() {
    let house = House::new().await;
    let mut workers = Vec::new();
    for _ in 0..4 {
        workers.push(house.work_on(house.another().await, POLICY));
    }
    for _ in 0..20 {
        house.write("fine", 100).await;
    }
    eventually("all are sent", async || house.post.sent().len() >= 2_000).await;
    eventually("all are done", async || house.jobs(Some(JobState::Done)).await.len() == 2_000).await;
    assert_eq!((house.post.sent().len(), house.post.overlaps()), (2_000, 0), "not one more");
    assert!(house.post.copies().values().all(|copies| *copies == 1));
    assert!(house.jobs(Some(JobState::Done)).await.iter().all(|job| job.attempts == 1), "each was taken once");
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test]
async fn what_this_process_writes_is_begun_without_waiting_for_the_next_look() {
    let house = House::new().await;
    let before = house.write("fine", 3).await;
    let worker = house.work(JobPolicy { concurrency: 2, ..DEAF });
    eventually("what was there", async || house.post.sent().len() == before.len()).await;
    let mut expected = before.len();
    for round in 0..60 {
        let count = if round % 10 == 0 { 20 } else { 1 };
        house.write("fine", count).await;
        expected += count;
        eventually("what is new", async || house.post.sent().len() == expected).await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn what_fails_is_tried_again_in_its_time_and_not_at_the_next_look() {
    let house = House::new().await;
    let worker = house.work(DEAF);
    let id = house.write("fails nine times", 1).await[0];
    house.becomes(id, JobState::Done).await;
    worker.stop().await;
}

#[tokio::test]
async fn an_idle_worker_asks_one_thing_at_each_look() {
    let house = House::new().await;
    let watched = Watched::new(house.another().await);
    // One at a time: it waits for more only when it has nothing in hand.
    let worker = house.work_on(watched.clone(), JobPolicy { concurrency: 1, ..DEAF });
    eventually("the routines are done", async || {
        let waiting = house.jobs(Some(JobState::Waiting)).await;
        waiting.len() == Routine::ALL.len() && waiting.iter().all(|job| job.finished_at.is_none() && is_later(job))
    })
    .await;
    watched.ring().await; // from here on it is idle
    let (reads, writes) = (watched.reads(), watched.writes());
    for _ in 0..20 {
        watched.ring().await;
    }
    assert_eq!((watched.reads() - reads, watched.writes() - writes), (20, 0));
    worker.stop().await;
}

/// Whether a job is due in about an hour.
fn is_later(job: &keepstone_domain::Job) -> bool {
    job.due_at.is_some_and(|due| due > job.created_at + Duration::from_mins(50))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_routine_is_done_once_in_its_interval_by_one_of_four_workers() {
    let house = House::new().await;
    let (mut workers, mut stores) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let store = Watched::new(house.another().await);
        workers.push(house.work_on(store.clone(), POLICY));
        stores.push(store);
    }
    let done = async || {
        let jobs = house.jobs(None).await;
        jobs.len() == Routine::ALL.len() && jobs.iter().all(|job| job.state == JobState::Waiting && is_later(job))
    };
    eventually("all routines are done", done).await;
    let before = house.jobs(None).await;
    let reads: Vec<usize> = stores.iter().map(|store| store.reads()).collect();
    for (store, reads) in stores.iter().zip(reads) {
        eventually("all have looked again", async || store.reads() > reads + 5).await;
    }
    assert_eq!(house.jobs(None).await, before, "nobody has done one again");
    assert!(before.iter().all(|job| job.attempts == 0 && job.last_error.is_none()), "{before:?}");
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test]
async fn who_could_not_look_looks_again_soon() {
    let house = House::new().await;
    let watched = Watched::new(Arc::clone(&house.store));
    let worker = house.work_on(watched.clone(), DEAF);
    for _ in 0..5 {
        watched.is_away.store(true, Ordering::SeqCst);
        let id = house.write("fine", 1).await[0];
        house.becomes(id, JobState::Done).await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_database_that_never_answers_once_does_not_end_the_work() {
    let house = House::new().await;
    let watched = Watched::new(Arc::clone(&house.store));
    let worker = house.work_on(watched.clone(), JobPolicy { lease: Duration::from_secs(1), ..POLICY });
    for (round, is_deaf) in
        [&watched.is_deaf_to_reader, &watched.is_deaf_to_writer].into_iter().cycle().take(6).enumerate()
    {
        is_deaf.store(true, Ordering::SeqCst);
        let ids = house.write("fine", 1 + round).await;
        for id in ids {
            house.becomes(id, JobState::Done).await;
        }
    }
    worker.stop().await;
}
