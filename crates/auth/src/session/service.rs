//! Opening, refreshing and ending sessions. A token is only consumed if its response can be created, and a response is
//! only returned after the change was committed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use uuid::{NoContext, Timestamp, Uuid};

use super::pair::{Grant, Opened, PresentedToken, TokenPair, whole_micros};
use super::policy::SessionPolicy;
use super::record::{Client, EndReason, EndScope, SessionInfo};
use super::replay::is_forgiven;
use super::store::{Digest, Exchange, Exchanged, NewSession, NextToken, SessionStore, Spent};
use crate::error::{IssueError, OpenError, RefreshError, SessionPolicyError, TokenError};
use crate::token::{AccessGrant, Issuer, RefreshClaims, TokenChain};

/// The sessions of a service.
///
/// Creating a value is cheap: to change keys, create another over the same store.
#[derive(Clone)]
pub struct Sessions<S> {
    store: S,
    issuer: Arc<Issuer>,
    chain: Arc<TokenChain>,
    policy: SessionPolicy,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

impl<S: fmt::Debug> fmt::Debug for Sessions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Sessions");
        debug.field("store", &self.store).field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl<S: SessionStore> Sessions<S> {
    /// Creates a service that uses the system clock.
    ///
    /// Use the same chain secret for as long as its sessions exist. After a change, unused tokens remain valid. A retry
    /// with a consumed token always ends its session, because its successor cannot be derived again.
    ///
    /// # Errors
    /// The policy is invalid: a lifetime or idle time under one second, a cap of zero, or a window above 60 seconds.
    pub fn new(
        store: S,
        issuer: impl Into<Arc<Issuer>>,
        chain: impl Into<Arc<TokenChain>>,
        policy: SessionPolicy,
    ) -> Result<Self, SessionPolicyError> {
        policy.check()?;
        Ok(Self { store, issuer: issuer.into(), chain: chain.into(), policy, clock: Arc::new(SystemTime::now) })
    }

    /// Replaces the system clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Opens a session for an authenticated subject. `subject` has 1 to 255 bytes and no control characters.
    ///
    /// # Errors
    /// - [`OpenError::Issue`]: the tokens could not be issued. Nothing was stored.
    /// - [`OpenError::Store`]: the store failed. The session may have been stored.
    pub async fn open(&self, subject: &str, grant: &Grant<'_>, client: Client) -> Result<Opened, OpenError<S::Error>> {
        let now = self.now();
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let id = Uuid::new_v7(Timestamp::from_unix(NoContext, since_epoch.as_secs(), since_epoch.subsec_nanos()));
        let claims = RefreshClaims {
            subject: subject.to_owned(),
            session_id: id,
            token_id: self.chain.token_id(id, 0),
            issued_at: since_epoch.as_secs(),
            expires_at: since_epoch.as_secs().saturating_add(self.policy.lifetime.as_secs()),
        };
        let tokens = self.pair(&claims, self.access(subject, id, grant, now)?)?;
        let session = NewSession {
            id,
            subject: claims.subject,
            created_at: now,
            // An overflow cannot happen here: issuing the access token above would have failed.
            expires_at: UNIX_EPOCH
                .checked_add(Duration::from_secs(claims.expires_at))
                .ok_or(IssueError::Claim("exp"))?,
            digest: TokenChain::digest(&claims.token_id),
            client: client.cut(),
        };
        let superseded = self.store.open(&session, self.policy.cap).await.map_err(OpenError::Store)?;
        Ok(Opened { tokens, superseded })
    }

    /// Verifies form, signature, claims and age of a refresh token: the first step of a refresh, without I/O.
    ///
    /// # Errors
    /// [`TokenError::Expired`] if the token has expired and is otherwise valid, else [`TokenError::Invalid`].
    pub fn verify_refresh(&self, token: &str) -> Result<PresentedToken, TokenError> {
        Ok(PresentedToken { claims: self.issuer.verify_refresh_at(token, self.now())? })
    }

    /// Consumes a refresh token and returns its successor: the second step of a refresh.
    ///
    /// Before this call, check that the subject is still active, and determine its current role and scope. For a token
    /// that was consumed before, see the [table](super).
    ///
    /// # Errors
    /// See [`RefreshError`]. Only [`RefreshError::Reused`] guarantees that the stored session has changed.
    pub async fn refresh(
        &self,
        presented: &PresentedToken,
        grant: &Grant<'_>,
        idempotency_key: Option<&str>,
    ) -> Result<TokenPair, RefreshError<S::Error>> {
        let (now, claims) = (self.now(), &presented.claims);
        let access = self.access(&claims.subject, claims.session_id, grant, now)?;
        let exchange = Exchange {
            session_id: claims.session_id,
            digest: presented.digest(),
            retry_key: idempotency_key.map(|key| retry_key(claims.session_id, key)),
            used_since: self.used_since(now),
            now,
            chain: Arc::clone(&self.chain),
        };
        let successor = match self.store.exchange(&exchange).await.map_err(RefreshError::Store)? {
            Exchanged::Done { generation } => (generation, now),
            Exchanged::Spent(spent) => self.replayed(presented, &exchange, &spent).await?,
            Exchanged::Expired => return Err(RefreshError::Expired),
            Exchanged::Ended | Exchanged::Unknown => return Err(RefreshError::Revoked),
        };
        Ok(self.pair(&self.successor(claims, successor), access)?)
    }

    /// Returns generation and time of issue of the successor if a consumed token may return it again. Otherwise ends
    /// the session.
    async fn replayed(
        &self,
        presented: &PresentedToken,
        exchange: &Exchange,
        spent: &Spent,
    ) -> Result<(u32, SystemTime), RefreshError<S::Error>> {
        let NextToken { generation, digest, .. } = exchange.successor(spent.generation);
        // A different digest means that the chain secret has changed: the derived successor is not the stored one.
        if digest == spent.successor.digest
            && is_forgiven(spent, exchange.now, exchange.retry_key.as_ref(), &self.policy)
        {
            return Ok((generation, spent.successor.issued_at));
        }
        let one = EndScope::One(exchange.session_id);
        let ended = self.store.end(presented.subject(), one, EndReason::Reuse, exchange.now).await;
        Err(RefreshError::Reused { ended_now: !ended.map_err(RefreshError::Store)?.is_empty() })
    }

    /// Ends a session of the subject. Returns whether this call ended it. A session of another subject is not changed.
    ///
    /// To log out with a refresh token, pass its [session](PresentedToken::session_id). As the subject, pass the
    /// subject of the access token if the request has an access token, else [that of the refresh
    /// token](PresentedToken::subject).
    ///
    /// # Errors
    /// The store failed.
    pub async fn log_out(&self, subject: &str, session_id: Uuid) -> Result<bool, S::Error> {
        Ok(!self.end(subject, EndScope::One(session_id), EndReason::Logout).await?.is_empty())
    }

    /// Ends sessions of the subject, and returns the sessions that this call ended. Remove them from caches.
    ///
    /// # Errors
    /// The store failed.
    pub async fn end(&self, subject: &str, scope: EndScope, reason: EndReason) -> Result<Vec<Uuid>, S::Error> {
        self.store.end(subject, scope, reason, self.now()).await
    }

    /// Returns the subject's sessions that can still be refreshed, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(&self, subject: &str) -> Result<Vec<SessionInfo>, S::Error> {
        let now = self.now();
        let (mut sessions, used_since) = (self.store.list(subject, now).await?, self.used_since(now));
        sessions.retain(|session| used_since.is_none_or(|since| session.last_used_at >= since));
        Ok(sessions)
    }

    /// Returns the session with this id, of any subject and whether [live](SessionInfo::is_live) or not. `None` after
    /// the session was removed.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find(&self, session_id: Uuid) -> Result<Option<SessionInfo>, S::Error> {
        self.store.find(session_id).await
    }

    /// Removes at most `batch` expired sessions and returns their number. Fewer than `batch` means that no more are
    /// left.
    ///
    /// # Errors
    /// The store failed.
    pub async fn clean_up(&self, batch: usize) -> Result<usize, S::Error> {
        self.store.remove_expired(self.now(), batch).await
    }

    fn now(&self) -> SystemTime {
        whole_micros((self.clock)())
    }

    fn used_since(&self, now: SystemTime) -> Option<SystemTime> {
        now.checked_sub(self.policy.idle?)
    }

    /// Returns the claims of another token in the same chain.
    fn successor(&self, claims: &RefreshClaims, (generation, issued_at): (u32, SystemTime)) -> RefreshClaims {
        RefreshClaims {
            token_id: self.chain.token_id(claims.session_id, generation),
            issued_at: issued_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            ..claims.clone()
        }
    }

    fn access(
        &self,
        subject: &str,
        session_id: Uuid,
        &Grant { role, scope }: &Grant<'_>,
        now: SystemTime,
    ) -> Result<Access, IssueError> {
        let authenticated_at = began_at(session_id).unwrap_or(now);
        let token = self.issuer.access(&AccessGrant { subject, role, scope, session_id, authenticated_at }, now)?;
        Ok(Access { token: token.token.into(), expires_in: token.expires_in, scope: scope.to_owned() })
    }

    fn pair(&self, claims: &RefreshClaims, access: Access) -> Result<TokenPair, IssueError> {
        Ok(TokenPair {
            access_token: access.token,
            refresh_token: self.issuer.refresh(claims)?.into(),
            expires_in: access.expires_in,
            scope: access.scope,
            session_id: claims.session_id,
        })
    }
}

/// Returns when a session began: its id is a version 7 UUID of that moment, see [`Sessions::open`].
fn began_at(session_id: Uuid) -> Option<SystemTime> {
    let (seconds, nanos) = session_id.get_timestamp()?.to_unix();
    UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

struct Access {
    token: SecretString,
    expires_in: u64,
    scope: String,
}

/// Hashes an `Idempotency-Key` together with the session, so stored digests do not reveal that two users chose the same
/// key.
fn retry_key(session_id: Uuid, key: &str) -> Digest {
    Sha256::new_with_prefix(session_id).chain_update(key).finalize().into()
}
