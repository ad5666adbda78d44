//! Jobs that fail, hang or panic, or whose process dies.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use keepstone_domain::JobState;
use keepstone_service::JobPolicy;

use crate::harness::{Fixture, POLICY, Watched, eventually};

#[tokio::test]
async fn a_failing_job_is_tried_ten_times_under_one_id() {
    let fixture = Fixture::new().await;
    let id = fixture.write("fails nine times", 1).await[0];
    let worker = fixture.work(POLICY);
    let job = fixture.becomes(id, JobState::Done).await;
    assert_eq!((job.attempts, job.last_error), (10, None));
    assert_eq!(fixture.post.tries(id), 10);
    assert_eq!(fixture.post.copies()[&id], 1);
    worker.stop().await;
}

#[tokio::test]
async fn a_job_that_fails_ten_times_is_dead_until_an_operator_retries_it() {
    let fixture = Fixture::new().await;
    let worker = fixture.work(POLICY);
    let id = fixture.write("fails", 1).await[0];
    for round in 1..=2 {
        let job = fixture.becomes(id, JobState::Dead).await;
        assert_eq!((job.attempts, job.due_at, fixture.post.tries(id)), (10, None, 10 * round));
        let error = format!("the e-mail could not be handed over: no luck {}", 10 * round);
        assert_eq!(job.last_error, Some(error));
        assert_eq!(fixture.store.write().await.unwrap().jobs().retry(id).await, Ok(true));
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_rejected_email_is_dead_at_once() {
    let fixture = Fixture::new().await;
    let worker = fixture.work(POLICY);
    let id = fixture.write("refused", 1).await[0];
    let job = fixture.becomes(id, JobState::Dead).await;
    assert_eq!((job.attempts, fixture.post.tries(id)), (1, 1));
    assert_eq!(job.last_error.as_deref(), Some("the e-mail was rejected: 550 no such mailbox"));
    worker.stop().await;
}

#[tokio::test]
async fn a_hanging_attempt_ends_before_its_lease_and_does_not_block_others() {
    let fixture = Fixture::new().await;
    let worker = fixture.work(JobPolicy { lease: Duration::from_secs(3), concurrency: 2, ..POLICY });
    let id = fixture.write("hangs once", 1).await[0];
    let others = fixture.write("fine", 20).await;
    for id in others {
        fixture.becomes(id, JobState::Done).await;
    }
    eventually("the failed attempt is recorded", async || {
        fixture.job(id).await.last_error.is_some() || fixture.post.tries(id) > 1
    })
    .await;
    let job = fixture.becomes(id, JobState::Done).await;
    assert_eq!((job.attempts, fixture.post.tries(id)), (2, 2), "the worker ends the attempt, not the end of the lease");
    worker.stop().await;
}

#[tokio::test]
async fn an_attempt_that_began_late_in_its_lease_ends_before_its_lease() {
    const LEASE: Duration = Duration::from_secs(8);
    let fixture = Fixture::new().await;
    let watched = Watched::new(Arc::clone(&fixture.store));
    let id = fixture.write("hangs once", 1).await[0];
    let closed = watched.begin_lock.lock().await;
    let worker = fixture.work_on(watched.clone(), JobPolicy { lease: LEASE, ..POLICY });
    eventually("the worker has seen the job", async || watched.reads() > 0).await;
    let seen = Instant::now();
    eventually("half of the lease is over", async || seen.elapsed() > LEASE / 2).await;
    assert_eq!(fixture.post.tries(id), 0);
    drop(closed);
    fixture.becomes(id, JobState::Done).await;
    assert_eq!((fixture.post.tries(id), fixture.post.overlaps()), (2, 0));
    worker.stop().await;
}

#[tokio::test]
async fn a_panicking_job_is_retried_like_a_failing_one() {
    let fixture = Fixture::new().await;
    // Nothing else wakes the worker, so the panic itself must be recorded.
    let worker = fixture.work(JobPolicy { lease: Duration::from_hours(1), ..POLICY });
    let once = fixture.write("panics once", 20).await;
    let always = fixture.write("panics", 2).await;
    for id in once {
        let job = fixture.becomes(id, JobState::Done).await;
        assert_eq!((job.attempts, fixture.post.copies()[&id]), (2, 1));
    }
    for id in always {
        let job = fixture.becomes(id, JobState::Dead).await;
        assert_eq!((job.attempts, fixture.post.tries(id)), (10, 10));
        assert_eq!(job.last_error.as_deref(), Some("the attempt panicked: see the log"));
    }
    worker.stop().await;
}

#[tokio::test]
async fn an_email_sent_during_a_database_outage_is_not_sent_again() {
    let fixture = Fixture::new().await;
    let watched = Watched::new(Arc::clone(&fixture.store));
    let worker = fixture.work_on(watched.clone(), POLICY);
    for round in 1..=5 {
        let id = fixture.write("wait", 1).await[0];
        eventually("the attempt has started", async || fixture.post.tries(id) == 1).await;
        watched.failing_transactions.store(round, Ordering::SeqCst);
        fixture.post.permits.add_permits(1);
        let job = fixture.becomes(id, JobState::Done).await;
        assert_eq!((job.attempts, fixture.post.copies()[&id]), (1, 1));
    }
    worker.stop().await;
}

#[tokio::test]
async fn another_process_executes_the_job_of_a_dead_one_when_its_lease_ends() {
    let fixture = Fixture::new().await;
    let ids = fixture.write("fine", 5).await;
    for id in &ids {
        fixture.take(*id, Duration::from_millis(50)).await;
    }
    let worker = fixture.work(POLICY);
    for id in ids {
        let job = fixture.becomes(id, JobState::Done).await;
        assert_eq!((job.attempts, fixture.post.copies()[&id]), (2, 1));
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_workers_lose_no_job_and_resend_only_their_running_ones() {
    const KILLS: usize = 12;
    let fixture = Fixture::new().await;
    let policy = JobPolicy { lease: Duration::from_secs(3), ..POLICY };
    let mut workers = Vec::new();
    for _ in 0..4 {
        workers.push(fixture.work_on(fixture.another().await, policy));
    }
    for kill in 1..=KILLS {
        fixture.write("fine", 50).await;
        let sent = fixture.post.sent().len();
        eventually("something is sent", async || fixture.post.sent().len() > sent + 10).await;
        workers.remove(kill % 4).kill().await;
        workers.push(fixture.work_on(fixture.another().await, policy));
    }
    eventually("all are done", async || fixture.jobs(Some(JobState::Done)).await.len() == 50 * KILLS).await;
    let copies = fixture.post.copies();
    assert_eq!(copies.len(), 50 * KILLS, "none is missing");
    let doubles = fixture.post.sent().len() - copies.len();
    assert!(doubles <= KILLS * policy.concurrency, "{doubles}");
    for worker in workers {
        worker.stop().await;
    }
}
