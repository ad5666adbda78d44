//! Jobs that fail, hang, panic, or lose whoever does them.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use keepstone_domain::JobState;
use keepstone_service::JobPolicy;

use crate::harness::{House, POLICY, Watched, eventually};

#[tokio::test]
async fn what_fails_is_tried_ten_times_under_one_id() {
    let house = House::new().await;
    let id = house.write("fails nine times", 1).await[0];
    let worker = house.work(POLICY);
    let job = house.becomes(id, JobState::Done).await;
    assert_eq!((job.attempts, job.last_error), (10, None));
    assert_eq!(house.post.tries(id), 10);
    assert_eq!(house.post.copies()[&id], 1);
    worker.stop().await;
}

#[tokio::test]
async fn what_fails_ten_times_is_dead_until_somebody_has_it_tried_again() {
    let house = House::new().await;
    let worker = house.work(POLICY);
    let id = house.write("fails", 1).await[0];
    for round in 1..=2 {
        let job = house.becomes(id, JobState::Dead).await;
        assert_eq!((job.attempts, job.due_at, house.post.tries(id)), (10, None, 10 * round));
        let error = format!("the e-mail could not be handed over: no luck {}", 10 * round);
        assert_eq!(job.last_error, Some(error));
        assert_eq!(house.store.write().await.unwrap().jobs().retry(id).await, Ok(true));
    }
    worker.stop().await;
}

#[tokio::test]
async fn what_is_refused_is_dead_at_once() {
    let house = House::new().await;
    let worker = house.work(POLICY);
    let id = house.write("refused", 1).await[0];
    let job = house.becomes(id, JobState::Dead).await;
    assert_eq!((job.attempts, house.post.tries(id)), (1, 1));
    assert_eq!(job.last_error.as_deref(), Some("the e-mail was rejected: 550 no such mailbox"));
    worker.stop().await;
}

#[tokio::test]
async fn what_hangs_is_ended_before_its_lease_is_and_others_go_on_meanwhile() {
    let house = House::new().await;
    let worker = house.work(JobPolicy { lease: Duration::from_secs(3), concurrency: 2, ..POLICY });
    let id = house.write("hangs once", 1).await[0];
    let others = house.write("fine", 20).await;
    for id in others {
        house.becomes(id, JobState::Done).await;
    }
    eventually("it was noted that it hung", async || {
        house.job(id).await.last_error.is_some() || house.post.tries(id) > 1
    })
    .await;
    let job = house.becomes(id, JobState::Done).await;
    assert_eq!((job.attempts, house.post.tries(id)), (2, 2), "by the worker itself, and not by the end of the lease");
    worker.stop().await;
}

#[tokio::test]
async fn an_attempt_that_began_late_in_its_lease_is_ended_before_its_lease_is() {
    const LEASE: Duration = Duration::from_secs(8);
    let house = House::new().await;
    let watched = Watched::new(Arc::clone(&house.store));
    let id = house.write("hangs once", 1).await[0];
    let closed = watched.door.lock().await;
    let worker = house.work_on(watched.clone(), JobPolicy { lease: LEASE, ..POLICY });
    eventually("it has seen the job", async || watched.reads() > 0).await;
    let seen = Instant::now();
    eventually("half of the lease is over", async || seen.elapsed() > LEASE / 2).await;
    assert_eq!(house.post.tries(id), 0);
    drop(closed);
    house.becomes(id, JobState::Done).await;
    assert_eq!((house.post.tries(id), house.post.overlaps()), (2, 0));
    worker.stop().await;
}

#[tokio::test]
async fn what_panics_is_tried_again_and_ends_like_what_fails() {
    let house = House::new().await;
    // Nothing else ends its sleep: a panic has to be noted by whoever sees it.
    let worker = house.work(JobPolicy { lease: Duration::from_hours(1), ..POLICY });
    let once = house.write("panics once", 20).await;
    let always = house.write("panics", 2).await;
    for id in once {
        let job = house.becomes(id, JobState::Done).await;
        assert_eq!((job.attempts, house.post.copies()[&id]), (2, 1));
    }
    for id in always {
        let job = house.becomes(id, JobState::Dead).await;
        assert_eq!((job.attempts, house.post.tries(id)), (10, 10));
        assert_eq!(job.last_error.as_deref(), Some("the attempt panicked: see the log"));
    }
    worker.stop().await;
}

#[tokio::test]
async fn what_was_sent_while_the_database_was_away_is_not_sent_again() {
    let house = House::new().await;
    let watched = Watched::new(Arc::clone(&house.store));
    let worker = house.work_on(watched.clone(), POLICY);
    for round in 1..=5 {
        let id = house.write("wait", 1).await[0];
        eventually("it is under way", async || house.post.tries(id) == 1).await;
        watched.refusals.store(round, Ordering::SeqCst);
        house.post.permits.add_permits(1);
        let job = house.becomes(id, JobState::Done).await;
        assert_eq!((job.attempts, house.post.copies()[&id]), (1, 1));
    }
    worker.stop().await;
}

#[tokio::test]
async fn the_job_of_a_process_that_died_is_done_by_another_when_its_lease_ends() {
    let house = House::new().await;
    let ids = house.write("fine", 5).await;
    for id in &ids {
        house.take(*id, Duration::from_millis(50)).await;
    }
    let worker = house.work(POLICY);
    for id in ids {
        let job = house.becomes(id, JobState::Done).await;
        assert_eq!((job.attempts, house.post.copies()[&id]), (2, 1));
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_are_killed_again_and_again_lose_nothing_and_send_twice_only_what_they_had_in_hand() {
    const KILLS: usize = 12;
    let house = House::new().await;
    let policy = JobPolicy { lease: Duration::from_secs(3), ..POLICY };
    let mut workers = Vec::new();
    for _ in 0..4 {
        workers.push(house.work_on(house.another().await, policy));
    }
    for kill in 1..=KILLS {
        house.write("fine", 50).await;
        let sent = house.post.sent().len();
        eventually("something is sent", async || house.post.sent().len() > sent + 10).await;
        workers.remove(kill % 4).kill().await;
        workers.push(house.work_on(house.another().await, policy));
    }
    eventually("all are done", async || house.jobs(Some(JobState::Done)).await.len() == 50 * KILLS).await;
    let copies = house.post.copies();
    assert_eq!(copies.len(), 50 * KILLS, "none is missing");
    let doubles = house.post.sent().len() - copies.len();
    assert!(doubles <= KILLS * policy.concurrency, "{doubles}");
    for worker in workers {
        worker.stop().await;
    }
}
