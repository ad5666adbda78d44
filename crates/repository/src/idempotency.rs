//! Storage of responses to requests that clients may retry.

use async_trait::async_trait;
use keepstone_domain::{Answer, Attempt, Timestamp};

use crate::Result;

/// The requests that carried an idempotency key, and their responses.
#[async_trait]
pub trait IdempotencyRepository {
    /// Records that a request is being executed. [`Duplicate`](crate::StorageError::Duplicate) if it is recorded
    /// already.
    async fn begin(&mut self, attempt: &Attempt, now: Timestamp) -> Result<()>;

    /// Finds a request: the attempt, with the digest of the body, and the response if there is one yet.
    async fn find(&mut self, request: &[u8; 32]) -> Result<Option<(Attempt, Option<Answer>)>>;

    /// Takes over a request that was begun so long ago that it must be abandoned, or answered so long ago that it
    /// counts as new. Returns `false` if it is neither.
    async fn take_over(
        &mut self,
        attempt: &Attempt,
        abandoned_before: Timestamp,
        answered_before: Timestamp,
        now: Timestamp,
    ) -> Result<bool>;

    /// Stores the response. Returns `false` if another attempt has taken over the request.
    async fn answer(&mut self, attempt: &Attempt, answer: &Answer) -> Result<bool>;

    /// Deletes an attempt that has no response.
    async fn abandon(&mut self, attempt: &Attempt) -> Result<()>;

    /// Deletes up to `limit` requests that were begun before this time, and returns their number.
    async fn delete_old(&mut self, before: Timestamp, limit: u32) -> Result<usize>;
}
