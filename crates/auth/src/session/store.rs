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
/// All times are whole microseconds, never before 1970, and have to come back as they went in. Whoever locks takes the
/// session first and its tokens after it, always. An error means that nothing has happened, or, if a connection broke
/// while committing, that nobody knows; sessions stay safe in both cases.
///
/// `keepstone_auth::testing::session_store_contract` (feature `testing`) tests an implementation against all of this.
pub trait SessionStore: Send + Sync {
    /// What can go wrong.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Keeps a session and its first token, generation 0, unconsumed; it was last used when it was created. If the
    /// subject then has more than `cap` live sessions, ends the oldest of them (by `created_at`, then by id) for
    /// [`EndReason::Superseded`], and tells which; the new one is never among them. Live is what has not ended and does
    /// not expire at or before the new one's `created_at`.
    ///
    /// Sessions opened at the same moment may exceed the cap until the next one is opened.
    fn open(&self, session: &NewSession, cap: usize) -> impl Future<Output = Result<Vec<Uuid>, Self::Error>> + Send;

    /// Consumes a token and keeps its successor, or says why not. The first of these that applies:
    ///
    /// 1. no such session, or no such token in it: [`Exchanged::Unknown`];
    /// 2. the session has ended: [`Exchanged::Ended`];
    /// 3. it expires at or before `now`: [`Exchanged::Expired`];
    /// 4. the token is consumed: [`Exchanged::Spent`];
    /// 5. the session was last used, and so the token issued, before `used_since`: [`Exchanged::Expired`];
    /// 6. the token becomes consumed, with `now` and the `retry_key`; [`Exchange::successor`] is kept, unconsumed; the
    ///    session was last used `now`: [`Exchanged::Done`].
    ///
    /// Only the last changes anything, and it is a compare-and-swap: of any number at once, one is `Done`. What it has
    /// changed is committed before it returns, and an [`end`](Self::end) comes before or after all of it.
    fn exchange(&self, exchange: &Exchange) -> impl Future<Output = Result<Exchanged, Self::Error>> + Send;

    /// Ends those of the subject's sessions that are meant and have not ended, and tells which. Of any number of calls
    /// at once, one tells of a session. Their tokens stay. What has expired may be counted in or left alone.
    fn end(
        &self,
        subject: &str,
        scope: EndScope,
        reason: EndReason,
        at: SystemTime,
    ) -> impl Future<Output = Result<Vec<Uuid>, Self::Error>> + Send;

    /// The session with this id, live or not, until it is removed.
    fn find(&self, session_id: Uuid) -> impl Future<Output = Result<Option<SessionInfo>, Self::Error>> + Send;

    /// The subject's sessions that have not ended and expire after `now`; newest first, by `created_at`, then by id.
    fn list(
        &self,
        subject: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Vec<SessionInfo>, Self::Error>> + Send;

    /// Removes sessions that expire before `before`, with all their tokens: at most `limit`, and tells how many.
    /// Nothing else is ever removed, least of all a consumed token: whoever comes with it would be unknown.
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
