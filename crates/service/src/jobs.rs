//! Listing and retrying background jobs. The [`worker`](crate::worker) executes them.

use std::sync::Arc;

use keepstone_domain::{Job, JobFilter, JobId, Page, PageRequest};
use keepstone_repository::{Store, UnitOfWork};

use crate::{Caller, Error, Result, permission};

/// The jobs, for callers with permission to see them.
pub struct Jobs {
    store: Arc<dyn Store>,
}

impl Jobs {
    /// Creates the service over the database that stores the jobs.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Lists the jobs that match a filter, newest first. Requires `jobs:manage`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions).
    pub async fn list(&self, caller: &Caller, filter: &JobFilter, page: &PageRequest) -> Result<Page<Job>> {
        caller.require(&permission::JOBS_MANAGE)?;
        self.list_for_operator(filter, page).await
    }

    /// The same for the command line, without a permission check.
    ///
    /// # Errors
    /// Only storage errors.
    pub async fn list_for_operator(&self, filter: &JobFilter, page: &PageRequest) -> Result<Page<Job>> {
        Ok(self.store.read().await?.jobs().list(filter, page).await?)
    }

    /// Makes a dead or waiting job due at once. Requires `jobs:manage`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions), [`JobNotFound`](Error::JobNotFound),
    /// [`JobNotRetryable`](Error::JobNotRetryable).
    pub async fn retry(&self, caller: &Caller, id: JobId) -> Result<Job> {
        caller.require(&permission::JOBS_MANAGE)?;
        self.retry_for_operator(id).await
    }

    /// The same for the command line, without a permission check.
    ///
    /// # Errors
    /// [`JobNotFound`](Error::JobNotFound), [`JobNotRetryable`](Error::JobNotRetryable).
    pub async fn retry_for_operator(&self, id: JobId) -> Result<Job> {
        // In a transaction, so no worker claims the job before it is read.
        let retry = async |tx: &mut UnitOfWork| {
            let is_retried = tx.jobs().retry(id).await?;
            let job = tx.jobs().find(id).await?.ok_or(Error::JobNotFound)?;
            if is_retried { Ok(job) } else { Err(Error::JobNotRetryable) }
        };
        self.store.transaction(retry).await
    }
}
