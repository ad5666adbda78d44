//! Jobs: stored with their cause, listed when they are due, leased by one worker.

use std::{sync::Arc, time::Duration};

use keepstone_domain::{
    DueJob, DueJobs, Email, JobFilter, JobId, JobOutcome, JobState, PageRequest, Routine, Task, UserId,
};
use keepstone_repository::{Result, StorageError, Store};
use tokio::sync::Barrier;

use crate::harness::{Opened, abandon, at, eventually, together};

pub const HOUR: Duration = Duration::from_hours(1);
pub const LEASE: Duration = Duration::from_mins(1);

pub fn task() -> Task {
    Task::BeginPasswordReset { email: Email::parse("ada@example.com").unwrap() }
}

/// Inserts a job that is due.
pub async fn written(opened: &Opened) -> JobId {
    let id = JobId::generate();
    opened.write().await.unwrap().jobs().insert(id, &task(), at(0)).await.unwrap();
    id
}

pub async fn due(store: &dyn Store, limit: u32) -> DueJobs {
    store.read().await.unwrap().jobs().list_due(limit).await.unwrap()
}

pub fn ids(due: &DueJobs) -> Vec<JobId> {
    due.ready.iter().map(|job| job.id).collect()
}

/// Returns a job that is due.
pub async fn due_job(opened: &Opened, id: JobId) -> (DueJob, DueJobs) {
    let due = due(&**opened, 100).await;
    (*due.ready.iter().find(|job| job.id == id).unwrap(), due)
}

/// Leases a job that is due, for a minute.
pub async fn taken(opened: &Opened, id: JobId) -> keepstone_domain::Timestamp {
    let (job, due) = due_job(opened, id).await;
    let until = due.now + LEASE;
    assert_eq!(opened.write().await.unwrap().jobs().claim(&job, until).await, Ok(true));
    until
}

pub async fn settle(
    store: &dyn Store,
    id: JobId,
    lease: keepstone_domain::Timestamp,
    outcome: &JobOutcome,
) -> Result<bool> {
    store.transaction(async |tx| tx.jobs().settle(id, lease, outcome, at(5)).await).await
}

pub async fn state(opened: &Opened, id: JobId) -> (JobState, u32) {
    let job = opened.read().await.unwrap().jobs().find(id).await.unwrap().unwrap();
    (job.state, job.attempts)
}

/// Whether a worker that waits for jobs would be woken.
async fn is_woken(opened: &Opened) -> bool {
    abandon(opened.job_written(), 1).await.is_some()
}

#[tokio::test]
async fn a_job_is_visible_after_the_commit_of_its_cause_and_then_wakes_the_worker() {
    let opened = Opened::migrated().await;
    let id = JobId::generate();
    let mut tx = opened.begin().await.unwrap();
    tx.jobs().insert(id, &task(), at(7)).await.unwrap();
    assert_eq!(due(&*opened, 9).await.ready, []);
    assert!(!is_woken(&opened).await, "before it is visible");
    tx.rollback().await.unwrap();
    assert!(!is_woken(&opened).await, "it was rolled back");
    assert_eq!(opened.read().await.unwrap().jobs().find(id).await, Ok(None));

    let mut tx = opened.begin().await.unwrap();
    tx.jobs().insert(id, &task(), at(7)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ids(&due(&*opened, 9).await), [id]);
    assert!(is_woken(&opened).await, "even if no worker was waiting");
    assert!(!is_woken(&opened).await, "only once");
    let found = opened.read().await.unwrap().jobs().find(id).await.unwrap().unwrap();
    assert_eq!((found.kind.as_str(), found.state, found.attempts), ("begin_password_reset", JobState::Waiting, 0));
    assert_eq!((found.created_at, found.finished_at, found.last_error), (at(7), None, None));
    let json = opened.read().await.unwrap().jobs().find_task(id).await.unwrap().unwrap();
    assert_eq!(serde_json::from_str::<Task>(&json).unwrap(), task());
}

#[tokio::test]
async fn a_failed_transaction_wakes_no_worker() {
    let opened = Opened::migrated().await;
    let id = written(&opened).await;
    assert!(is_woken(&opened).await);
    let mut tx = opened.begin().await.unwrap();
    tx.jobs().insert(JobId::generate(), &task(), at(7)).await.unwrap();
    assert!(tx.jobs().insert(id, &task(), at(7)).await.is_err(), "the same id");
    assert!(tx.commit().await.is_err());
    let mut tx = opened.begin().await.unwrap();
    tx.jobs().insert(JobId::generate(), &task(), at(7)).await.unwrap();
    drop(tx);
    assert!(!is_woken(&opened).await);
    assert_eq!(ids(&due(&*opened, 9).await), [id]);
}

#[tokio::test]
async fn a_job_inserted_or_retried_without_a_transaction_wakes_the_worker() {
    let opened = Opened::migrated().await;
    let store = opened.shared();
    let waiting = tokio::spawn(async move { store.job_written().await });
    tokio::task::yield_now().await;
    let id = written(&opened).await;
    waiting.await.unwrap();
    assert!(!is_woken(&opened).await);
    assert_eq!(opened.write().await.unwrap().jobs().retry(id).await, Ok(true));
    assert!(is_woken(&opened).await);
    let another = opened.another().await;
    written(&opened).await;
    let another: &dyn Store = &*another;
    assert!(abandon(another.job_written(), 1).await.is_none(), "another process is not notified");
}

#[tokio::test]
async fn due_times_follow_the_clock_of_the_database() {
    let opened = Opened::migrated().await;
    let mut all = Vec::new();
    for micros in [i64::from(u32::MAX) * 1_000_000, 0, -1] {
        let id = JobId::generate();
        opened.write().await.unwrap().jobs().insert(id, &task(), at(micros)).await.unwrap();
        all.push(id);
    }
    let found = due(&*opened, 9).await;
    assert_eq!(ids(&found), all, "in the order of insertion, regardless of the clocks of processes");
    assert_eq!(found.next, None);
    assert!(found.ready.iter().all(|job| job.due_at <= found.now && job.attempts == 0), "{found:?}");
    assert!(found.ready.is_sorted_by_key(|job| job.due_at));
}

#[tokio::test]
async fn due_jobs_are_listed_longest_waiting_first_with_the_time_until_the_next() {
    let opened = Opened::migrated().await;
    let nothing = due(&*opened, 9).await;
    assert_eq!((nothing.ready, nothing.next), (vec![], None));
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(written(&opened).await);
    }
    assert_eq!(ids(&due(&*opened, 2).await), all[..2]);
    assert_eq!(due(&*opened, 0).await.ready, []);
    for (id, after) in [(all[0], 2 * HOUR), (all[2], HOUR)] {
        let lease = taken(&opened, id).await;
        let again = JobOutcome::Again { after, attempts: 1, error: None };
        assert_eq!(settle(&*opened, id, lease, &again).await, Ok(true));
    }
    let found = due(&*opened, 3).await;
    assert_eq!(
        (ids(&found), found.next),
        (vec![all[1], all[3], all[4]], None),
        "the time is unknown if the limit is reached"
    );
    let found = due(&*opened, 5).await;
    assert_eq!(ids(&found), [all[1], all[3], all[4]]);
    let next = found.next.unwrap();
    assert!(next <= HOUR && next + LEASE > HOUR, "{next:?}");
}

#[tokio::test]
async fn an_ended_job_is_never_due() {
    let opened = Opened::migrated().await;
    for outcome in [JobOutcome::Done, JobOutcome::Dead { error: "no".to_owned() }] {
        let id = written(&opened).await;
        let lease = taken(&opened, id).await;
        assert_eq!(settle(&*opened, id, lease, &outcome).await, Ok(true));
    }
    let found = due(&*opened, 9).await;
    assert_eq!((found.ready, found.next), (vec![], None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twelve_workers_on_three_nodes_one_leases_a_job() {
    let opened = Opened::migrated().await;
    let (second, third): (Arc<dyn Store>, Arc<dyn Store>) = (opened.another().await, opened.another().await);
    for round in 1..=3 {
        let id = written(&opened).await;
        let (job, found) = due_job(&opened, id).await;
        let all = Arc::new(Barrier::new(12));
        let outcomes = together((0..12).map(|number: usize| {
            let (store, all) = ([opened.shared(), second.clone(), third.clone()][number % 3].clone(), all.clone());
            let until = found.now + LEASE + Duration::from_micros(number.try_into().unwrap());
            async move {
                all.wait().await;
                store.transaction(async |tx| tx.jobs().claim(&job, until).await).await
            }
        }))
        .await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        let winners: Vec<usize> = (0..12).filter(|number| outcomes[*number] == Ok(true)).collect();
        assert_eq!(winners.len(), 1, "round {round}: {outcomes:?}");
        let kept = opened.read().await.unwrap().jobs().find(id).await.unwrap().unwrap();
        assert_eq!((kept.state, kept.attempts), (JobState::Running, 1));
        let micros = Duration::from_micros(winners[0].try_into().unwrap());
        assert_eq!(kept.due_at, Some(found.now + LEASE + micros), "to the microsecond");
    }
    opened.assert_whole().await;
}

#[tokio::test]
async fn an_expired_lease_can_be_taken_over_and_its_old_owner_cannot_record_an_outcome() {
    let opened = Opened::migrated().await;
    let id = written(&opened).await;
    let (job, found) = due_job(&opened, id).await;
    let short = found.now + Duration::from_millis(50);
    let claim = async |job: &DueJob, until| opened.write().await.unwrap().jobs().claim(job, until).await;
    assert_eq!(claim(&job, short).await, Ok(true));
    assert_eq!(claim(&job, short).await, Ok(false), "the row has changed since it was read");
    eventually("the lease runs out", async || !due(&*opened, 9).await.ready.is_empty()).await;
    let (job, found) = due_job(&opened, id).await;
    assert_eq!((job.attempts, job.due_at), (1, short));
    let until = found.now + LEASE;
    assert_eq!(claim(&job, until).await, Ok(true));
    let again = JobOutcome::Again { after: HOUR, attempts: 0, error: None };
    for outcome in [JobOutcome::Done, again, JobOutcome::Dead { error: "late".to_owned() }] {
        assert_eq!(settle(&*opened, id, short, &outcome).await, Ok(false), "{outcome:?}");
    }
    assert_eq!(state(&opened, id).await, (JobState::Running, 2));
    assert_eq!(settle(&*opened, id, until, &JobOutcome::Done).await, Ok(true));
}

#[tokio::test]
async fn an_unknown_job_cannot_be_leased_or_completed() {
    let opened = Opened::migrated().await;
    let never = DueJob { id: JobId::generate(), ..due_job(&opened, written(&opened).await).await.0 };
    let mut writer = opened.write().await.unwrap();
    assert_eq!(writer.jobs().claim(&never, at(9)).await, Ok(false));
    assert_eq!(writer.jobs().settle(never.id, at(9), &JobOutcome::Done, at(9)).await, Ok(false));
    assert_eq!(writer.jobs().retry(never.id).await, Ok(false));
    assert_eq!(writer.jobs().find(never.id).await, Ok(None));
    assert_eq!(writer.jobs().find_task(never.id).await, Ok(None));
    let unknown = Task::MailAddressTaken { user_id: UserId::generate() };
    assert_eq!(writer.jobs().insert(never.id, &unknown, at(1)).await, Ok(()), "the subject of a task need not exist");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_routine_has_one_job_even_if_many_processes_insert_it() {
    let opened = Opened::migrated().await;
    let (second, third): (Arc<dyn Store>, Arc<dyn Store>) = (opened.another().await, opened.another().await);
    for _ in 0..3 {
        opened.raw().await.run("DELETE FROM jobs").await;
        let all = Arc::new(Barrier::new(12));
        let outcomes = together((0..12).map(|number: usize| {
            let (store, all) = ([opened.shared(), second.clone(), third.clone()][number % 3].clone(), all.clone());
            async move {
                all.wait().await;
                for routine in Routine::ALL {
                    store.write().await?.jobs().insert_routine(routine, at(3)).await?;
                }
                Ok::<_, StorageError>(())
            }
        }))
        .await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        let found = opened.read().await.unwrap().jobs().list(&JobFilter::default(), &PageRequest::first(100)).await;
        let mut kinds: Vec<String> = found.unwrap().items.into_iter().map(|job| job.kind).collect();
        kinds.sort_unstable();
        let mut expected = Routine::ALL.map(|routine| Task::from(routine).kind());
        expected.sort_unstable();
        assert_eq!(kinds, expected);
        written(&opened).await;
        let due = due(&*opened, 9).await.ready;
        assert_eq!(due.iter().map(|job| job.is_routine).collect::<Vec<_>>(), [true, true, true, true, true, false]);
    }
    opened.assert_whole().await;
}
