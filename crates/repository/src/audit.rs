//! What storage can do with the audit log: add to it, and read it.

use async_trait::async_trait;
use keepstone_domain::{AuditEvent, AuditFilter, Involvement, Page, PageRequest, UserId};

use crate::Result;

/// The audit log. What is in it stays as it is.
#[async_trait]
pub trait AuditRepository {
    /// Adds an event: in the transaction of what it tells of, so that there is both or neither.
    async fn insert(&mut self, event: &AuditEvent) -> Result<()>;

    /// Adds many events, as [`insert`](Self::insert) does one.
    async fn insert_all(&mut self, events: &[AuditEvent]) -> Result<()>;

    /// The events that a filter lets through, newest first.
    async fn list(&mut self, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEvent>>;

    /// The events that a user is involved in in this way, newest first. How many there are is not counted.
    async fn list_of(
        &mut self,
        user_id: UserId,
        involvement: Involvement,
        page: &PageRequest,
    ) -> Result<Page<AuditEvent>>;
}
