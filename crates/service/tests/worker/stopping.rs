//! Stopping a worker: its running jobs are finished, or executed by other workers at once.

use std::time::Duration;

use keepstone_domain::JobState;
use keepstone_service::JobPolicy;

use crate::harness::{Fixture, POLICY, eventually};

/// Longer than any test: no job is executed because a lease has ended.
const LONG: JobPolicy = JobPolicy { lease: Duration::from_hours(1), ..POLICY };

#[tokio::test]
async fn an_idle_worker_stops_at_once_and_takes_no_more_jobs() {
    let fixture = Fixture::new().await;
    let worker = fixture.work(JobPolicy { poll_interval: Duration::from_hours(1), ..LONG });
    let id = fixture.write("fine", 1).await[0];
    fixture.becomes(id, JobState::Done).await;
    tokio::time::timeout(Duration::from_secs(4), worker.stop()).await.unwrap();
    let id = fixture.write("fine", 1).await[0];
    let another = fixture.work(LONG);
    fixture.becomes(id, JobState::Done).await;
    assert_eq!(fixture.job(id).await.attempts, 1);
    another.stop().await;
}

#[tokio::test]
async fn running_jobs_finish_before_the_worker_stops() {
    let fixture = Fixture::new().await;
    let worker = fixture.work(LONG);
    let ids = fixture.write("wait", 4).await;
    eventually("all attempts have started", async || ids.iter().all(|id| fixture.post.tries(*id) == 1)).await;
    let waiting = fixture.write("fine", 3).await;
    let stopped = tokio::spawn(worker.stop());
    tokio::task::yield_now().await;
    fixture.post.permits.add_permits(4);
    stopped.await.unwrap();
    for id in ids {
        assert_eq!((fixture.job(id).await.state, fixture.post.copies()[&id]), (JobState::Done, 1));
    }
    for id in waiting {
        assert_ne!(fixture.job(id).await.state, JobState::Running, "no other job was started");
    }
}

#[tokio::test]
async fn unfinished_jobs_are_released_and_executed_by_another_worker_at_once() {
    let fixture = Fixture::new().await;
    let worker = fixture.work(LONG);
    let ids = fixture.write("hangs once", 3).await;
    eventually("all attempts have started", async || ids.iter().all(|id| fixture.post.tries(*id) == 1)).await;
    worker.stop().await;
    for id in &ids {
        let job = fixture.job(*id).await;
        assert_eq!((job.state, job.attempts), (JobState::Waiting, 0), "the attempt does not count");
    }
    let another = fixture.work_on(fixture.another().await, LONG);
    for id in ids {
        let job = fixture.becomes(id, JobState::Done).await;
        assert_eq!((job.attempts, fixture.post.copies()[&id]), (1, 1));
    }
    another.stop().await;
}
