//! The running attempts of a worker, and their leases.

use std::{collections::HashMap, sync::Arc, time::Duration};

use keepstone_domain::JobOutcome;
use tokio::{
    task::{self, JoinError, JoinSet},
    time::Instant,
};

use super::Worker;
use crate::tasks::Claimed;

/// The running attempts.
#[derive(Default)]
pub struct Held {
    attempts: JoinSet<()>,
    jobs: HashMap<task::Id, Claimed>,
}

impl Held {
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    pub fn begin(&mut self, worker: &Arc<Worker>, job: Claimed, deadline: Instant) {
        let worker = Arc::clone(worker);
        let handle = self.attempts.spawn(async move { worker.attempt(job, deadline).await });
        self.jobs.insert(handle.id(), job);
    }

    /// Waits until an attempt has ended; forever if none is running. This is cancel-safe.
    pub async fn next(&mut self) {
        match self.attempts.join_next_with_id().await {
            Some(ended) => self.forget(ended),
            None => std::future::pending().await,
        }
    }

    /// Removes all other attempts that have ended.
    pub fn forget_ended(&mut self) {
        while let Some(ended) = self.attempts.try_join_next_with_id() {
            self.forget(ended);
        }
    }

    fn forget(&mut self, ended: Result<(task::Id, ()), JoinError>) {
        self.jobs.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
    }

    /// Aborts all attempts and releases their jobs at once.
    pub async fn give_back(&mut self, worker: &Worker) {
        self.attempts.abort_all();
        while let Some(ended) = self.attempts.join_next_with_id().await {
            // Some attempts have finished despite the abort.
            if ended.is_ok() {
                self.forget(ended);
            }
        }
        for (_, job) in self.jobs.drain() {
            let outcome = JobOutcome::Again { after: Duration::ZERO, attempts: job.attempts - 1, error: None };
            worker.settle(&job, outcome).await;
        }
    }
}
