//! The limits of the pool, tested with work that the tests control. The tests check the order of events, and never an
//! upper bound on time.

use std::sync::mpsc;
use std::thread;

use super::*;
use crate::password::Scheme;

fn pool(concurrency: usize, queue: usize, wait: Duration) -> Passwords {
    let hasher = Hasher::new(Scheme::Bcrypt { cost: 4 }, 4).unwrap();
    Passwords::new(hasher, Limits { concurrency, queue, wait })
}

fn patient(concurrency: usize, queue: usize) -> Passwords {
    pool(concurrency, queue, Duration::from_mins(1))
}

/// Occupies one permit until the sender is used or dropped. Returns once the work has started.
async fn occupy(passwords: &Passwords) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), PasswordError>>) {
    let (release, released) = mpsc::channel::<()>();
    let (start, started) = tokio::sync::oneshot::channel();
    let passwords = passwords.clone();
    let task = tokio::spawn(async move {
        let work = move |_: &Inner| {
            start.send(()).unwrap();
            let _ = released.recv();
        };
        passwords.run(work).await
    });
    started.await.unwrap();
    (release, task)
}

async fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "the condition was not met in time");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn the_default_limits_are_16_waiting_per_concurrent_hash_and_two_seconds() {
    let limits = Limits::new(3);
    assert_eq!((limits.concurrency, limits.queue, limits.wait), (3, 48, Duration::from_secs(2)));
    assert_eq!(Limits::new(0).concurrency, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn at_most_the_limit_of_hashes_run_concurrently() {
    let passwords = patient(2, 1000);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks = (0..60).map(|_| {
        let (passwords, now, most) = (passwords.clone(), Arc::clone(&now), Arc::clone(&most));
        tokio::spawn(async move {
            let work = move |_: &Inner| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(2));
                now.fetch_sub(1, Ordering::SeqCst);
            };
            passwords.run(work).await
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
    assert_eq!(passwords.stats(), Stats { running: 0, waiting: 0, refused: 0, executed: 0 });
}

#[tokio::test]
async fn a_full_queue_rejects_at_once_and_hashes_nothing() {
    let passwords = patient(1, 1);
    let (release, first) = occupy(&passwords).await;
    let second = tokio::spawn({
        let passwords = passwords.clone();
        async move { passwords.verify("waits".into(), None).await }
    });
    until(|| passwords.stats().waiting == 1).await;

    let third = passwords.verify("refused".into(), None).await;
    assert!(matches!(third, Err(PasswordError::Overloaded { retry_after }) if retry_after >= Duration::from_secs(1)));
    assert_eq!(passwords.stats(), Stats { running: 1, waiting: 1, refused: 1, executed: 0 });

    drop(release);
    first.await.unwrap().unwrap();
    assert_eq!(second.await.unwrap(), Ok(Verdict::Mismatch));
    assert_eq!(passwords.stats().waiting, 0);
}

#[tokio::test]
async fn a_waiting_hash_is_rejected_after_the_limit() {
    let passwords = pool(1, 8, Duration::from_millis(5));
    let (release, first) = occupy(&passwords).await;
    let late = passwords.hash("password".into()).await;
    assert_eq!(late.unwrap_err(), PasswordError::Overloaded { retry_after: Duration::from_secs(1) });
    assert_eq!(passwords.stats(), Stats { running: 1, waiting: 0, refused: 1, executed: 0 });
    drop(release);
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_cancelled_caller_releases_its_place_in_the_queue() {
    let passwords = patient(1, 1);
    let (release, first) = occupy(&passwords).await;
    for _ in 0..3 {
        let waiter = tokio::spawn({
            let passwords = passwords.clone();
            async move { passwords.hash("password".into()).await }
        });
        until(|| passwords.stats().waiting == 1).await;
        waiter.abort();
        assert!(waiter.await.unwrap_err().is_cancelled());
        assert_eq!(passwords.stats().waiting, 0);
    }
    drop(release);
    first.await.unwrap().unwrap();
    until(|| passwords.stats().running == 0).await;
    assert!(passwords.hash("password".into()).await.is_ok());
}

#[tokio::test]
async fn a_running_hash_retains_its_permit_when_the_caller_is_cancelled() {
    let passwords = patient(1, 0);
    let (release, caller) = occupy(&passwords).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());

    assert_eq!(passwords.stats().running, 1);
    assert!(matches!(passwords.hash("password".into()).await, Err(PasswordError::Overloaded { .. })));

    release.send(()).unwrap();
    until(|| passwords.stats().running == 0).await;
    assert!(passwords.hash("password".into()).await.is_ok());
}

#[tokio::test]
async fn a_panic_releases_the_permit() {
    let passwords = patient(1, 0);
    let outcome = passwords.run(|_| assert_eq!(1, 2, "on purpose")).await;
    assert_eq!(outcome, Err(PasswordError::Failed));
    assert_eq!(passwords.stats().running, 0);
}

#[tokio::test]
async fn every_verification_costs_exactly_one_hash() {
    let passwords = patient(2, 8);
    passwords.warm_up().await.unwrap();
    let hash = passwords.hash("right password".into()).await.unwrap();
    let long = "0123456789".repeat(10);
    let long_hash = passwords.hash(long.clone().into()).await.unwrap();
    let monster = PasswordHash::from_storage(format!("$2b$31${}", ".".repeat(53)));
    let before = passwords.stats().executed;
    let cases = [
        ("right password".to_owned(), Some(hash.clone()), true),
        ("wrong password".to_owned(), Some(hash.clone()), false),
        (long.clone(), Some(long_hash.clone()), true),
        (long.clone(), Some(hash.clone()), false),
        ("short".to_owned(), Some(long_hash), false),
        ("right password".to_owned(), None, false),
        (long, None, false),
        ("nul\0nul".to_owned(), Some(hash.clone()), false),
        ("x".repeat(1_000_000), Some(hash), false),
        ("right password".to_owned(), Some(monster), false),
        ("right password".to_owned(), Some(PasswordHash::from_storage("")), false),
    ];
    for (done, (password, stored, matches)) in (1..).zip(cases) {
        let verdict = passwords.verify(password.into(), stored).await.unwrap();
        assert_eq!((verdict.is_match(), passwords.stats().executed), (matches, before + done));
    }
}

#[tokio::test]
async fn construction_hashes_nothing_and_warm_up_measures_once() {
    let passwords = patient(2, 8);
    assert_eq!(passwords.stats().executed, 0);
    passwords.warm_up().await.unwrap();
    assert_eq!(passwords.stats().executed, 2);
    passwords.warm_up().await.unwrap();
    assert_eq!(passwords.stats().executed, 2);
    assert_eq!(passwords.verify("password".into(), None).await, Ok(Verdict::Mismatch));
    assert_eq!(passwords.stats().executed, 3);
}

#[tokio::test]
async fn the_first_verification_warms_up_by_itself() {
    let passwords = patient(2, 8);
    assert_eq!(passwords.verify("password".into(), None).await, Ok(Verdict::Mismatch));
    assert_eq!(passwords.stats().executed, 3);
}

#[tokio::test]
async fn a_quick_verification_is_padded_to_the_floor_without_its_permit() {
    const FLOOR: Duration = Duration::from_millis(400);
    let passwords = patient(1, 0);
    passwords.warm_up().await.unwrap();
    let hasher = &passwords.0.hasher;
    passwords.0.floor.record(hasher, Some(hasher.scheme()), FLOOR);

    let started = Instant::now();
    let verification = tokio::spawn({
        let passwords = passwords.clone();
        async move { passwords.verify("password".into(), None).await }
    });
    until(|| passwords.stats() == Stats { running: 0, waiting: 0, refused: 0, executed: 3 }).await;
    assert!(!verification.is_finished());
    assert_eq!(verification.await.unwrap(), Ok(Verdict::Mismatch));
    assert!(started.elapsed() >= FLOOR, "a lower bound: a slow machine cannot break it");
}
