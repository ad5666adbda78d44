//! Storage of sessions and their refresh tokens.

use async_trait::async_trait;
use keepstone_domain::{
    Page, PageRequest, RefreshToken, Session, SessionEnd, SessionId, SessionScope, Timestamp, User, UserId,
};

use crate::Result;

/// The sessions. Locks are always acquired in the order session, then token.
#[async_trait]
pub trait SessionRepository {
    /// Inserts a session and its first refresh token.
    async fn insert(&mut self, session: &Session, token: &RefreshToken) -> Result<()>;

    /// Finds a session and its user, even if either has ended or been deleted; the caller checks their state.
    async fn find_with_user(&mut self, id: SessionId) -> Result<Option<(Session, User)>>;

    /// Finds what a refresh reads before its transaction: the user of a session, even if deleted, and the generation of
    /// the refresh token with this digest, if it exists.
    async fn find_for_refresh(&mut self, id: SessionId, digest: &[u8; 32]) -> Result<Option<(User, Option<u32>)>>;

    /// Lists a user's live sessions, newest first; at most 1000.
    async fn list_live(&mut self, user_id: UserId, now: Timestamp) -> Result<Vec<Session>>;

    /// Lists all sessions of a user, ended ones included, newest first. The total is not counted.
    async fn list(&mut self, user_id: UserId, page: &PageRequest) -> Result<Page<Session>>;

    /// Records the use of a session, and locks it until the transaction ends. Returns `false` if it is not live, or was
    /// last used before `used_since`.
    async fn touch(&mut self, id: SessionId, used_since: Option<Timestamp>, now: Timestamp) -> Result<bool>;

    /// Ends the selected sessions of a user that have not ended, and returns their ids. Of concurrent calls, only one
    /// returns a given session.
    async fn end(
        &mut self,
        user_id: UserId,
        scope: SessionScope,
        reason: SessionEnd,
        now: Timestamp,
    ) -> Result<Vec<SessionId>>;

    /// Ends a user's oldest live sessions, so that `keep` remain besides this one. Returns the ids of the ended
    /// sessions.
    async fn end_surplus(
        &mut self,
        user_id: UserId,
        besides: SessionId,
        keep: u32,
        now: Timestamp,
    ) -> Result<Vec<SessionId>>;

    /// Deletes up to `limit` sessions that expired before this time, with their tokens, and returns their number.
    async fn delete_expired(&mut self, before: Timestamp, limit: u32) -> Result<usize>;

    /// Finds a refresh token by its digest, and its successor.
    async fn find_token(&mut self, digest: &[u8; 32]) -> Result<Option<(RefreshToken, Option<RefreshToken>)>>;

    /// Exchanges a fresh token for its successor. Returns `false`, and changes nothing, if the token is not fresh.
    ///
    /// The caller must have locked the session with [`touch`](Self::touch).
    async fn exchange(
        &mut self,
        digest: &[u8; 32],
        retry_key: Option<&[u8; 32]>,
        successor: &RefreshToken,
    ) -> Result<bool>;
}
