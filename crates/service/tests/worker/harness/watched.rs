//! A real store that counts what it is asked for, and can leave who asks without an answer.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use keepstone_repository::{Repositories, Result, StorageError, Store, Transaction};

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
    /// How long the next one waits who asks for something to change with.
    pub delay: Mutex<Duration>,
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
            delay: Mutex::default(),
        })
    }

    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
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
        let delay = std::mem::take(&mut *self.delay.lock().unwrap());
        tokio::time::sleep(delay).await;
        if self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(away());
        }
        self.store.begin().await
    }

    async fn job_written(&self) {
        self.store.job_written().await;
    }

    async fn ping(&self) -> Result<()> {
        self.store.ping().await
    }

    async fn is_migrated(&self) -> Result<bool> {
        self.store.is_migrated().await
    }
}
