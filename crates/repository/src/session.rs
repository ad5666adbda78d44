//! What storage can do with sessions and their refresh tokens.

use async_trait::async_trait;
use keepstone_domain::{RefreshToken, Session, SessionId, User};

use crate::Result;

/// The sessions. Locks are always taken in the order session, then token.
#[async_trait]
pub trait SessionRepository {
    /// Keeps a new session and its first refresh token.
    async fn insert(&mut self, session: &Session, token: &RefreshToken) -> Result<()>;

    /// The session with this id and its user, deleted or not; whether they still count is the caller's to judge.
    async fn find_with_user(&mut self, id: SessionId) -> Result<Option<(Session, User)>>;
}
