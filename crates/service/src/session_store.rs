//! The session store of `keepstone-auth` over this application's storage: each method is one transaction, which
//! includes its audit event.

use std::{sync::Arc, time::SystemTime};

use keepstone_auth::session::{
    self, EndReason, EndScope, Exchange, Exchanged, NewSession, SessionInfo, SessionStore, Spent, Successor,
};
use keepstone_domain::{
    AuditEvent, AuditKind, RefreshToken, RefreshTokenState, Session, SessionEnd, SessionId, SessionScope, SessionState,
    Timestamp, UserId,
};
use keepstone_repository::{Repositories, SessionRepository, StorageError, Store};
use secrecy::SecretString;
use thiserror::Error;
use uuid::Uuid;

use crate::{Client, Error, Outbox, Principals, to_the_end::to_the_end};

type Result<T, E = RequestStoreError> = std::result::Result<T, E>;

/// Session storage on behalf of one request. Its changes complete even if the client disconnects, and update
/// [`Principals`] before the response.
#[derive(Clone)]
pub struct RequestStore {
    store: Arc<dyn Store>,
    principals: Arc<Principals>,
    outbox: Outbox,
    client: Client,
    actor: Option<UserId>,
    verified: Option<SecretString>,
    generation: Option<u32>,
}

/// Why a session could not be stored or changed.
#[derive(Debug, Error)]
pub enum RequestStoreError {
    /// A storage error.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The password was changed, or the account closed, since the password was verified.
    #[error("the password is no longer valid for this user")]
    Outdated,
}

impl From<RequestStoreError> for Error {
    fn from(error: RequestStoreError) -> Self {
        match error {
            RequestStoreError::Storage(error) => error.into(),
            RequestStoreError::Outdated => Self::InvalidCredentials,
        }
    }
}

impl RequestStore {
    /// Creates a store on behalf of this client.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>, principals: Arc<Principals>, outbox: Outbox, client: Client) -> Self {
        Self { store, principals, outbox, client, actor: None, verified: None, generation: None }
    }

    /// Sets the acting user; the default is the subject of the presented token.
    #[must_use]
    pub fn by(self, actor: Option<UserId>) -> Self {
        Self { actor, ..self }
    }

    /// Restricts opening a session to a subject who is active and still has this password hash.
    #[must_use]
    pub fn verified(self, password_hash: &SecretString) -> Self {
        Self { verified: Some(password_hash.clone()), ..self }
    }

    /// Sets the known position of the presented token in its session's chain.
    #[must_use]
    pub fn with_generation(self, generation: Option<u32>) -> Self {
        Self { generation, ..self }
    }

    fn event(&self, kind: AuditKind, user_id: UserId, now: Timestamp) -> AuditEvent {
        let actor = self.actor.or(Some(user_id)).filter(|_| kind != AuditKind::RefreshReused);
        AuditEvent { actor, user_id: Some(user_id), ..self.client.event(kind, now) }
    }

    async fn keep(&self, session: &Session, token: &RefreshToken, cap: usize) -> Result<Vec<SessionId>> {
        let (user_id, now) = (session.user_id, session.created_at);
        let event = AuditEvent { session_id: Some(session.id), ..self.event(AuditKind::Login, user_id, now) };
        let others = u32::try_from(cap.saturating_sub(1)).unwrap_or(u32::MAX);
        self.store
            .transaction(async |tx| {
                // A change of the password locks the user, too, and ends the sessions afterwards. So this session is
                // either among them or not opened at all.
                if let Some(hash) = &self.verified
                    && !tx.users().hold_for_login(user_id, hash).await?
                {
                    return Err(RequestStoreError::Outdated);
                }
                tx.sessions().insert(session, token).await?;
                tx.audit().insert(&event).await?;
                Ok(tx.sessions().end_surplus(user_id, session.id, others, now).await?)
            })
            .await
    }

    async fn end_all(
        &self,
        user_id: UserId,
        scope: EndScope,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<Vec<SessionId>> {
        let (scope, one) = match scope {
            EndScope::One(id) => (SessionScope::One(id.into()), Some(SessionId::from(id))),
            EndScope::All => (SessionScope::All, None),
            EndScope::AllBut(id) => (SessionScope::AllBut(id.into()), None),
        };
        let (end, kind) = match reason {
            EndReason::Logout => (SessionEnd::Logout, AuditKind::Logout),
            EndReason::Reuse => (SessionEnd::Reuse, AuditKind::RefreshReused),
            EndReason::Revoked => (SessionEnd::Revoked, AuditKind::SessionsRevoked),
            EndReason::PasswordChanged => (SessionEnd::PasswordChanged, AuditKind::SessionsRevoked),
            EndReason::AccountClosed => (SessionEnd::AccountClosed, AuditKind::SessionsRevoked),
            EndReason::Superseded => (SessionEnd::Superseded, AuditKind::SessionsRevoked),
        };
        let event = AuditEvent { session_id: one, ..self.event(kind, user_id, now) };
        self.store
            .transaction(async |tx| {
                let ended = tx.sessions().end(user_id, scope, end, now).await?;
                if !ended.is_empty() {
                    if kind == AuditKind::RefreshReused {
                        self.outbox.tell_session_ended(tx, user_id, self.client.ip, now).await?;
                    }
                    let event = event.clone().with("sessions", ended.len().to_string());
                    tx.audit().insert(&event).await?;
                }
                Ok(ended)
            })
            .await
    }

    fn forget(&self, ended: Vec<SessionId>) -> Vec<Uuid> {
        self.principals.forget(&ended);
        ended.into_iter().map(Uuid::from).collect()
    }
}

impl SessionStore for RequestStore {
    type Error = RequestStoreError;

    async fn open(&self, session: &NewSession, cap: usize) -> Result<Vec<Uuid>> {
        let now = Timestamp::from(session.created_at);
        let stored = Session {
            id: session.id.into(),
            user_id: user_id(&session.subject)?,
            created_at: now,
            last_used_at: now,
            expires_at: session.expires_at.into(),
            ended: None,
            ip: session.client.ip.clone(),
            user_agent: session.client.user_agent.clone(),
        };
        let token = RefreshToken::fresh(stored.id, 0, session.digest, now);
        let this = self.clone();
        to_the_end(async move { Ok(this.forget(this.keep(&stored, &token, cap).await?)) }).await
    }

    async fn exchange(&self, exchange: &Exchange) -> Result<Exchanged> {
        match self.store.transaction(async |tx| exchange_in(&mut **tx, exchange, self.generation).await).await {
            Ok(generation) => Ok(Exchanged::Done { generation }),
            Err(NotDone::Refused(why)) => Ok(why),
            Err(NotDone::Storage(error)) => Err(error.into()),
        }
    }

    async fn end(&self, subject: &str, scope: EndScope, reason: EndReason, at: SystemTime) -> Result<Vec<Uuid>> {
        let (this, user_id) = (self.clone(), user_id(subject)?);
        to_the_end(async move { Ok(this.forget(this.end_all(user_id, scope, reason, at.into()).await?)) }).await
    }

    async fn find(&self, session_id: Uuid) -> Result<Option<SessionInfo>> {
        let found = self.store.read().await?.sessions().find_with_user(session_id.into()).await?;
        Ok(found.map(|(session, _)| info(session)))
    }

    async fn list(&self, subject: &str, now: SystemTime) -> Result<Vec<SessionInfo>> {
        let sessions = self.store.read().await?.sessions().list_live(user_id(subject)?, now.into()).await?;
        Ok(sessions.into_iter().map(info).collect())
    }

    async fn remove_expired(&self, before: SystemTime, limit: usize) -> Result<usize> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self.store.transaction(async |tx| Ok(tx.sessions().delete_expired(before.into(), limit).await?)).await
    }
}

/// Why an exchange is rolled back.
enum NotDone {
    Refused(Exchanged),
    Storage(StorageError),
}

impl From<StorageError> for NotDone {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// Locks the session first, then the token, so that an operation that ends the session runs either before or after the
/// whole exchange.
///
/// Takes three statements if the token's generation is known.
async fn exchange_in(tx: &mut dyn Repositories, exchange: &Exchange, generation: Option<u32>) -> Result<u32, NotDone> {
    let (session_id, now) = (SessionId::from(exchange.session_id), Timestamp::from(exchange.now));
    let sessions = tx.sessions();
    let generation = match generation {
        Some(generation) => generation,
        None => match find_token(sessions, exchange).await? {
            Some((token, None)) => token.generation,
            _ => return Err(NotDone::Refused(refusal(sessions, exchange).await?)),
        },
    };
    let next = exchange.successor(generation);
    let successor = RefreshToken::fresh(session_id, next.generation, next.digest, next.issued_at.into());
    if sessions.touch(session_id, exchange.used_since.map(Timestamp::from), now).await?
        && sessions.exchange(&exchange.digest, exchange.retry_key.as_ref(), &successor).await?
    {
        return Ok(next.generation);
    }
    Err(NotDone::Refused(refusal(sessions, exchange).await?))
}

/// Returns why a token was not exchanged. The session is read after the token: a session that is live now was live
/// then, too.
async fn refusal(
    sessions: &mut (dyn SessionRepository + Send),
    exchange: &Exchange,
) -> Result<Exchanged, StorageError> {
    let Some((token, successor)) = find_token(sessions, exchange).await? else { return Ok(Exchanged::Unknown) };
    let Some((session, _)) = sessions.find_with_user(token.session_id).await? else { return Ok(Exchanged::Unknown) };
    Ok(match session.state(exchange.now.into()) {
        SessionState::Ended(_) => Exchanged::Ended,
        SessionState::Expired => Exchanged::Expired,
        // A token that is still fresh belongs to a session that was idle for too long.
        SessionState::Live => {
            successor.and_then(|next| spent(&token, &next)).map_or(Exchanged::Expired, Exchanged::Spent)
        }
    })
}

/// Returns the token, if it belongs to this session, and its successor.
async fn find_token(
    sessions: &mut (dyn SessionRepository + Send),
    exchange: &Exchange,
) -> Result<Option<(RefreshToken, Option<RefreshToken>)>, StorageError> {
    let found = sessions.find_token(&exchange.digest).await?;
    Ok(found.filter(|(token, _)| token.session_id == SessionId::from(exchange.session_id)))
}

fn spent(token: &RefreshToken, successor: &RefreshToken) -> Option<Spent> {
    let RefreshTokenState::Consumed { at, retry_key } = token.state else { return None };
    Some(Spent {
        generation: token.generation,
        consumed_at: at.into(),
        retry_key,
        successor: Successor {
            digest: successor.digest,
            issued_at: successor.issued_at.into(),
            is_consumed: successor.state != RefreshTokenState::Fresh,
        },
    })
}

fn user_id(subject: &str) -> Result<UserId> {
    // An ID has several spellings, but a subject has only one.
    let id = subject.parse().ok().filter(|id: &UserId| id.to_string() == subject);
    id.ok_or_else(|| StorageError::Corrupt("a session's subject is not the id of a user".to_owned()).into())
}

fn info(session: Session) -> SessionInfo {
    SessionInfo {
        id: session.id.into(),
        subject: session.user_id.to_string(),
        created_at: session.created_at.into(),
        last_used_at: session.last_used_at.into(),
        expires_at: session.expires_at.into(),
        ended: session.ended.and_then(|(at, end)| Some((at.into(), EndReason::parse(end.name())?))),
        client: session::Client { ip: session.ip, user_agent: session.user_agent },
    }
}
