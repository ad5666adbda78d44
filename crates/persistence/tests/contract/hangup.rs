//! Clients disconnect, and actix drops their handlers at any `await`. The outcome is all or nothing: no lock stays
//! held, and the pool is as large and as clean as before. Most of these tests run on one thread, as actix's workers do.

use std::time::Instant;

use keepstone_domain::{User, UserId};
use keepstone_repository::{Result, StorageError, Store};

use crate::harness::{Opened, PATIENCE, POOL_SIZE, Panics, Raw, SOON, abandon, at, eventually, hash, together, user};

/// The number of disconnects during an operation.
const ROUNDS: usize = 60;

async fn insert_both(store: &dyn Store, users: &[User; 2]) -> Result<()> {
    store
        .transaction(async |tx| {
            tx.users().insert(&users[0], &hash("hash")).await?;
            tx.users().insert(&users[1], &hash("hash")).await
        })
        .await
}

fn pair(name: &str) -> [User; 2] {
    [user(&format!("{name}.a")), user(&format!("{name}.b"))]
}

/// Asserts that the locks are soon released, and that a second attempt inserts both users or finds both.
async fn assert_all_or_nothing(opened: &Opened, users: &[User; 2]) {
    let start = Instant::now();
    let again = insert_both(&**opened, users).await;
    assert!(matches!(again, Ok(()) | Err(StorageError::Duplicate { .. })), "{again:?}");
    assert!(start.elapsed() < SOON, "the rows were locked for {:?}", start.elapsed());
    for user in users {
        assert_eq!(opened.find(user.id).await.as_ref(), Some(user), "after {again:?}");
    }
}

/// Asserts that nothing stays open, over the only connection outside of the pool.
async fn assert_quiet(opened: &Opened, raw: &mut Raw, panics: &Panics) {
    opened.assert_whole().await;
    eventually("no transaction is open", async || raw.others(true).await.is_empty()).await;
    eventually("no more connections than the pool has", async || raw.others(false).await.len() <= POOL_SIZE).await;
    panics.assert_none();
}

#[tokio::test]
async fn a_transaction_dropped_at_any_await_is_all_or_nothing() {
    let panics = Panics::watch();
    let opened = Opened::migrated().await;
    let mut foreigner = opened.raw().await;
    let (mut abandoned, mut polls) = (0, 1);
    let deadline = Instant::now() + PATIENCE;
    while abandoned < ROUNDS && Instant::now() < deadline {
        let users = pair(&format!("u{}", UserId::generate()));
        let outcome = abandon(insert_both(&*opened, &users), polls).await;
        // Checked before the pool is used again.
        eventually("no transaction is open", async || foreigner.others(true).await.is_empty()).await;
        assert_all_or_nothing(&opened, &users).await;
        assert!(matches!(outcome, None | Some(Ok(()))), "{outcome:?}");
        (abandoned, polls) = if outcome.is_none() { (abandoned + 1, polls + 1) } else { (abandoned, 1) };
    }
    assert_eq!(abandoned, ROUNDS);
    assert_quiet(&opened, &mut foreigner, &panics).await;
}

#[tokio::test]
async fn a_transaction_dropped_while_it_connects_leaves_nothing_behind() {
    let panics = Panics::watch();
    for polls in [1, 2, 3, 5, 8] {
        let opened = Opened::migrated().await;
        let users = pair("ada");
        abandon(insert_both(&*opened, &users), polls).await;
        assert_all_or_nothing(&opened, &users).await;
        assert_quiet(&opened, &mut opened.raw().await, &panics).await;
    }
}

#[tokio::test]
async fn a_read_dropped_at_any_await_leaves_no_result_for_the_next() {
    let panics = Panics::watch();
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let (mut abandoned, mut polls) = (0, 1);
    let deadline = Instant::now() + PATIENCE;
    while abandoned < ROUNDS && Instant::now() < deadline {
        let outcome = abandon(async { opened.read().await?.users().find(ada.id).await }, polls).await;
        assert_eq!(opened.find(bob.id).await.as_ref(), Some(&bob));
        assert!(outcome.as_ref().is_none_or(|found| *found == Ok(Some(ada.clone()))), "{outcome:?}");
        (abandoned, polls) = if outcome.is_none() { (abandoned + 1, polls + 1) } else { (abandoned, 1) };
    }
    assert_eq!(abandoned, ROUNDS);
    assert_quiet(&opened, &mut opened.raw().await, &panics).await;
}

#[tokio::test]
async fn a_transaction_dropped_between_statements_is_rolled_back_and_releases_its_locks() {
    let panics = Panics::watch();
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let mut foreigner = opened.raw().await;
    for round in 0..50 {
        let bob = user("bob");
        let mut tx = opened.begin().await.unwrap();
        let changed = User { is_active: false, ..ada.clone() };
        assert_eq!(tx.users().update(&changed, at(round)).await, Ok(true));
        tx.users().insert(&bob, &hash("hash")).await.unwrap();
        drop(tx);

        foreigner.touch_users().await; // before the pool is used again
        let start = Instant::now();
        let mut tx = opened.begin().await.unwrap();
        assert_eq!(tx.users().hold(ada.id).await.as_ref(), Ok(&Some(ada.clone())));
        tx.commit().await.unwrap();
        assert!(start.elapsed() < SOON, "the row was locked for {:?}", start.elapsed());
        assert_eq!(opened.find(ada.id).await, Some(ada.clone()));
        assert_eq!(opened.find(bob.id).await, None);
    }
    assert_quiet(&opened, &mut foreigner, &panics).await;
}

#[tokio::test]
async fn a_transaction_dropped_while_it_waits_for_a_lock_releases_its_own_locks() {
    let panics = Panics::watch();
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;

    let mut holder = opened.begin().await.unwrap();
    assert_eq!(holder.users().update(&ada, at(1)).await, Ok(true));
    let waiting = async {
        let mut tx = opened.begin().await?; // SQLite waits here
        tx.users().update(&bob, at(2)).await?;
        tx.users().update(&ada, at(2)).await // servers wait here
    };
    assert!(tokio::time::timeout(SOON / 5, waiting).await.is_err(), "there was nothing to wait for");

    // A server notices only when the wait for the lock ends, which is soon enough.
    let touch_bob = async || opened.transaction(async |tx| tx.users().hold(bob.id).await).await;
    if !opened.is_sqlite() {
        assert_eq!(touch_bob().await.as_ref(), Ok(&Some(bob.clone())));
    }
    holder.rollback().await.unwrap();
    assert_eq!(touch_bob().await.as_ref(), Ok(&Some(bob.clone())));
    assert_eq!(opened.find(ada.id).await, Some(ada));
    assert_eq!(opened.find(bob.id).await, Some(bob));
    assert_quiet(&opened, &mut opened.raw().await, &panics).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_disconnects_do_not_affect_other_clients() {
    let panics = Panics::watch();
    let opened = Opened::migrated().await;
    let outcomes = together((0..96).map(|number| {
        let store = opened.shared();
        async move {
            let users = pair(&format!("u{number}"));
            let polls = if number % 3 == 0 { usize::MAX } else { number % 13 + 1 };
            (polls, users.clone(), abandon(insert_both(&*store, &users), polls).await)
        }
    }))
    .await;
    for (polls, users, outcome) in outcomes {
        assert!(matches!(outcome, None | Some(Ok(()))), "{outcome:?}");
        assert!(polls < usize::MAX || outcome.is_some());
        assert_all_or_nothing(&opened, &users).await;
    }
    assert_quiet(&opened, &mut opened.raw().await, &panics).await;
}
