//! Storage of background jobs. No lock is held while a job runs: a lease is just a time in the future, and the worker
//! that set it owns the job.

use async_trait::async_trait;
use keepstone_domain::{
    DueJob, DueJobs, Job, JobFilter, JobId, JobOutcome, Page, PageRequest, Routine, Task, Timestamp,
};

use crate::Result;

/// The jobs. Due times refer to the clock of the database, which all processes share.
#[async_trait]
pub trait JobRepository {
    /// Inserts a job that is due immediately, in the transaction of its cause. Both are committed, or neither.
    async fn insert(&mut self, id: JobId, task: &Task, now: Timestamp) -> Result<()>;

    /// Ensures that a routine has a job. Safe to call from many processes at once.
    async fn insert_routine(&mut self, routine: Routine, now: Timestamp) -> Result<()>;

    /// Lists the first jobs that are due, up to `limit`, and the time until the next one is due.
    async fn list_due(&mut self, limit: u32) -> Result<DueJobs>;

    /// Leases a job until this time. Returns `false` if another worker was faster.
    async fn claim(&mut self, job: &DueJob, until: Timestamp) -> Result<bool>;

    /// Finds the stored payload of a job: [`Task`] in JSON. `None` if the job no longer exists or is done.
    async fn find_task(&mut self, id: JobId) -> Result<Option<String>>;

    /// Records the outcome of the attempt whose lease ends at this time. Returns `false` if another worker has the job
    /// by now, or it has ended.
    async fn settle(&mut self, id: JobId, lease: Timestamp, outcome: &JobOutcome, now: Timestamp) -> Result<bool>;

    /// Makes a dead or waiting job due immediately and resets its attempts to 0. Returns `false` if there is no such
    /// job.
    async fn retry(&mut self, id: JobId) -> Result<bool>;

    /// Finds a job by its id.
    async fn find(&mut self, id: JobId) -> Result<Option<Job>>;

    /// Lists the jobs that match a filter, newest first.
    async fn list(&mut self, filter: &JobFilter, page: &PageRequest) -> Result<Page<Job>>;

    /// Deletes up to `limit` jobs that were done, or became dead, before these times. Returns their number.
    async fn delete_old(&mut self, done_before: Timestamp, dead_before: Timestamp, limit: u32) -> Result<usize>;
}
