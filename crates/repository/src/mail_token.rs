//! Storage of tokens that are sent by e-mail. A caller that writes or uses a token must hold the lock on its user.

use async_trait::async_trait;
use keepstone_domain::{MailPurpose, MailToken, MailTokenId, Timestamp, UserId};

use crate::Result;

/// The tokens that were sent by e-mail.
#[async_trait]
pub trait MailTokenRepository {
    /// Inserts a token and deletes the user's previous token for the same purpose. Fails for a deleted user.
    async fn replace(&mut self, token: &MailToken) -> Result<()>;

    /// Finds a token by its id.
    async fn find(&mut self, id: MailTokenId) -> Result<Option<MailToken>>;

    /// Finds a token by its digest.
    async fn find_by_digest(&mut self, digest: &[u8; 32]) -> Result<Option<MailToken>>;

    /// Finds the token of a user for a purpose.
    async fn find_of(&mut self, user_id: UserId, purpose: MailPurpose) -> Result<Option<MailToken>>;

    /// Consumes a token. Returns `false` if it was consumed or replaced before. Of concurrent calls, only one returns
    /// `true`.
    async fn consume(&mut self, id: MailTokenId) -> Result<bool>;

    /// Deletes the tokens of a user for these purposes.
    async fn delete_of(&mut self, user_id: UserId, purposes: &[MailPurpose]) -> Result<()>;

    /// Deletes up to `limit` tokens that expired before this time, and returns their number.
    async fn delete_expired(&mut self, before: Timestamp, limit: u32) -> Result<usize>;
}
