//! Concurrent changes of the same rows. Contention is retried and not visible to callers; a lock that stays held
//! becomes an error in bounded time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use keepstone_domain::{Email, Login, User, UserId};
use keepstone_repository::{Result, StorageError, Store};
use keepstone_test_backends::Database;
use secrecy::ExposeSecret;
use tokio::sync::Barrier;

use crate::harness::{Opened, PATIENCE, SOON, at, hash, named, together, user};

/// Returns a trigger that lets every insert of a user called "clash" fail like a deadlock.
fn clash(kind: Database) -> &'static str {
    match kind {
        Database::Sqlite => {
            "CREATE TRIGGER clash BEFORE INSERT ON users WHEN NEW.name = 'clash' \
             BEGIN SELECT RAISE(ABORT, 'Verklemmung'); END"
        }
        Database::Postgres => {
            "CREATE FUNCTION clash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.name = 'clash' THEN \
             RAISE EXCEPTION 'Verklemmung entdeckt' USING ERRCODE = '40P01'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER clash BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION clash()"
        }
        Database::Mariadb => {
            "CREATE TRIGGER clash BEFORE INSERT ON users FOR EACH ROW IF NEW.name = 'clash' THEN \
             SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = \
             'Beim Warten auf eine Sperre wurde eine Verklemmung entdeckt'; END IF"
        }
    }
}

/// Inserts `before` and then a user with the name for this run. Returns the outcome and the number of runs.
async fn insert_by_run(opened: &Opened, before: &User, name: fn(u32) -> &'static str) -> (Result<u32>, u32) {
    let runs = AtomicU32::new(0);
    let outcome = opened
        .transaction(async |tx| {
            let run = runs.fetch_add(1, Ordering::Relaxed) + 1;
            tx.users().insert(before, &hash("hash")).await?;
            tx.users().insert(&named(name(run)), &hash("hash")).await.map(|()| run)
        })
        .await;
    (outcome, runs.into_inner())
}

#[tokio::test]
async fn a_transaction_is_retried_after_contention() {
    let opened = Opened::migrated().await;
    opened.raw().await.run(clash(opened.kind)).await;
    for last in [1, 2, 3] {
        let before = named("before");
        let name: fn(u32) -> &'static str = match last {
            1 => |_run| "fine",
            2 => |run| if run < 2 { "clash" } else { "fine" },
            _ => |run| if run < 3 { "clash" } else { "fine" },
        };
        assert_eq!(insert_by_run(&opened, &before, name).await, (Ok(last), last));
        assert_eq!(opened.find(before.id).await, Some(before));
    }
    opened.assert_whole().await;
}

#[tokio::test]
async fn a_transaction_gives_up_after_three_attempts_with_contention() {
    let opened = Opened::migrated().await;
    opened.raw().await.run(clash(opened.kind)).await;
    let before = named("before");
    let (outcome, runs) = insert_by_run(&opened, &before, |_run| "clash").await;
    assert!(matches!(outcome, Err(StorageError::Unavailable(_))), "{outcome:?}");
    assert_eq!(runs, 3);
    assert_eq!(opened.find(before.id).await, None);
    opened.assert_whole().await;
}

#[tokio::test]
async fn a_transaction_is_retried_after_contention_at_commit() {
    let opened = Opened::migrated().await;
    if opened.kind != Database::Postgres {
        eprintln!("skipped: only PostgreSQL can be made to reject a commit");
        return;
    }
    let trigger = clash(opened.kind).replace(
        "TRIGGER clash BEFORE INSERT ON users",
        "CONSTRAINT TRIGGER clash \
        AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED",
    );
    opened.raw().await.run(&trigger.replace("40P01", "40001")).await;
    let before = named("before");
    let name = |run| if run < 3 { "clash" } else { "fine" };
    assert_eq!(insert_by_run(&opened, &before, name).await, (Ok(3), 3));
    let (outcome, runs) = insert_by_run(&opened, &named("before"), |_run| "clash").await;
    assert!(matches!(outcome, Err(StorageError::Contention(_))), "{outcome:?}");
    assert_eq!(runs, 3);
    opened.assert_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_transactions_that_deadlock_both_succeed() {
    assert_deadlocks_are_resolved(&Opened::migrated().await).await;
}

/// Runs two transactions that change the same rows in opposite order.
pub async fn assert_deadlocks_are_resolved(opened: &Opened) {
    let (ada, bob) = (user("ada"), user("bob"));
    for user in [&ada, &bob] {
        opened.insert(user).await.unwrap();
    }
    for round in 0..3 {
        let both_hold_one = Arc::new(Barrier::new(2));
        let runs = Arc::new(AtomicU32::new(0));
        let start = Instant::now();
        let outcomes = together([[ada.id, bob.id], [bob.id, ada.id]].map(|ids: [UserId; 2]| {
            let (store, both_hold_one, runs) = (opened.shared(), Arc::clone(&both_hold_one), Arc::clone(&runs));
            let is_sqlite = opened.is_sqlite();
            async move {
                store
                    .transaction(async |tx| {
                        let run = runs.fetch_add(1, Ordering::Relaxed);
                        let first = tx.users().hold(ids[0]).await?.unwrap();
                        if run < 2 && !is_sqlite {
                            both_hold_one.wait().await; // on SQLite the other one waits to begin
                        }
                        let second = tx.users().hold(ids[1]).await?.unwrap();
                        let first = tx.users().update(&first, at(round)).await?;
                        Ok::<_, StorageError>(first && tx.users().update(&second, at(round)).await?)
                    })
                    .await
            }
        }))
        .await;
        assert_eq!(outcomes, [Ok(true), Ok(true)]);
        let runs = runs.load(Ordering::Relaxed);
        assert_eq!(runs, if opened.is_sqlite() { 2 } else { 3 }, "one of the two was retried");
        assert!(start.elapsed() < Duration::from_secs(4), "took {:?}", start.elapsed());
    }
    opened.assert_whole().await;
}

/// Increments a counter, which is stored in a password hash. Returns `false` if another writer was faster.
async fn increment(store: &dyn Store, user: &User, runs: &AtomicU32) -> Result<bool> {
    let login = Login::Email(user.email.clone());
    store
        .transaction(async |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            let found = tx.users().find_credentials(&login).await?.unwrap();
            let count: u32 = found.password_hash.expose_secret().parse().unwrap();
            let next = hash(&(count + 1).to_string());
            tx.users().replace_password_hash(user.id, &found.password_hash, &next).await
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_concurrent_increments_on_two_nodes_lose_nothing_and_see_no_error() {
    let ada = user("ada");
    let opened = Opened::migrated().await;
    opened.transaction(async |tx| tx.users().insert(&ada, &hash("0")).await).await.unwrap();
    let other: Arc<dyn Store> = opened.another().await;
    let runs = Arc::new(AtomicU32::new(0));
    let lost = together((0..32).map(|number| {
        let store = if number % 2 == 0 { opened.shared() } else { Arc::clone(&other) };
        let (ada, runs) = (ada.clone(), Arc::clone(&runs));
        async move {
            let deadline = Instant::now() + PATIENCE;
            let mut lost = 0;
            while !increment(&*store, &ada, &runs).await.unwrap() {
                assert!(Instant::now() < deadline, "lost {lost} times");
                lost += 1;
            }
            lost
        }
    }))
    .await;
    if opened.is_sqlite() {
        assert_eq!(lost.iter().sum::<u32>(), 0, "SQLite has one writer at a time");
        assert_eq!(runs.load(Ordering::Relaxed), 32, "a transaction that begins with a read is not retried to write");
    }
    let login = Login::Email(Email::parse("ada@example.com").unwrap());
    let found = opened.read().await.unwrap().users().find_credentials(&login).await.unwrap().unwrap();
    assert_eq!(found.password_hash.expose_secret(), "32");
    opened.assert_whole().await;
}

#[tokio::test]
async fn a_lock_that_stays_held_is_unavailable_in_bounded_time_while_reads_continue() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let mut foreigner = opened.raw().await;
    foreigner.run(if opened.is_sqlite() { "BEGIN EXCLUSIVE" } else { "BEGIN" }).await;
    foreigner.run("UPDATE users SET is_active = is_active").await;

    let start = Instant::now();
    let change = async {
        let mut tx = opened.begin().await?;
        tx.users().update(&ada, at(1)).await
    };
    let reads = async {
        let mut slowest = Duration::ZERO;
        while start.elapsed() < SOON {
            let start = Instant::now();
            assert_eq!(opened.find(ada.id).await.as_ref(), Some(&ada));
            slowest = slowest.max(start.elapsed());
            tokio::task::yield_now().await;
        }
        slowest
    };
    let (change, slowest) = tokio::join!(change, reads);
    assert!(matches!(change, Err(StorageError::Unavailable(_))), "{change:?}");
    assert!(start.elapsed() < Duration::from_secs(6), "gave up after {:?}", start.elapsed());
    assert!(slowest < SOON / 2, "a read took {slowest:?}");

    foreigner.run("COMMIT").await;
    let change = opened.transaction(async |tx| tx.users().update(&ada, at(1)).await);
    assert_eq!(change.await, Ok(true));
    opened.assert_whole().await;
}
