//! What sessions ask of storage. The rule: each method happens entirely or not at all, also beside any other.

use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use super::record::{Client, EndReason, EndScope, SessionInfo};
use crate::token::TokenChain;

/// What is stored of a token or of an `Idempotency-Key`: SHA-256.
pub type Digest = [u8; 32];

/// Where sessions and the digests of their tokens are kept.
///
/// - Times are whole microseconds from 1970 on and are returned exactly.
/// - Subjects are compared byte for byte. They have 1 to 255 bytes and no control characters. A store may refuse one
///   that it does not know.
/// - A method happens entirely or not at all. This holds if its future is dropped, too, and no other method sees half of
///   it.
/// - An error means that nothing has happened. If a connection breaks during a commit nobody knows; sessions stay safe.
/// - A lock on a session is always taken before the locks on its tokens.
///
/// `keepstone_auth::testing::session_store_contract` (feature `testing`) tests an implementation against all of this.
pub trait SessionStore: Send + Sync {
    /// What can go wrong.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Keeps a session and its first token, generation 0, unconsumed. It was last used at its `created_at`.
    ///
    /// If the subject then has more than `cap` live sessions, ends the surplus and returns it. The reason is
    /// [`EndReason::Superseded`], the time the `created_at` of the new session. The surplus is the oldest by
    /// `created_at`, then by id, and never the new session. A live session has not ended and expires after the
    /// `created_at` of the new one.
    ///
    /// Sessions opened at the same moment may exceed the cap until the next one is opened.
    fn open(&self, session: &NewSession, cap: usize) -> impl Future<Output = Result<Vec<Uuid>, Self::Error>> + Send;

    /// Consumes a token and keeps its successor, or returns why not. The first of these that applies:
    ///
    /// 1. No such session, or no such token in it: [`Exchanged::Unknown`].
    /// 2. The session has ended: [`Exchanged::Ended`].
    /// 3. The session expires at or before `now`: [`Exchanged::Expired`].
    /// 4. The token is consumed: [`Exchanged::Spent`], with what is known of it.
    /// 5. The session was last used before `used_since`: [`Exchanged::Expired`].
    /// 6. Otherwise the token becomes consumed and its successor is kept: [`Exchanged::Done`]. The store notes `now` and
    ///    the `retry_key` with the token, keeps [`Exchange::successor`] unconsumed, and notes `now` as the last use of
    ///    the session.
    ///
    /// Only `Done` changes anything. Of any number of exchanges of one token at once, one is `Done`. Its changes are
    /// committed before it returns, and an [`end`](Self::end) comes before or after all of them.
    fn exchange(&self, exchange: &Exchange) -> impl Future<Output = Result<Exchanged, Self::Error>> + Send;

    /// Ends the subject's sessions that the scope contains and that have not ended, and returns them. Of any number of
    /// calls at once, one returns a session. Time and reason of the first end stay, and so do the tokens. A session that
    /// has expired may be ended or left alone.
    fn end(
        &self,
        subject: &str,
        scope: EndScope,
        reason: EndReason,
        at: SystemTime,
    ) -> impl Future<Output = Result<Vec<Uuid>, Self::Error>> + Send;

    /// The session with this id, live or not, until it is removed. Its client is returned as it was opened: an address of
    /// up to 45 bytes, and a user agent of up to [`Client::MAX_USER_AGENT`] bytes.
    fn find(&self, session_id: Uuid) -> impl Future<Output = Result<Option<SessionInfo>, Self::Error>> + Send;

    /// All of the subject's sessions that have not ended and expire after `now`. The newest comes first, by
    /// `created_at`, then by id.
    fn list(
        &self,
        subject: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Vec<SessionInfo>, Self::Error>> + Send;

    /// Removes sessions that expire before `before`, with all their tokens, and nothing else. A consumed token stays with
    /// its session: without it a reuse would be unknown. Removes as many as there are, but at most `limit`, and returns
    /// how many.
    fn remove_expired(
        &self,
        before: SystemTime,
        limit: usize,
    ) -> impl Future<Output = Result<usize, Self::Error>> + Send;
}

/// A session to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// A version 7 UUID.
    pub id: Uuid,
    /// Whose it is.
    pub subject: String,
    /// When it begins, and when its first token is issued.
    pub created_at: SystemTime,
    /// When it ends whatever happens.
    pub expires_at: SystemTime,
    /// Its first token.
    pub digest: Digest,
    /// Where the login came from.
    pub client: Client,
}

/// A token to exchange for its successor.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Whose token it is, by its claims.
    pub session_id: Uuid,
    /// The token.
    pub digest: Digest,
    /// The `Idempotency-Key` that will be answered with the same successor.
    pub retry_key: Option<Digest>,
    /// A session last used before this has been idle for too long.
    pub used_since: Option<SystemTime>,
    /// When it is consumed, and its successor issued.
    pub now: SystemTime,
    /// Names the successor.
    pub chain: Arc<TokenChain>,
}

impl Exchange {
    /// What to keep of the successor of a token with this generation.
    #[must_use]
    pub fn successor(&self, generation: u32) -> NextToken {
        let generation = generation.saturating_add(1);
        let digest = TokenChain::digest(&self.chain.token_id(self.session_id, generation));
        NextToken { generation, digest, issued_at: self.now }
    }
}

/// A successor to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextToken {
    /// Its place in the chain.
    pub generation: u32,
    /// By which it is found.
    pub digest: Digest,
    /// When it was issued: an [`Exchange`]'s `now`.
    pub issued_at: SystemTime,
}

/// What became of an [`Exchange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchanged {
    /// The token is consumed, and its successor is kept.
    Done {
        /// The successor's.
        generation: u32,
    },
    /// The token had been consumed before.
    Spent(Spent),
    /// The session's time is over, or it was idle for too long.
    Expired,
    /// The session was ended.
    Ended,
    /// There is no such token in such a session.
    Unknown,
}

/// What is known of a consumed token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Its place in the chain.
    pub generation: u32,
    /// When it was exchanged.
    pub consumed_at: SystemTime,
    /// The `Idempotency-Key` it was exchanged with.
    pub retry_key: Option<Digest>,
    /// What it was exchanged for.
    pub successor: Successor,
}

/// What is known of a consumed token's successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Successor {
    /// By which it is found.
    pub digest: Digest,
    /// When it was issued.
    pub issued_at: SystemTime,
    /// Whether it has been exchanged, too.
    pub is_consumed: bool,
}

/// So that one store can serve several [`Sessions`](super::Sessions).
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
