//! Readiness of this process.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use std::time::{Duration, Instant};

use keepstone_repository::Store;

use crate::Pulse;

/// How long a database check stays valid, so that probes do not add load.
const FRESH: Duration = Duration::from_secs(1);

/// The state of a dependency of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// It works.
    Ok,
    /// It does not respond.
    Down,
    /// It requires `keepstone migrate upgrade`.
    Pending,
}

/// The result of a readiness check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// The state of the database.
    pub database: Check,
    /// The state of the schema, compared with the schema that this program expects.
    pub migrations: Check,
    /// The state of this process's job worker.
    pub jobs: Check,
    /// Whether the process is shutting down and accepts no more work.
    pub is_draining: bool,
}

impl Readiness {
    /// Returns whether this process accepts requests.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_draining && [self.database, self.migrations, self.jobs].iter().all(|check| *check == Check::Ok)
    }
}

/// The health checks behind the probes.
pub struct Health {
    store: Arc<dyn Store>,
    worker: Option<(Pulse, Duration)>,
    is_draining: AtomicBool,
    last: Mutex<Option<(Instant, Check, Check)>>,
}

impl Health {
    /// Creates the health checks over the process's database. `worker` is the heartbeat of its worker, if it has one,
    /// and the longest time without a beat that is healthy.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>, worker: Option<(Pulse, Duration)>) -> Self {
        Self { store, worker, is_draining: AtomicBool::new(false), last: Mutex::new(None) }
    }

    /// Marks the process as not ready: it finishes the work in progress and exits.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Checks the database, at most once a second.
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
