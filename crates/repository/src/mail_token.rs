//! What storage can do with tokens that are sent by e-mail. Whoever writes or uses one holds its user first.

use async_trait::async_trait;
use keepstone_domain::{MailPurpose, MailToken, MailTokenId, Timestamp, UserId};

use crate::Result;

/// The tokens that were sent by e-mail.
#[async_trait]
pub trait MailTokenRepository {
    /// Keeps a new token, in place of the one that its user has for the same purpose. Who is deleted gets none.
    async fn replace(&mut self, token: &MailToken) -> Result<()>;

    /// The token with this id.
    async fn find(&mut self, id: MailTokenId) -> Result<Option<MailToken>>;

    /// The token with this digest.
    async fn find_by_digest(&mut self, digest: &[u8; 32]) -> Result<Option<MailToken>>;

    /// The token that a user has for a purpose.
    async fn find_of(&mut self, user_id: UserId, purpose: MailPurpose) -> Result<Option<MailToken>>;

    /// Uses a token up; `false` if it has been used up, or replaced. Of any number of calls at once, one gives `true`.
    async fn consume(&mut self, id: MailTokenId) -> Result<bool>;

    /// Deletes the tokens that a user has for these purposes.
    async fn delete_of(&mut self, user_id: UserId, purposes: &[MailPurpose]) -> Result<()>;

    /// Deletes up to `limit` tokens whose time was over before this; gives how many.
    async fn delete_expired(&mut self, before: Timestamp, limit: u32) -> Result<usize>;
}
