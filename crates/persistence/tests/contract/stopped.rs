//! A server that stops answering without closing connections: it is stopped, or the network loses packets.

use std::time::{Duration, Instant};

use keepstone_repository::StorageError;
use keepstone_test_backends::Database;
use rustix::process::Signal;

use crate::harness::{Opened, POOL_SIZE, Proxy, Tamper, eventually, hash, named, together, user};

const LIMIT: Duration = Duration::from_secs(5);

/// Calls everything concurrently, more often than there are connections, and asserts that each call fails in time.
async fn assert_everything_fails_in_time(opened: &Opened) {
    let outcomes = together((0..POOL_SIZE * 3).map(|number| {
        let store = opened.shared();
        async move {
            let start = Instant::now();
            let outcome = match number % 4 {
                0 => store.ping().await,
                1 => store.is_migrated().await.map(drop),
                2 => match store.read().await {
                    Ok(mut read) => read.users().find(user("absent").id).await.map(drop),
                    Err(error) => Err(error),
                },
                _ => store.transaction(async |tx| tx.users().insert(&named("new"), &hash("hash")).await).await,
            };
            (outcome, start.elapsed())
        }
    }))
    .await;
    for (outcome, elapsed) in outcomes {
        assert!(matches!(outcome, Err(StorageError::Unavailable(_))), "{outcome:?}");
        assert!(elapsed < LIMIT, "took {elapsed:?}");
    }
}

async fn assert_recovers(opened: &Opened) {
    eventually("the database answers again", async || opened.ping().await.is_ok()).await;
    opened.assert_whole().await;
    assert_eq!(opened.insert(&user("afterwards")).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_server_is_unavailable_in_time_and_comes_back() {
    let kind = Database::chosen();
    if kind == Database::Sqlite {
        eprintln!("skipped: SQLite has no server");
        return;
    }
    let server = kind.server();
    let opened = Opened::at(&kind.create_on(&server, "test")).await;
    opened.assert_whole().await;
    server.signal(Signal::STOP);
    assert_everything_fails_in_time(&opened).await;
    // The second time all connections have been closed.
    assert_everything_fails_in_time(&opened).await;
    server.signal(Signal::CONT);
    assert_recovers(&opened).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_packets_are_lost_is_unavailable_in_time_and_comes_back() {
    let kind = Database::chosen();
    if kind == Database::Sqlite {
        eprintln!("skipped: SQLite has no server");
        return;
    }
    let server = kind.server();
    let proxy = Proxy::start(server.port, Tamper::Nothing).await;
    let url = kind.create_on(&server, "test").replace(&format!(":{}", server.port), &format!(":{}", proxy.port));
    let opened = Opened::at(&url).await;
    opened.assert_whole().await;
    proxy.silence();
    assert_everything_fails_in_time(&opened).await;
    proxy.recover();
    assert_recovers(&opened).await;
}
