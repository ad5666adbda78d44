//! Storage of the audit log: append and read.

use async_trait::async_trait;
use keepstone_domain::{AuditEvent, AuditFilter, Involvement, Page, PageRequest, UserId};

use crate::Result;

/// The audit log. Events are never changed.
#[async_trait]
pub trait AuditRepository {
    /// Appends an event, in the transaction of the change that it records. Both are committed, or neither.
    async fn insert(&mut self, event: &AuditEvent) -> Result<()>;

    /// Appends many events, like [`insert`](Self::insert).
    async fn insert_all(&mut self, events: &[AuditEvent]) -> Result<()>;

    /// Lists the events that match a filter, newest first.
    async fn list(&mut self, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEvent>>;

    /// Lists the events in which a user is involved in this way, newest first. The total is not counted.
    async fn list_of(
        &mut self,
        user_id: UserId,
        involvement: Involvement,
        page: &PageRequest,
    ) -> Result<Page<AuditEvent>>;
}
