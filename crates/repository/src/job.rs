//! What storage can do with jobs. No lock is held while a job is done: a lease is a time, and whoever moves it has the
//! job.

use async_trait::async_trait;
use keepstone_domain::{
    DueJob, DueJobs, Job, JobFilter, JobId, JobOutcome, Page, PageRequest, Routine, Task, Timestamp,
};

use crate::Result;

/// The jobs. When one is due is told by the database's clock, which all processes share.
#[async_trait]
pub trait JobRepository {
    /// Writes down a job that is due at once: in the transaction of what causes it, so that there is both or neither.
    async fn insert(&mut self, id: JobId, task: &Task, now: Timestamp) -> Result<()>;

    /// Sees that there is a job for a routine. Many processes may do so at once.
    async fn insert_routine(&mut self, routine: Routine, now: Timestamp) -> Result<()>;

    /// The first jobs that are due, `limit` at most, and how long it is until the next one is.
    async fn list_due(&mut self, limit: u32) -> Result<DueJobs>;

    /// Takes a job until this time; `false` if somebody else was faster.
    async fn claim(&mut self, job: &DueJob, until: Timestamp) -> Result<bool>;

    /// What a job is about, as it was written down: [`Task`] in JSON. `None` if there is nothing to do any more.
    async fn find_task(&mut self, id: JobId) -> Result<Option<String>>;

    /// Notes how the attempt ended whose lease ends at this time; `false` if somebody else has the job by now, or it is
    /// over.
    async fn settle(&mut self, id: JobId, lease: Timestamp, outcome: &JobOutcome, now: Timestamp) -> Result<bool>;

    /// Makes a job that is dead or waits due at once, and counts its attempts from 0 again; `false` if there is none.
    async fn retry(&mut self, id: JobId) -> Result<bool>;

    /// The job with this id.
    async fn find(&mut self, id: JobId) -> Result<Option<Job>>;

    /// Those that are meant, newest first.
    async fn list(&mut self, filter: &JobFilter, page: &PageRequest) -> Result<Page<Job>>;

    /// Deletes up to `limit` jobs that were done, or given up, before these times; gives how many.
    async fn delete_old(&mut self, done_before: Timestamp, dead_before: Timestamp, limit: u32) -> Result<usize>;
}
