//! Database outages: callers get an error in bounded time, and everything works again afterwards.

use std::{
    net::{Ipv4Addr, TcpListener},
    time::{Duration, Instant},
};

use keepstone_persistence::{DatabaseUrl, DieselStore, Migrator, Target};
use keepstone_repository::{Result, StorageError, Store};
use keepstone_test_backends::Database;

use crate::harness::{Opened, POOL_SIZE, hash, user};

/// The limit within which every call must return.
const PATIENT: Duration = Duration::from_secs(5);

fn assert_unavailable<T>(outcome: Result<T>, start: Instant) {
    let error = outcome.err().unwrap();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
    assert!(!error.to_string().contains("canary"), "shows the password: {error}");
    assert!(start.elapsed() < PATIENT, "took {:?}", start.elapsed());
}

async fn open_port(port: u16) -> Option<DieselStore> {
    let scheme = match Database::chosen() {
        Database::Sqlite => return None,
        Database::Postgres => "postgres",
        Database::Mariadb => "mysql",
    };
    let url: DatabaseUrl = format!("{scheme}://keepstone:canary@127.0.0.1:{port}/test").parse().unwrap();
    Some(DieselStore::open(&url, POOL_SIZE).await.unwrap())
}

async fn assert_all_unavailable(store: &dyn Store) {
    let start = Instant::now();
    let (read, begin, ping, migrated) = tokio::join!(store.read(), store.begin(), store.ping(), store.is_migrated());
    assert_unavailable(read.map(drop), start);
    assert_unavailable(begin.map(drop), start);
    assert_unavailable(ping, start);
    assert_unavailable(migrated, start);
    let start = Instant::now();
    let change = store.transaction(async |tx| tx.users().insert(&user("ada"), &hash("hash")).await).await;
    assert_unavailable(change, start);
}

#[tokio::test]
async fn a_missing_server_is_unavailable_immediately() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let Some(store) = open_port(port).await else {
        eprintln!("skipped: SQLite has no server");
        return;
    };
    assert_all_unavailable(&store).await;
    assert!(store.migrator().upgrade(Target::Steps(1)).await.is_err());
}

#[tokio::test]
async fn a_server_that_never_answers_is_unavailable_in_bounded_time() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let Some(store) = open_port(silent.local_addr().unwrap().port()).await else {
        eprintln!("skipped: SQLite has no server");
        return;
    };
    assert_all_unavailable(&store).await;
}

#[tokio::test]
async fn a_sqlite_file_that_cannot_be_created_or_is_invalid_is_unavailable() {
    let opened = Opened::migrated().await;
    let Some(file) = opened.url.sqlite_file() else {
        eprintln!("skipped: servers have no files");
        return;
    };
    let start = Instant::now();
    let nowhere = DatabaseUrl::SqliteFile(file.with_file_name("nowhere").join("keepstone.db"));
    assert_unavailable(DieselStore::open(&nowhere, POOL_SIZE).await.map(drop), start);

    let garbage = DatabaseUrl::SqliteFile(file.with_file_name("garbage.db"));
    std::fs::write(garbage.sqlite_file().unwrap(), "canary ".repeat(1000)).unwrap();
    let start = Instant::now();
    assert_unavailable(DieselStore::open(&garbage, POOL_SIZE).await.map(drop), start);
    assert!(Migrator::of(&garbage).look().await.is_err());
    assert!(Migrator::of(&garbage).upgrade(Target::Steps(1)).await.is_err());
}

#[tokio::test]
async fn a_database_in_memory_belongs_to_its_store_and_lives_as_long() {
    if Database::chosen() != Database::Sqlite {
        eprintln!("skipped: a server has no database in memory");
        return;
    }
    let ada = user("ada");
    let store: [DieselStore; 2] = [
        DieselStore::open(&DatabaseUrl::SqliteMemory, POOL_SIZE).await.unwrap(),
        DieselStore::open(&DatabaseUrl::SqliteMemory, POOL_SIZE).await.unwrap(),
    ];
    for store in &store {
        store.migrator().upgrade(Target::All).await.unwrap();
        assert_eq!(store.is_migrated().await, Ok(true));
        let store: &dyn Store = store;
        for _hangup in 0..20 {
            let mut tx = store.begin().await.unwrap();
            tx.users().insert(&ada, &hash("hash")).await.unwrap();
        }
        assert_eq!(store.read().await.unwrap().users().find(ada.id).await, Ok(None));
        store.transaction(async |tx| tx.users().insert(&ada, &hash("hash")).await).await.unwrap();
        assert_eq!(store.read().await.unwrap().users().find(ada.id).await, Ok(Some(ada.clone())));
    }
}

#[tokio::test]
async fn a_pool_without_a_free_connection_is_unavailable_in_bounded_time_and_recovers() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let mut held = Vec::new();
    if opened.is_sqlite() {
        held.push(opened.begin().await.unwrap());
    } else {
        for _ in 0..POOL_SIZE {
            held.push(opened.begin().await.unwrap());
        }
    }
    let start = Instant::now();
    assert_unavailable(opened.begin().await.map(drop), start);
    drop(held);
    assert_eq!(opened.find(ada.id).await, Some(ada));
    opened.assert_whole().await;
}

#[tokio::test]
async fn connections_closed_by_the_server_are_replaced_on_first_use() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    if opened.is_sqlite() {
        eprintln!("skipped: SQLite has no server");
        return;
    }
    for _round in 0..5 {
        opened.assert_whole().await;
        opened.raw().await.kill_others().await;
        for _connection in 0..POOL_SIZE {
            let start = Instant::now();
            match opened.read().await.unwrap().users().find(ada.id).await {
                Ok(found) => assert_eq!(found.as_ref(), Some(&ada)),
                Err(error) => assert_unavailable(Err::<(), _>(error), start),
            }
        }
        assert_eq!(opened.find(ada.id).await.as_ref(), Some(&ada), "each connection can fail once");
    }
    opened.assert_whole().await;
}

#[tokio::test]
async fn a_transaction_whose_connection_was_closed_fails_to_commit_with_the_first_error() {
    let ada = user("ada");
    let opened = Opened::migrated().await;
    if opened.is_sqlite() {
        eprintln!("skipped: SQLite has no server");
        return;
    }
    let mut tx = opened.begin().await.unwrap();
    tx.users().insert(&ada, &hash("hash")).await.unwrap();
    opened.raw().await.kill_others().await;
    let error = tx.users().find(ada.id).await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
    assert_eq!(tx.commit().await, Err(error));

    let mut tx = opened.begin().await.unwrap();
    tx.users().insert(&ada, &hash("hash")).await.unwrap();
    opened.raw().await.kill_others().await;
    assert_unavailable(tx.commit().await, Instant::now());
    assert_eq!(opened.find(ada.id).await, None);
    opened.assert_whole().await;
}
