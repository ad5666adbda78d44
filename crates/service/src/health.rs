//! Whether this process can do its work.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use std::time::{Duration, Instant};

use keepstone_repository::Store;

use crate::Pulse;

/// How long an answer of the database is good: probes must not become load.
const FRESH: Duration = Duration::from_secs(1);

/// How one thing is that this process needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// It does what it should.
    Ok,
    /// It does not answer.
    Down,
    /// It waits for `keepstone migrate upgrade`.
    Pending,
}

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// Whether the database answers.
    pub database: Check,
    /// Whether the schema is what this program expects.
    pub migrations: Check,
    /// Whether this process does its share of the jobs.
    pub jobs: Check,
    /// Whether the process is shutting down and wants no more work.
    pub is_draining: bool,
}

impl Readiness {
    /// Whether requests should be sent here.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_draining && [self.database, self.migrations, self.jobs].iter().all(|check| *check == Check::Ok)
    }
}

/// Answers the probes.
pub struct Health {
    store: Arc<dyn Store>,
    worker: Option<(Pulse, Duration)>,
    is_draining: AtomicBool,
    last: Mutex<Option<(Instant, Check, Check)>>,
}

impl Health {
    /// Over the database that the process needs. If it has a worker, `worker` is its pulse, and after what time without
    /// a beat something is wrong with it.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>, worker: Option<(Pulse, Duration)>) -> Self {
        Self { store, worker, is_draining: AtomicBool::new(false), last: Mutex::new(None) }
    }

    /// From now on the process is not ready: it finishes what it has, and ends.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Asks the database, once a second at most.
    pub async fn readiness(&self) -> Readiness {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (database, migrations) = match last {
            Some((at, database, migrations)) if at.elapsed() < FRESH => (database, migrations),
            _ => {
                let (database, migrations) = self.ask().await;
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((Instant::now(), database, migrations));
                (database, migrations)
            }
        };
        Readiness { database, migrations, jobs: self.jobs(), is_draining: self.is_draining.load(Ordering::Relaxed) }
    }

    fn jobs(&self) -> Check {
        let age = self.worker.as_ref().and_then(|(pulse, limit)| Some((pulse.age()?, *limit)));
        match age {
            Some((age, limit)) if age > limit => Check::Down,
            _ => Check::Ok,
        }
    }

    async fn ask(&self) -> (Check, Check) {
        if let Err(error) = self.store.ping().await {
            tracing::warn!(%error, "not ready");
            return (Check::Down, Check::Down);
        }
        match self.store.is_migrated().await {
            Ok(true) => (Check::Ok, Check::Ok),
            Ok(false) | Err(_) => (Check::Ok, Check::Pending),
        }
    }
}
