//! The storage interface of sessions. Each method is atomic, also when it runs concurrently with others.

use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use super::record::{Client, EndReason, EndScope, SessionInfo};
use crate::token::TokenChain;

/// The SHA-256 digest of a token id or an `Idempotency-Key`. Only digests are stored.
pub type Digest = [u8; 32];

/// A store of sessions and of the digests of their tokens.
///
/// - Times are whole microseconds since 1970 and are returned exactly.
/// - Subjects are compared byte for byte. They have 1 to 255 bytes and no control characters. A store may reject an
///   unknown subject.
/// - A method takes effect entirely or not at all. This also holds if its future is dropped, and no other method
///   observes an intermediate state.
/// - An error means that nothing has changed. If a connection breaks during a commit, the outcome is unknown; sessions
///   remain safe either way.
/// - A lock on a session is always acquired before the locks on its tokens.
///
/// `keepstone_auth::testing::session_store_contract` (feature `testing`) tests an implementation against these rules.
pub trait SessionStore: Send + Sync {
    /// The error of a failed operation.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Stores a session and its first token, generation 0, unconsumed. Its time of last use is its `created_at`.
    ///
    /// If the subject then has more than `cap` live sessions, ends the surplus and returns it. The reason is
    /// [`EndReason::Superseded`], the time the `created_at` of the new session. The surplus is the oldest by
    /// `created_at`, then by id, and never the new session. A live session has not ended and expires after the
    /// `created_at` of the new one.
    ///
    /// Sessions opened at the same moment may exceed the cap until the next one is opened.
    fn open(&self, session: &NewSession, cap: usize) -> impl Future<Output = Result<Vec<Uuid>, Self::Error>> + Send;

    /// Consumes a token and stores its successor, or returns why not. The first of these cases that applies:
    ///
    /// 1. No such session, or no such token in it: [`Exchanged::Unknown`].
    /// 2. The session has ended: [`Exchanged::Ended`].
    /// 3. The session expires at or before `now`: [`Exchanged::Expired`].
    /// 4. The token is consumed: [`Exchanged::Spent`], with its stored data.
    /// 5. The session was last used before `used_since`: [`Exchanged::Expired`].
    /// 6. Otherwise the token becomes consumed and its successor is stored: [`Exchanged::Done`]. The store records
    ///    `now` and the `retry_key` with the token, stores [`Exchange::successor`] unconsumed, and records `now` as the
    ///    last use of the session.
    ///
    /// Only `Done` changes anything. Of any number of concurrent exchanges of one token, exactly one is `Done`. Its
    /// changes are committed before it returns, and an [`end`](Self::end) happens before or after all of them.
    fn exchange(&self, exchange: &Exchange) -> impl Future<Output = Result<Exchanged, Self::Error>> + Send;

    /// Ends the subject's sessions that the scope contains and that have not ended, and returns them. Of any number of
    /// concurrent calls, exactly one returns a session. Time and reason of the first end are retained, and so are the
    /// tokens. An implementation may end or ignore an expired session.
    fn end(
        &self,
        subject: &str,
        scope: EndScope,
        reason: EndReason,
        at: SystemTime,
    ) -> impl Future<Output = Result<Vec<Uuid>, Self::Error>> + Send;

    /// Returns the session with this id, live or not, until it is removed. Its client is returned exactly as stored: an
    /// address of up to 45 bytes, and a user agent of up to [`Client::MAX_USER_AGENT`] bytes.
    fn find(&self, session_id: Uuid) -> impl Future<Output = Result<Option<SessionInfo>, Self::Error>> + Send;

    /// Returns all of the subject's sessions that have not ended and expire after `now`. The order is newest first, by
    /// `created_at`, then by id.
    fn list(
        &self,
        subject: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Vec<SessionInfo>, Self::Error>> + Send;

    /// Removes sessions that expire before `before`, with all their tokens, and nothing else. Removes as many as exist,
    /// but at most `limit`, and returns their number.
    ///
    /// A consumed token must be stored for as long as its session. Otherwise its reuse could not be detected.
    fn remove_expired(
        &self,
        before: SystemTime,
        limit: usize,
    ) -> impl Future<Output = Result<usize, Self::Error>> + Send;
}

/// A new session to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// The id of the session: a version 7 UUID.
    pub id: Uuid,
    /// The subject of the session.
    pub subject: String,
    /// When the session begins, and when its first token is issued.
    pub created_at: SystemTime,
    /// When the session expires.
    pub expires_at: SystemTime,
    /// The digest of the first token.
    pub digest: Digest,
    /// The origin of the login.
    pub client: Client,
}

/// A request to exchange a token for its successor.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The session, according to the claims of the token.
    pub session_id: Uuid,
    /// The digest of the token.
    pub digest: Digest,
    /// The digest of the request's `Idempotency-Key`. A retry with the same key receives the same successor.
    pub retry_key: Option<Digest>,
    /// A session last used before this time has been idle for too long.
    pub used_since: Option<SystemTime>,
    /// When the token is consumed and its successor is issued.
    pub now: SystemTime,
    /// The chain that derives the successor.
    pub chain: Arc<TokenChain>,
}

impl Exchange {
    /// Returns the data to store for the successor of a token with this generation.
    #[must_use]
    pub fn successor(&self, generation: u32) -> NextToken {
        let generation = generation.saturating_add(1);
        let digest = TokenChain::digest(&self.chain.token_id(self.session_id, generation));
        NextToken { generation, digest, issued_at: self.now }
    }
}

/// A successor to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextToken {
    /// The position of the token in the chain.
    pub generation: u32,
    /// The digest of the token.
    pub digest: Digest,
    /// When the token was issued: the `now` of its [`Exchange`].
    pub issued_at: SystemTime,
}

/// The result of an [`Exchange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchanged {
    /// The token is consumed, and its successor is stored.
    Done {
        /// The generation of the successor.
        generation: u32,
    },
    /// The token had been consumed before.
    Spent(Spent),
    /// The session has expired, or was idle for too long.
    Expired,
    /// The session has ended.
    Ended,
    /// The session does not exist, or does not contain this token.
    Unknown,
}

/// The stored data of a consumed token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// The position of the token in the chain.
    pub generation: u32,
    /// When the token was exchanged.
    pub consumed_at: SystemTime,
    /// The digest of the `Idempotency-Key` of the exchange.
    pub retry_key: Option<Digest>,
    /// The successor of the token.
    pub successor: Successor,
}

/// The stored data of a consumed token's successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Successor {
    /// The digest of the successor.
    pub digest: Digest,
    /// When the successor was issued.
    pub issued_at: SystemTime,
    /// Whether the successor has been exchanged as well.
    pub is_consumed: bool,
}

/// Allows several [`Sessions`](super::Sessions) to share one store.
impl<S: SessionStore> SessionStore for Arc<S> {
    type Error = S::Error;

    async fn open(&self, session: &NewSession, cap: usize) -> Result<Vec<Uuid>, Self::Error> {
        S::open(self, session, cap).await
    }

    async fn exchange(&self, exchange: &Exchange) -> Result<Exchanged, Self::Error> {
        S::exchange(self, exchange).await
    }

    async fn end(
        &self,
        subject: &str,
        scope: EndScope,
        reason: EndReason,
        at: SystemTime,
    ) -> Result<Vec<Uuid>, Self::Error> {
        S::end(self, subject, scope, reason, at).await
    }

    async fn find(&self, session_id: Uuid) -> Result<Option<SessionInfo>, Self::Error> {
        S::find(self, session_id).await
    }

    async fn list(&self, subject: &str, now: SystemTime) -> Result<Vec<SessionInfo>, Self::Error> {
        S::list(self, subject, now).await
    }

    async fn remove_expired(&self, before: SystemTime, limit: usize) -> Result<usize, Self::Error> {
        S::remove_expired(self, before, limit).await
    }
}
