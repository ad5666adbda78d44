//! A worker that is told to stop: what it has begun is done, or done by others at once.

use std::time::Duration;

use keepstone_domain::JobState;
use keepstone_service::JobPolicy;

use crate::harness::{House, POLICY, eventually};

/// Longer than any test: nothing is done because a lease has ended.
const LONG: JobPolicy = JobPolicy { lease: Duration::from_hours(1), ..POLICY };

#[tokio::test]
async fn who_has_nothing_to_do_stops_at_once_and_takes_nothing_any_more() {
    let house = House::new().await;
    let worker = house.work(JobPolicy { poll_interval: Duration::from_hours(1), ..LONG });
    let id = house.write("fine", 1).await[0];
    house.becomes(id, JobState::Done).await;
    tokio::time::timeout(Duration::from_secs(4), worker.stop()).await.unwrap();
    let id = house.write("fine", 1).await[0];
    let another = house.work(LONG);
    house.becomes(id, JobState::Done).await;
    assert_eq!(house.job(id).await.attempts, 1);
    another.stop().await;
}

#[tokio::test]
async fn what_is_under_way_comes_to_its_end() {
    let house = House::new().await;
    let worker = house.work(LONG);
    let ids = house.write("wait", 4).await;
    eventually("all are under way", async || ids.iter().all(|id| house.post.tries(*id) == 1)).await;
    let waiting = house.write("fine", 3).await;
    let stopped = tokio::spawn(worker.stop());
    tokio::task::yield_now().await;
    house.post.permits.add_permits(4);
    stopped.await.unwrap();
    for id in ids {
        assert_eq!((house.job(id).await.state, house.post.copies()[&id]), (JobState::Done, 1));
    }
    for id in waiting {
        assert_ne!(house.job(id).await.state, JobState::Running, "nothing else was begun");
    }
}

#[tokio::test]
async fn what_does_not_end_is_given_back_and_done_by_another_without_waiting_for_the_lease() {
    let house = House::new().await;
    let worker = house.work(LONG);
    let ids = house.write("hangs once", 3).await;
    eventually("all are under way", async || ids.iter().all(|id| house.post.tries(*id) == 1)).await;
    worker.stop().await;
    for id in &ids {
        let job = house.job(*id).await;
        assert_eq!((job.state, job.attempts), (JobState::Waiting, 0), "as if it had not been begun");
    }
    let another = house.work_on(house.another().await, LONG);
    for id in ids {
        let job = house.becomes(id, JobState::Done).await;
        assert_eq!((job.attempts, house.post.copies()[&id]), (1, 1));
    }
    another.stop().await;
}
