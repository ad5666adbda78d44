//! A real store that counts what it is asked for, and can leave who asks without an answer.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use keepstone_repository::{Repositories, Result, StorageError, Store, Transaction};
use tokio::sync::{Mutex, Notify};

use super::eventually;

pub struct Watched {
    store: Arc<dyn Store>,
    reads: AtomicUsize,
    writes: AtomicUsize,
    /// The next one who asks for something to change with is never answered.
    pub is_deaf_to_writer: AtomicBool,
    /// The same of who asks for something to look with.
    pub is_deaf_to_reader: AtomicBool,
    /// The next one who asks for something to look with is told that there is nothing.
    pub is_away: AtomicBool,
    /// How many of the next who want to change something are told the same.
    pub refusals: AtomicUsize,
    /// Whoever has this lets nobody begin a transaction.
    pub door: Mutex<()>,
    /// Tells who waits for jobs that there may be one.
    bell: Notify,
    has_heard: AtomicBool,
    answers: AtomicUsize,
}

impl Watched {
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            store,
            reads: AtomicUsize::default(),
            writes: AtomicUsize::default(),
            is_deaf_to_writer: AtomicBool::default(),
            is_deaf_to_reader: AtomicBool::default(),
            is_away: AtomicBool::default(),
            refusals: AtomicUsize::default(),
            door: Mutex::default(),
            bell: Notify::default(),
            has_heard: AtomicBool::default(),
            answers: AtomicUsize::default(),
        })
    }

    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    /// Says that there may be a job, until the worker waits again, which has looked by then.
    pub async fn ring(&self) {
        let before = self.answers.load(Ordering::SeqCst);
        self.bell.notify_one();
        eventually("it has looked", async || self.answers.load(Ordering::SeqCst) > before).await;
    }
}

fn away() -> StorageError {
    StorageError::Unavailable("as the test says".to_owned())
}

async fn listen(is_deaf: &AtomicBool) {
    if is_deaf.swap(false, Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
}

#[async_trait]
impl Store for Watched {
    async fn read(&self) -> Result<Box<dyn Repositories>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        listen(&self.is_deaf_to_reader).await;
        if self.is_away.swap(false, Ordering::SeqCst) {
            return Err(away());
        }
        self.store.read().await
    }

    async fn write(&self) -> Result<Box<dyn Repositories>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        listen(&self.is_deaf_to_writer).await;
        self.store.write().await
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        listen(&self.is_deaf_to_writer).await;
        drop(self.door.lock().await);
        if self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(away());
        }
        self.store.begin().await
    }

    async fn job_written(&self) {
        if self.has_heard.swap(false, Ordering::SeqCst) {
            self.answers.fetch_add(1, Ordering::SeqCst);
        }
        tokio::select! {
            biased;
            () = self.store.job_written() => {}
            () = self.bell.notified() => self.has_heard.store(true, Ordering::SeqCst),
        }
    }

    async fn ping(&self) -> Result<()> {
        self.store.ping().await
    }

    async fn is_migrated(&self) -> Result<bool> {
        self.store.is_migrated().await
    }
}
