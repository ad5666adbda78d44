//! Reading the audit log. It is written by whoever does what it tells of, in the same transaction.

use std::sync::Arc;

use keepstone_domain::{AuditEvent, AuditFilter, Page, PageRequest};
use keepstone_repository::Store;

use crate::{Caller, Result, permission};

/// The audit log, for those who may read it.
pub struct Audit {
    store: Arc<dyn Store>,
}

impl Audit {
    /// Over the database that the events are in.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The events that a filter lets through, newest first. Needs `audit:read`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](crate::Error::InsufficientPermissions).
    pub async fn list(&self, caller: &Caller, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEvent>> {
        caller.require(&permission::AUDIT_READ)?;
        Ok(self.store.read().await?.audit().list(filter, page).await?)
    }
}
