//! Looking at background jobs, and starting them again. What does them is in [`worker`](crate::worker).

use std::sync::Arc;

use keepstone_domain::{Job, JobFilter, JobId, Page, PageRequest};
use keepstone_repository::Store;

use crate::{Caller, Error, Result, permission};

/// The jobs, for those who may see them.
pub struct Jobs {
    store: Arc<dyn Store>,
}

impl Jobs {
    /// Over the database that has them.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The jobs that are meant, newest first. Needs `jobs:manage`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions).
    pub async fn list(&self, caller: &Caller, filter: &JobFilter, page: &PageRequest) -> Result<Page<Job>> {
        caller.require(&permission::JOBS_MANAGE)?;
        self.list_for_operator(filter, page).await
    }

    /// The same, on the command line.
    ///
    /// # Errors
    /// Storage's only.
    pub async fn list_for_operator(&self, filter: &JobFilter, page: &PageRequest) -> Result<Page<Job>> {
        Ok(self.store.read().await?.jobs().list(filter, page).await?)
    }

    /// Makes a job that is dead or waits due at once. Needs `jobs:manage`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions), [`JobNotFound`](Error::JobNotFound),
    /// [`JobNotRetryable`](Error::JobNotRetryable).
    pub async fn retry(&self, caller: &Caller, id: JobId) -> Result<Job> {
        caller.require(&permission::JOBS_MANAGE)?;
        self.retry_for_operator(id).await
    }

    /// The same, on the command line.
    ///
    /// # Errors
    /// [`JobNotFound`](Error::JobNotFound), [`JobNotRetryable`](Error::JobNotRetryable).
    pub async fn retry_for_operator(&self, id: JobId) -> Result<Job> {
        let mut repositories = self.store.write().await?;
        let is_retried = repositories.jobs().retry(id).await?;
        let job = repositories.jobs().find(id).await?.ok_or(Error::JobNotFound)?;
        if is_retried { Ok(job) } else { Err(Error::JobNotRetryable) }
    }
}
