//! What storage can do with sessions and their refresh tokens.

use async_trait::async_trait;
use keepstone_domain::{
    Page, PageRequest, RefreshToken, Session, SessionEnd, SessionId, SessionScope, Timestamp, User, UserId,
};

use crate::Result;

/// The sessions. Locks are always taken in the order session, then token.
#[async_trait]
pub trait SessionRepository {
    /// Keeps a new session and its first refresh token.
    async fn insert(&mut self, session: &Session, token: &RefreshToken) -> Result<()>;

    /// The session with this id and its user, deleted or not; whether they still count is the caller's to judge.
    async fn find_with_user(&mut self, id: SessionId) -> Result<Option<(Session, User)>>;

    /// The user of a session, deleted or not, and the generation of its refresh token with this digest, if there is
    /// one: what a refresh reads before its transaction.
    async fn find_for_refresh(&mut self, id: SessionId, digest: &[u8; 32]) -> Result<Option<(User, Option<u32>)>>;

    /// A user's sessions that live, newest first; a thousand at most.
    async fn list_live(&mut self, user_id: UserId, now: Timestamp) -> Result<Vec<Session>>;

    /// A user's sessions, with those that have ended, newest first. How many there are is not counted.
    async fn list(&mut self, user_id: UserId, page: &PageRequest) -> Result<Page<Session>>;

    /// Notes that a session is used, and holds it until the transaction ends; `false` if it does not live, or was last
    /// used before `used_since`.
    async fn touch(&mut self, id: SessionId, used_since: Option<Timestamp>, now: Timestamp) -> Result<bool>;

    /// Ends those of a user's sessions that are meant and have not ended, and gives them. Of any number of calls at
    /// once, one gives a session.
    async fn end(
        &mut self,
        user_id: UserId,
        scope: SessionScope,
        reason: SessionEnd,
        now: Timestamp,
    ) -> Result<Vec<SessionId>>;

    /// Ends a user's oldest live sessions, so that `keep` are left besides this one, and gives those that it ended.
    async fn end_surplus(
        &mut self,
        user_id: UserId,
        besides: SessionId,
        keep: u32,
        now: Timestamp,
    ) -> Result<Vec<SessionId>>;

    /// Deletes up to `limit` sessions that expire before this time, and their tokens; returns how many.
    async fn delete_expired(&mut self, before: Timestamp, limit: u32) -> Result<usize>;

    /// The refresh token with this digest, and the one that it was exchanged for.
    async fn find_token(&mut self, digest: &[u8; 32]) -> Result<Option<(RefreshToken, Option<RefreshToken>)>>;

    /// Exchanges a fresh token for its successor; `false`, and nothing is changed, if it is not fresh.
    ///
    /// The caller holds the session: see [`touch`](Self::touch).
    async fn exchange(
        &mut self,
        digest: &[u8; 32],
        retry_key: Option<&[u8; 32]>,
        successor: &RefreshToken,
    ) -> Result<bool>;
}
