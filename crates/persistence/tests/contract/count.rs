//! The stored row counts always equal the real number of rows.

use std::sync::Arc;

use keepstone_domain::{AuditEvent, AuditKind, Expected, Item, ItemId, PageRequest, User, UserFilter};
use keepstone_repository::{Result, StorageError, Store};
use proptest::{collection::vec, prelude::*};
use tokio::time::timeout;
use uuid::Uuid;

use crate::harness::{Opened, SOON, at, hash, hashed, holds, item, person, together, user};

/// Returns the stored and the real count of each table.
async fn counts(opened: &Opened) -> Vec<(String, String)> {
    let text = if opened.kind == keepstone_test_backends::Database::Mariadb { "CHAR" } else { "TEXT" };
    let mut raw = opened.raw().await;
    let mut counts = Vec::new();
    for (table, condition) in [("users", "deleted_at IS NULL"), ("items", "1 = 1"), ("audit_events", "1 = 1")] {
        let kept = format!("SELECT CAST(SUM(count) AS {text}) AS line FROM row_counts WHERE counted = '{table}'");
        let real = format!("SELECT CAST(COUNT(*) AS {text}) AS line FROM {table} WHERE {condition}");
        counts.push((raw.lines(&kept).await.remove(0), raw.lines(&real).await.remove(0)));
    }
    counts
}

/// Asserts that stored and real counts are equal. Returns the counts of users, items and events.
pub async fn assert_right(opened: &Opened) -> Vec<String> {
    let counts = counts(opened).await;
    assert!(counts.iter().all(|(kept, real)| kept == real), "{counts:?}");
    counts.into_iter().map(|(kept, _)| kept).collect()
}

#[derive(Debug, Clone)]
enum Step {
    Users(usize),
    Items(usize),
    Event,
    SoftDelete(usize),
    DeleteItem(usize),
    ChangeUser(usize),
    /// A change by an operator, outside of the program.
    Raw(&'static str),
}

const RAW: [&str; 5] = [
    "DELETE FROM items",
    "DELETE FROM audit_events",
    "DELETE FROM users WHERE id NOT IN (SELECT owner_id FROM items) AND deleted_at IS NOT NULL",
    "DELETE FROM users WHERE id NOT IN (SELECT owner_id FROM items) AND deleted_at IS NULL",
    "UPDATE users SET deleted_at = NULL",
];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1_usize..6).prop_map(Step::Users),
        3 => (1_usize..30).prop_map(Step::Items),
        2 => Just(Step::Event),
        3 => any::<usize>().prop_map(Step::SoftDelete),
        2 => any::<usize>().prop_map(Step::DeleteItem),
        1 => any::<usize>().prop_map(Step::ChangeUser),
        2 => prop::sample::select(&RAW[..]).prop_map(Step::Raw),
    ]
}

/// The script of a concurrent task: transactions with their steps, each committed or rolled back.
type Script = Vec<(Vec<Step>, bool)>;

/// The rows that the task has created.
struct Made {
    owner: User,
    users: Vec<User>,
    items: Vec<ItemId>,
}

async fn take(step: &Step, tx: &mut dyn keepstone_repository::Transaction, made: &mut Made) -> Result<()> {
    match step {
        Step::Users(count) => {
            let users: Vec<User> = (0..*count).map(|_| person(Uuid::now_v7(), "counted")).collect();
            made.users.extend_from_slice(&users);
            tx.users().insert_missing(&hashed(&users, "hash"), at(1)).await.map(drop)
        }
        Step::Items(count) => {
            let items: Vec<Item> = (0..*count).map(|_| item(&made.owner, "counted")).collect();
            made.items.extend(items.iter().map(|item| item.id));
            tx.items().insert_missing(&items).await.map(drop)
        }
        Step::Event => tx.audit().insert(&AuditEvent::new(AuditKind::Login, at(1))).await,
        Step::SoftDelete(index) if !made.users.is_empty() => {
            let id = made.users[index % made.users.len()].id;
            tx.users().delete(id, at(2)).await.map(drop)
        }
        Step::DeleteItem(index) if !made.items.is_empty() => {
            let id = made.items[index % made.items.len()];
            tx.items().delete(id, None, &Expected::Any).await.map(drop)
        }
        Step::ChangeUser(index) if !made.users.is_empty() => {
            let id = made.users[index % made.users.len()].id;
            let Some(user) = tx.users().find(id).await? else { return Ok(()) };
            tx.users().update(&user, at(3)).await.map(drop)
        }
        _ => Ok(()),
    }
}

/// Runs a script. A deadlock is not a failure here: nothing has been changed, and nothing must be counted.
async fn run(store: Arc<dyn Store>, script: Script, owner: User) {
    let mut made = Made { owner, users: Vec::new(), items: Vec::new() };
    for (steps, is_kept) in script {
        let mut tx = match store.begin().await {
            Ok(tx) => tx,
            Err(error) if error.is_transient() => continue,
            Err(error) => panic!("{error}"),
        };
        let mut outcome = Ok(());
        for step in &steps {
            if outcome.is_ok() {
                outcome = take(step, &mut *tx, &mut made).await;
            }
        }
        assert!(outcome.as_ref().err().is_none_or(StorageError::is_transient), "{outcome:?}");
        let ended = if is_kept && outcome.is_ok() { tx.commit().await } else { tx.rollback().await };
        assert_eq!(ended, Ok(()));
    }
}

#[test]
fn counts_are_right_after_any_steps() {
    let script = vec((vec(step(), 1..6), prop::bool::weighted(0.7)), 1..10);
    holds(24, &script, async |opened, script| {
        let mut raw = opened.raw().await;
        for (steps, is_kept) in script {
            let owner = person(Uuid::now_v7(), "owner");
            opened.insert(&owner).await.unwrap();
            for step in &steps {
                if let Step::Raw(sql) = step {
                    raw.run(&format!("BEGIN; {sql}; {}", if is_kept { "COMMIT" } else { "ROLLBACK" })).await;
                    assert_right(opened).await;
                }
            }
            let still_there = opened.find(owner.id).await.is_some();
            let owner = if still_there { owner } else { person(Uuid::now_v7(), "owner") };
            if !still_there {
                opened.insert(&owner).await.unwrap();
            }
            run(opened.shared(), vec![(steps, is_kept)], owner).await;
            assert_right(opened).await;
        }
    });
}

#[test]
fn counts_are_right_after_any_concurrent_steps() {
    let script = vec((vec(step(), 1..5), prop::bool::weighted(0.7)), 1..6);
    holds(10, &vec(script, 2..7), async |opened, scripts| {
        let owner = person(Uuid::now_v7(), "owner");
        opened.insert(&owner).await.unwrap();
        let other: Arc<dyn Store> = opened.another().await;
        together(scripts.into_iter().enumerate().map(|(number, script)| {
            let store = if number % 2 == 0 { opened.shared() } else { Arc::clone(&other) };
            run(store, script, owner.clone())
        }))
        .await;
        assert_right(opened).await;
        let list = opened.read().await.unwrap().users().list(&UserFilter::default(), &PageRequest::first(0)).await;
        assert_eq!(list.unwrap().total.unwrap().to_string(), assert_right(opened).await[0]);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_concurrent_inserts_are_all_counted_and_succeed() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let mut stores = vec![opened.shared()];
    for _node in 0..4 {
        stores.push(opened.another().await);
    }
    for round in 1..=3 {
        let outcomes = together((0..50).map(|number: usize| {
            let (store, ada) = (Arc::clone(&stores[number % 5]), ada.clone());
            async move {
                store
                    .transaction(async |tx| {
                        tx.users().insert(&person(Uuid::now_v7(), "person"), &hash("hash")).await?;
                        tx.items().insert(&item(&ada, "something")).await?;
                        tx.audit().insert(&AuditEvent::new(AuditKind::UserCreated, at(1))).await
                    })
                    .await
            }
        }))
        .await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        let counted = [1 + 50 * round, 50 * round, 50 * round].map(|count: u32| count.to_string());
        assert_eq!(assert_right(&opened).await, counted);
    }
}

#[tokio::test]
async fn a_change_that_affects_no_count_does_not_wait_for_the_counters() {
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    if opened.is_sqlite() {
        eprintln!("skipped: SQLite has one writer at a time");
        return;
    }
    let mut foreigner = opened.raw().await;
    foreigner.run("BEGIN; UPDATE row_counts SET count = count").await;
    let eve = user("eve");
    let insert = opened.insert(&eve);
    assert!(timeout(SOON / 10, insert).await.is_err(), "an insert is counted, so it waits");
    let change = opened.transaction(async |tx| {
        let held = tx.users().hold(ada.id).await?.unwrap();
        tx.users().hold_active_admins().await?;
        tx.users().hold_for_login(bob.id, &hash("hash")).await?;
        tx.users().update(&held, at(1)).await
    });
    assert_eq!(timeout(SOON, change).await.ok(), Some(Ok(true)));
    let list = opened.read().await.unwrap().users().list(&UserFilter::default(), &PageRequest::first(1)).await;
    assert_eq!(list.unwrap().total, Some(2), "reads do not wait");
    foreigner.run("ROLLBACK").await;
    assert_right(&opened).await;
}
