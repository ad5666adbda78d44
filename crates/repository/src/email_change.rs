//! What storage can do with changes of an e-mail address that can still be undone. A caller that adds or removes one holds
//! its user first.

use async_trait::async_trait;
use keepstone_domain::{Email, EmailChange, MailTokenId, Timestamp, UserId};

use crate::Result;

/// The changes of e-mail addresses that can still be undone.
#[async_trait]
pub trait EmailChangeRepository {
    /// Adds a change.
    async fn insert(&mut self, change: &EmailChange) -> Result<()>;

    /// The change with this id.
    async fn find(&mut self, id: MailTokenId) -> Result<Option<EmailChange>>;

    /// The change whose token has this digest.
    async fn find_by_digest(&mut self, digest: &[u8; 32]) -> Result<Option<EmailChange>>;

    /// The account that an address is reserved for at this time.
    ///
    /// A transaction that gives an account an address asks after it has done so: a change that frees the address at the
    /// same moment is visible by then.
    async fn find_owner(&mut self, email: &Email, now: Timestamp) -> Result<Option<UserId>>;

    /// The changes of an account that can be undone at this time, newest first.
    async fn list_of(&mut self, user_id: UserId, now: Timestamp) -> Result<Vec<EmailChange>>;

    /// Removes a change and all later ones of the same account; `false` if it was removed before.
    async fn undo(&mut self, id: MailTokenId) -> Result<bool>;

    /// Deletes up to `limit` changes that expired before this time, and returns their number.
    async fn delete_expired(&mut self, before: Timestamp, limit: u32) -> Result<usize>;
}
