//! Reading the audit log. Each event is written in the same transaction as the change that it records.

use std::sync::Arc;

use keepstone_domain::{AuditEvent, AuditFilter, Page, PageRequest};
use keepstone_repository::Store;

use crate::{Caller, Result, permission};

/// The audit log, for callers with permission to read it.
pub struct Audit {
    store: Arc<dyn Store>,
}

impl Audit {
    /// Creates the service over the database that stores the events.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Lists the events that match a filter, newest first. Requires `audit:read`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](crate::Error::InsufficientPermissions).
    pub async fn list(&self, caller: &Caller, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEvent>> {
        caller.require(&permission::AUDIT_READ)?;
        Ok(self.store.read().await?.audit().list(filter, page).await?)
    }
}
