//! Password hashing on a server, with limited concurrency, a bounded queue and a uniform duration.
//!
//! A hash never runs on an I/O thread. The hashing thread owns its permit until the hash is done, even if the caller
//! has stopped waiting.

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

/// The limits on concurrent and waiting hashes of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of concurrent hashes. Use at most the number of cores. 0 counts as 1.
    pub concurrency: usize,
    /// The maximum number of waiting hashes. Further hashes are rejected at once.
    pub queue: usize,
    /// The longest time that a hash waits before it is rejected.
    pub wait: Duration,
}

impl Limits {
    /// Creates limits with this concurrency, 16 waiting hashes for each concurrent hash, and a wait of two seconds.
    #[must_use]
    pub fn new(concurrency: usize) -> Self {
        let concurrency = concurrency.max(1);
        Self { concurrency, queue: concurrency.saturating_mul(16), wait: Duration::from_secs(2) }
    }
}

/// A snapshot of the pool, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// The number of running hashes.
    pub running: usize,
    /// The number of waiting hashes.
    pub waiting: usize,
    /// The number of hashes rejected with [`PasswordError::Overloaded`] since construction.
    pub refused: u64,
    /// The number of hash functions run since construction.
    pub executed: u64,
}

/// A [`Hasher`] for servers, with limits on concurrency and waiting.
///
/// Create one instance per process and clone it: clones share limits and counters. The methods require a tokio runtime.
/// They run hashes on its blocking threads, at most [`concurrency`](Limits::concurrency) at a time.
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
    /// Creates the pool. It hashes nothing before the first call of a method.
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

    /// Measures how long a verification takes.
    ///
    /// Without this call the first verification measures it, and takes correspondingly longer. Spawn this method as a
    /// task at startup; the start does not need to wait for it.
    ///
    /// # Errors
    /// [`PasswordError::Overloaded`] or [`PasswordError::Failed`]. The first verification then measures.
    pub async fn warm_up(&self) -> Result<(), PasswordError> {
        self.run(|inner| inner.floor.measure(&inner.hasher)).await
    }

    /// Hashes a password with a fresh salt.
    ///
    /// # Errors
    /// The errors of [`Hasher::hash`], and [`PasswordError::Overloaded`].
    pub async fn hash(&self, password: SecretString) -> Result<PasswordHash, PasswordError> {
        self.run(move |inner| inner.hasher.hash(&password)).await?
    }

    /// Verifies a password against a user's hash. For an unknown user pass `None`: it takes the same time and never
    /// matches.
    ///
    /// # Errors
    /// [`PasswordError::Overloaded`], or [`PasswordError::Failed`] if the runtime shuts down.
    pub async fn verify(&self, password: SecretString, stored: Option<PasswordHash>) -> Result<Verdict, PasswordError> {
        let (verdict, started) = self.run(move |inner| inner.verify(&password, stored.as_ref())).await?;
        // The permit has been released already, so the padding does not delay other hashes.
        sleep_until((started + self.0.floor.get()).into()).await;
        Ok(verdict)
    }

    /// Returns a snapshot of the pool.
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
            // Moved into the thread: a cancelled caller must not release the permit of a hash that still runs.
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
        // There is no better estimate than the time that this caller has waited.
        let seconds = self.limits.wait.as_secs().max(1);
        PasswordError::Overloaded { retry_after: Duration::from_secs(seconds) }
    }
}

/// A place in the queue, released on drop: when its owner acquires a permit, times out or is cancelled.
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
