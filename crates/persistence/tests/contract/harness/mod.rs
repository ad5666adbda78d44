//! The test harness: a separate database for each test. Tests share nothing, have no order and do not sleep.

mod panics;
mod property;
mod proxy;
mod raw;
mod sample;
mod schema;

use std::{
    ops::Deref,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use keepstone_domain::{Item, ItemFilter, ItemId, Page, PageRequest, RefreshToken, Session, User, UserId};
use keepstone_persistence::{DatabaseUrl, DieselStore, Target};
use keepstone_repository::{Result, Store};
use keepstone_test_backends::{Database, TestDatabase};
use uuid::Uuid;

pub use panics::Panics;
pub use property::holds;
pub use proxy::{Proxy, Tamper};
pub use raw::Raw;
pub use sample::{at, described, hash, hashed, item, named, next, person, session, user};
pub use schema::schema;

/// The maximum number of connections to a server.
pub const POOL_SIZE: usize = 4;
/// Long enough for any machine.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough for a busy machine, and shorter than any lock timeout.
pub const SOON: Duration = Duration::from_millis(2500);

/// A store with its own database.
pub struct Opened {
    pub store: Arc<DieselStore>,
    pub url: DatabaseUrl,
    pub kind: Database,
    _database: Option<TestDatabase>,
}

impl Opened {
    /// Opens a database without tables.
    pub async fn empty() -> Self {
        let kind = Database::chosen();
        let database = kind.create();
        let url: DatabaseUrl = database.url().parse().unwrap();
        let store = Arc::new(DieselStore::open(&url, POOL_SIZE).await.unwrap());
        Self { store, url, kind, _database: Some(database) }
    }

    /// Opens and migrates a database on a server that the test has started.
    pub async fn at(url: &str) -> Self {
        let url: DatabaseUrl = url.parse().unwrap();
        let store = Arc::new(DieselStore::open(&url, POOL_SIZE).await.unwrap());
        store.migrator().upgrade(Target::All).await.unwrap();
        Self { store, url, kind: Database::chosen(), _database: None }
    }

    pub async fn migrated() -> Self {
        let opened = Self::empty().await;
        opened.store.migrator().upgrade(Target::All).await.unwrap();
        opened
    }

    pub async fn with_users(users: &[&User]) -> Self {
        let opened = Self::migrated().await;
        for user in users {
            opened.insert(user).await.unwrap();
        }
        opened
    }

    /// Opens another store on the same database, like another node.
    pub async fn another(&self) -> Arc<DieselStore> {
        Arc::new(DieselStore::open(&self.url, POOL_SIZE).await.unwrap())
    }

    /// Returns the store for use in tasks.
    pub fn shared(&self) -> Arc<dyn Store> {
        Arc::<DieselStore>::clone(&self.store)
    }

    /// Opens a connection that bypasses the store.
    pub async fn raw(&self) -> Raw {
        Raw::open(&self.url).await
    }

    pub fn is_sqlite(&self) -> bool {
        self.kind == Database::Sqlite
    }

    pub async fn insert(&self, user: &User) -> Result<()> {
        self.transaction(async |tx| tx.users().insert(user, &hash("hash")).await).await
    }

    pub async fn insert_session(&self, session: &Session, token: &RefreshToken) -> Result<()> {
        self.transaction(async |tx| tx.sessions().insert(session, token).await).await
    }

    pub async fn find(&self, id: UserId) -> Option<User> {
        self.read().await.unwrap().users().find(id).await.unwrap()
    }

    pub async fn insert_items(&self, items: &[Item]) {
        for part in items.chunks(1000) {
            let kept = self.transaction(async |tx| tx.items().insert_missing(part).await).await;
            assert_eq!(kept, Ok(part.len()));
        }
    }

    pub async fn find_item(&self, id: ItemId) -> Option<Item> {
        self.read().await.unwrap().items().find(id).await.unwrap()
    }

    pub async fn items(&self, filter: &ItemFilter, request: &PageRequest) -> Page<Item> {
        self.read().await.unwrap().items().list(filter, request).await.unwrap()
    }

    /// Returns a public id as a SQL literal.
    pub fn literal(&self, id: impl Into<Uuid>) -> String {
        let simple = id.into().simple();
        if self.kind == Database::Postgres { format!("'{simple}'") } else { format!("x'{simple}'") }
    }

    /// Deletes all users, items, events and jobs.
    pub async fn clear(&self) {
        let mut raw = self.raw().await;
        for table in ["items", "users", "audit_events", "jobs"] {
            raw.run(&format!("DELETE FROM {table}")).await;
        }
    }

    /// Asserts that all connections of the pool can be acquired at once and answer.
    pub async fn assert_whole(&self) {
        let readers = if self.is_sqlite() { 2 } else { POOL_SIZE - 1 };
        let mut held = Vec::new();
        for _ in 0..readers {
            held.push(self.read().await.unwrap());
        }
        let mut writer = self.begin().await.unwrap();
        for reader in &mut held {
            assert_eq!(reader.users().find(UserId::generate()).await, Ok(None));
        }
        assert_eq!(writer.users().find(UserId::generate()).await, Ok(None));
        writer.rollback().await.unwrap();
    }
}

impl Deref for Opened {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

/// Polls a future at most this often and then drops it while it waits, as actix does when a client disconnects. Returns
/// `None` if it had not finished.
pub async fn abandon<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polled = 0;
    std::future::poll_fn(|context| {
        polled += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polled >= polls => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Polls a condition until it is true.
pub async fn eventually(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !ask().await {
        assert!(Instant::now() < deadline, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs all futures concurrently and returns their results in order.
pub async fn together<F: Future<Output: Send + 'static> + Send + 'static>(
    futures: impl IntoIterator<Item = F>,
) -> Vec<F::Output> {
    let tasks: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
