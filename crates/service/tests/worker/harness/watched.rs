//! A real store that counts its accesses, and can fail or hang on demand.

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
    /// Whether the next access for writing never completes.
    pub hangs_next_write: AtomicBool,
    /// Whether the next access for reading never completes.
    pub hangs_next_read: AtomicBool,
    /// Whether the next access for reading fails.
    pub fails_next_read: AtomicBool,
    /// How many of the next transactions fail to begin.
    pub failing_transactions: AtomicUsize,
    /// Locked, it blocks the start of transactions.
    pub begin_lock: Mutex<()>,
    /// Wakes a worker that waits for jobs.
    wake_up: Notify,
    was_woken: AtomicBool,
    polls: AtomicUsize,
}

impl Watched {
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            store,
            reads: AtomicUsize::default(),
            writes: AtomicUsize::default(),
            hangs_next_write: AtomicBool::default(),
            hangs_next_read: AtomicBool::default(),
            fails_next_read: AtomicBool::default(),
            failing_transactions: AtomicUsize::default(),
            begin_lock: Mutex::default(),
            wake_up: Notify::default(),
            was_woken: AtomicBool::default(),
            polls: AtomicUsize::default(),
        })
    }

    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    /// Wakes the worker, and waits until it has polled and waits again.
    pub async fn wake(&self) {
        let before = self.polls.load(Ordering::SeqCst);
        self.wake_up.notify_one();
        eventually("the worker has polled", async || self.polls.load(Ordering::SeqCst) > before).await;
    }
}

fn unavailable() -> StorageError {
    StorageError::Unavailable("as the test says".to_owned())
}

async fn hang_if(hangs_next: &AtomicBool) {
    if hangs_next.swap(false, Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
}

#[async_trait]
impl Store for Watched {
    async fn read(&self) -> Result<Box<dyn Repositories>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        hang_if(&self.hangs_next_read).await;
        if self.fails_next_read.swap(false, Ordering::SeqCst) {
            return Err(unavailable());
        }
        self.store.read().await
    }

    async fn write(&self) -> Result<Box<dyn Repositories>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        hang_if(&self.hangs_next_write).await;
        self.store.write().await
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        hang_if(&self.hangs_next_write).await;
        drop(self.begin_lock.lock().await);
        if self
            .failing_transactions
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok()
        {
            return Err(unavailable());
        }
        self.store.begin().await
    }

    async fn job_written(&self) {
        if self.was_woken.swap(false, Ordering::SeqCst) {
            self.polls.fetch_add(1, Ordering::SeqCst);
        }
        tokio::select! {
            biased;
            () = self.store.job_written() => {}
            () = self.wake_up.notified() => self.was_woken.store(true, Ordering::SeqCst),
        }
    }

    async fn ping(&self) -> Result<()> {
        self.store.ping().await
    }

    async fn is_migrated(&self) -> Result<bool> {
        self.store.is_migrated().await
    }
}
