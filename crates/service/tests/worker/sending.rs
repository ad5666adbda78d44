//! Successful jobs: each is executed once, and soon, by any worker.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use keepstone_domain::{JobState, Routine};
use keepstone_service::JobPolicy;

use crate::harness::{Fixture, POLICY, Watched, eventually};

/// Never polls for jobs during a test.
const NO_POLLING: JobPolicy = JobPolicy { poll_interval: Duration::from_hours(1), ..POLICY };

#[tokio::test]
async fn every_job_is_executed_once() {
    let fixture = Fixture::new().await;
    let ids = fixture.write("fine", 50).await;
    let worker = fixture.work(POLICY);
    eventually("all are done", async || fixture.jobs(Some(JobState::Done)).await.len() == 50).await;
    let copies = fixture.post.copies();
    for id in ids {
        assert_eq!(copies.get(&id), Some(&1));
        let job = fixture.job(id).await;
        assert_eq!((job.state, job.attempts, job.due_at, job.last_error), (JobState::Done, 1, None, None));
        assert!(job.finished_at.is_some());
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_workers_share_two_thousand_jobs_and_execute_each_once() {
    let fixture = Fixture::new().await;
    let mut workers = Vec::new();
    for _ in 0..4 {
        workers.push(fixture.work_on(fixture.another().await, POLICY));
    }
    for _ in 0..20 {
        fixture.write("fine", 100).await;
    }
    eventually("all are sent", async || fixture.post.sent().len() >= 2_000).await;
    eventually("all are done", async || fixture.jobs(Some(JobState::Done)).await.len() == 2_000).await;
    assert_eq!((fixture.post.sent().len(), fixture.post.overlaps()), (2_000, 0), "no job is executed twice");
    assert!(fixture.post.copies().values().all(|copies| *copies == 1));
    assert!(fixture.jobs(Some(JobState::Done)).await.iter().all(|job| job.attempts == 1), "each job was leased once");
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test]
async fn jobs_of_this_process_start_without_waiting_for_the_next_poll() {
    let fixture = Fixture::new().await;
    let before = fixture.write("fine", 3).await;
    let worker = fixture.work(JobPolicy { concurrency: 2, ..NO_POLLING });
    eventually("the earlier jobs are sent", async || fixture.post.sent().len() == before.len()).await;
    let mut expected = before.len();
    for round in 0..60 {
        let count = if round % 10 == 0 { 20 } else { 1 };
        fixture.write("fine", count).await;
        expected += count;
        eventually("the new jobs are sent", async || fixture.post.sent().len() == expected).await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_failed_job_is_retried_when_due_and_not_at_the_next_poll() {
    let fixture = Fixture::new().await;
    let worker = fixture.work(NO_POLLING);
    let id = fixture.write("fails nine times", 1).await[0];
    fixture.becomes(id, JobState::Done).await;
    worker.stop().await;
}

#[tokio::test]
async fn an_idle_worker_sends_one_query_at_each_poll() {
    let fixture = Fixture::new().await;
    let watched = Watched::new(fixture.another().await);
    // With a concurrency of one, the worker waits for more jobs only when none is running.
    let worker = fixture.work_on(watched.clone(), JobPolicy { concurrency: 1, ..NO_POLLING });
    eventually("the routines are done", async || {
        let waiting = fixture.jobs(Some(JobState::Waiting)).await;
        waiting.len() == Routine::ALL.len() && waiting.iter().all(|job| job.finished_at.is_none() && is_later(job))
    })
    .await;
    watched.wake().await; // the worker is idle from here on
    let (reads, writes) = (watched.reads(), watched.writes());
    for _ in 0..20 {
        watched.wake().await;
    }
    assert_eq!((watched.reads() - reads, watched.writes() - writes), (20, 0));
    worker.stop().await;
}

/// Returns whether a job is due in about an hour.
fn is_later(job: &keepstone_domain::Job) -> bool {
    job.due_at.is_some_and(|due| due > job.created_at + Duration::from_mins(50))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_routine_runs_once_in_its_interval_on_one_of_four_workers() {
    let fixture = Fixture::new().await;
    let (mut workers, mut stores) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let store = Watched::new(fixture.another().await);
        workers.push(fixture.work_on(store.clone(), POLICY));
        stores.push(store);
    }
    let done = async || {
        let jobs = fixture.jobs(None).await;
        jobs.len() == Routine::ALL.len() && jobs.iter().all(|job| job.state == JobState::Waiting && is_later(job))
    };
    eventually("all routines are done", done).await;
    let before = fixture.jobs(None).await;
    let reads: Vec<usize> = stores.iter().map(|store| store.reads()).collect();
    for (store, reads) in stores.iter().zip(reads) {
        eventually("all workers have polled again", async || store.reads() > reads + 5).await;
    }
    assert_eq!(fixture.jobs(None).await, before, "no worker has repeated a routine");
    assert!(before.iter().all(|job| job.attempts == 0 && job.last_error.is_none()), "{before:?}");
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_worker_whose_poll_failed_polls_again_soon() {
    let fixture = Fixture::new().await;
    let watched = Watched::new(Arc::clone(&fixture.store));
    let worker = fixture.work_on(watched.clone(), NO_POLLING);
    for _ in 0..5 {
        watched.fails_next_read.store(true, Ordering::SeqCst);
        let id = fixture.write("fine", 1).await[0];
        fixture.becomes(id, JobState::Done).await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_query_without_a_response_does_not_stop_the_worker() {
    let fixture = Fixture::new().await;
    let watched = Watched::new(Arc::clone(&fixture.store));
    let worker = fixture.work_on(watched.clone(), JobPolicy { lease: Duration::from_secs(1), ..POLICY });
    for (round, hangs_next) in
        [&watched.hangs_next_read, &watched.hangs_next_write].into_iter().cycle().take(6).enumerate()
    {
        hangs_next.store(true, Ordering::SeqCst);
        let ids = fixture.write("fine", 1 + round).await;
        for id in ids {
            fixture.becomes(id, JobState::Done).await;
        }
    }
    worker.stop().await;
}
