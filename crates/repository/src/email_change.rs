//! Storage of changes of e-mail addresses that can still be undone.
//!
//! A caller that adds or removes a change must hold the lock on its user ([`hold`](crate::UserRepository::hold)).

use async_trait::async_trait;
use keepstone_domain::{Email, EmailChange, MailTokenId, Timestamp, UserId};

use crate::Result;

/// The changes of e-mail addresses that can still be undone.
#[async_trait]
pub trait EmailChangeRepository {
    /// Adds a change.
    async fn insert(&mut self, change: &EmailChange) -> Result<()>;

    /// Finds a change by its id.
    async fn find(&mut self, id: MailTokenId) -> Result<Option<EmailChange>>;

    /// Finds a change by the digest of its token.
    async fn find_by_digest(&mut self, digest: &[u8; 32]) -> Result<Option<EmailChange>>;

    /// Finds the account for which an address is reserved at this time.
    ///
    /// A transaction that sets the address of an account calls this afterwards. A change that frees the address at the
    /// same moment is visible by then.
    async fn find_owner(&mut self, email: &Email, now: Timestamp) -> Result<Option<UserId>>;

    /// Lists the changes of an account that can be undone at this time, newest first.
    async fn list_of(&mut self, user_id: UserId, now: Timestamp) -> Result<Vec<EmailChange>>;

    /// Removes a change and all later ones of the same account; `false` if it was removed before.
    async fn undo(&mut self, id: MailTokenId) -> Result<bool>;

    /// Deletes up to `limit` changes that expired before this time, and returns their number.
    async fn delete_expired(&mut self, before: Timestamp, limit: u32) -> Result<usize>;
}
