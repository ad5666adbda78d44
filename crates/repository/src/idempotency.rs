//! What storage can do with the answers to requests that may be sent again.

use async_trait::async_trait;
use keepstone_domain::{Answer, Attempt, Timestamp};

use crate::Result;

/// The requests that carried an idempotency key, and their answers.
#[async_trait]
pub trait IdempotencyRepository {
    /// Notes that a request is being answered. [`Duplicate`](crate::StorageError::Duplicate) if it was noted before.
    async fn begin(&mut self, attempt: &Attempt, now: Timestamp) -> Result<()>;

    /// What is known of a request: the digest of its body, and its answer, if it has one by now.
    async fn find(&mut self, request: &[u8; 32]) -> Result<Option<(Attempt, Option<Answer>)>>;

    /// Takes over a request that was begun so long ago that nobody can be working on it, or was answered so long ago
    /// that it counts as new; `false` if it is neither.
    async fn take_over(
        &mut self,
        attempt: &Attempt,
        abandoned_before: Timestamp,
        answered_before: Timestamp,
        now: Timestamp,
    ) -> Result<bool>;

    /// Keeps the answer; `false` if somebody else has taken over the request.
    async fn answer(&mut self, attempt: &Attempt, answer: &Answer) -> Result<bool>;

    /// Forgets an attempt that has no answer.
    async fn abandon(&mut self, attempt: &Attempt) -> Result<()>;

    /// Forgets up to `limit` requests that were begun before this time; gives how many.
    async fn delete_old(&mut self, before: Timestamp, limit: u32) -> Result<usize>;
}
