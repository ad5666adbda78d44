//! Hashing on a server: a few at a time, a bounded queue, an even duration. The rule: a hash never runs on an I/O
//! thread, and a permit belongs to the thread that hashes until it is done, even if nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::{sleep_until, timeout};

use super::floor::Floor;
use super::hasher::{Hasher, Verdict};
use super::stored::PasswordHash;
use crate::error::PasswordError;

/// How much hashing a process does at once, and how much may wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Hashes that run at the same time: at most the number of cores. 0 counts as 1.
    pub concurrency: usize,
    /// Hashes that wait for their turn; one more is refused at once.
    pub queue: usize,
    /// The longest that one waits for its turn.
    pub wait: Duration,
}

impl Limits {
    /// `concurrency` hashes at once, 16 waiting for each, for two seconds at most.
    #[must_use]
    pub fn new(concurrency: usize) -> Self {
        let concurrency = concurrency.max(1);
        Self { concurrency, queue: concurrency.saturating_mul(16), wait: Duration::from_secs(2) }
    }
}

/// A moment's view of the pool, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Hashes running now.
    pub running: usize,
    /// Hashes waiting for their turn now.
    pub waiting: usize,
    /// Hashes refused as [`PasswordError::Overloaded`] since the start.
    pub refused: u64,
    /// Hash functions run since the start.
    pub executed: u64,
}

/// A [`Hasher`] for servers. Make one for the process and clone it: the clones share limits and counters.
/// Its methods need a tokio runtime; they use its blocking threads, never more than `concurrency` of them.
#[derive(Debug, Clone)]
pub struct Passwords(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hasher: Hasher,
    limits: Limits,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    refused: AtomicU64,
    floor: Floor,
}

impl Passwords {
    /// Takes no time: nothing is hashed before the first call.
    #[must_use]
    pub fn new(hasher: Hasher, limits: Limits) -> Self {
        let limits = Limits { concurrency: limits.concurrency.clamp(1, Semaphore::MAX_PERMITS), ..limits };
        Self(Arc::new(Inner {
            hasher,
            limits,
            permits: Arc::new(Semaphore::new(limits.concurrency)),
            waiting: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            floor: Floor::default(),
        }))
    }

    /// Measures how long a verification takes. The first verification does it otherwise, and takes twice its time for
    /// it; so spawn this at start, and wait for nothing.
    ///
    /// # Errors
    /// `Overloaded` or `Failed`; the first verification then measures.
    pub async fn warm_up(&self) -> Result<(), PasswordError> {
        self.run(|inner| inner.floor.measure(&inner.hasher)).await
    }

    /// Hashes a password with a fresh salt.
    ///
    /// # Errors
    /// As [`Hasher::hash`], and `Overloaded`.
    pub async fn hash(&self, password: SecretString) -> Result<PasswordHash, PasswordError> {
        self.run(move |inner| inner.hasher.hash(&password)).await?
    }

    /// Compares a password with a user's hash. For an unknown user pass `None`: it takes the same time and never
    /// matches.
    ///
    /// # Errors
    /// `Overloaded`, or `Failed` when the runtime shuts down.
    pub async fn verify(&self, password: SecretString, stored: Option<PasswordHash>) -> Result<Verdict, PasswordError> {
        let (verdict, started) = self.run(move |inner| inner.verify(&password, stored.as_ref())).await?;
        // The permit is back by now: padding takes nobody's turn.
        sleep_until((started + self.0.floor.get()).into()).await;
        Ok(verdict)
    }

    /// What runs and waits now, and what happened so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            running: self.0.limits.concurrency.saturating_sub(self.0.permits.available_permits()),
            waiting: self.0.waiting.load(Ordering::Relaxed),
            refused: self.0.refused.load(Ordering::Relaxed),
            executed: self.0.hasher.executed(),
        }
    }

    async fn run<T, F>(&self, work: F) -> Result<T, PasswordError>
    where
        T: Send + 'static,
        F: FnOnce(&Inner) -> T + Send + 'static,
    {
        let permit = self.0.turn().await?;
        let inner = Arc::clone(&self.0);
        let hashing = spawn_blocking(move || {
            // Moved here so that a caller who goes away does not give up the turn of a thread that still hashes.
            let _permit = permit;
            work(&inner)
        });
        hashing.await.map_err(|_| PasswordError::Failed)
    }
}

impl Inner {
    fn verify(&self, password: &SecretString, stored: Option<&PasswordHash>) -> (Verdict, Instant) {
        self.floor.measure(&self.hasher);
        let started = Instant::now();
        let (verdict, ran) = self.hasher.judge(password, stored);
        self.floor.record(&self.hasher, ran, started.elapsed());
        (verdict, started)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, PasswordError> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let Some(_place) = Place::take(&self.waiting, self.limits.queue) else { return Err(self.overloaded()) };
        match timeout(self.limits.wait, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(self.overloaded()),
        }
    }

    fn overloaded(&self) -> PasswordError {
        self.refused.fetch_add(1, Ordering::Relaxed);
        // Whoever waited this long in vain knows nothing better than to wait as long again.
        let seconds = self.limits.wait.as_secs().max(1);
        PasswordError::Overloaded { retry_after: Duration::from_secs(seconds) }
    }
}

/// A place in the queue, given back when its owner gets a turn, gives up, or is dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, queue: usize) -> Option<Self> {
        let more = |count: usize| (count < queue).then_some(count + 1);
        waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
