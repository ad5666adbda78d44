//! The sessions of `keepstone-auth` over our storage: each method is one transaction, with its audit event in it.

use std::{sync::Arc, time::SystemTime};

use keepstone_auth::session::{
    self, Digest, EndReason, EndScope, Exchange, Exchanged, NewSession, SessionInfo, SessionStore, Spent, Successor,
};
use keepstone_domain::{
    AuditEvent, AuditKind, RefreshToken, RefreshTokenState, Session, SessionEnd, SessionId, SessionScope, Timestamp,
    UserId,
};
use keepstone_repository::{Repositories, Result, StorageError, Store};
use uuid::Uuid;

use crate::Client;

/// Storage, on behalf of one request.
#[derive(Clone)]
pub struct RequestStore {
    pub store: Arc<dyn Store>,
    pub client: Client,
    /// Who asks; `None` if the token that is presented tells.
    pub actor: Option<UserId>,
}

impl SessionStore for RequestStore {
    type Error = StorageError;

    async fn open(&self, session: &NewSession, cap: usize) -> Result<Vec<Uuid>> {
        let (user_id, now) = (user_id(&session.subject)?, Timestamp::from(session.created_at));
        let kept = Session {
            id: session.id.into(),
            user_id,
            created_at: now,
            last_used_at: now,
            expires_at: session.expires_at.into(),
            ended: None,
            ip: session.client.ip.clone(),
            user_agent: session.client.user_agent.clone(),
        };
        let token = RefreshToken::fresh(kept.id, 0, session.digest, now);
        let event = AuditEvent { session_id: Some(kept.id), ..self.event(AuditKind::Login, user_id, now) };
        let others = u32::try_from(cap.saturating_sub(1)).unwrap_or(u32::MAX);
        let ended = self
            .store
            .transaction(async |tx| {
                tx.sessions().insert(&kept, &token).await?;
                tx.audit().insert(&event).await?;
                tx.sessions().end_surplus(user_id, kept.id, others, now).await
            })
            .await?;
        Ok(ended.into_iter().map(Uuid::from).collect())
    }

    async fn exchange(&self, exchange: &Exchange) -> Result<Exchanged> {
        let outcome = self.store.transaction(async |tx| exchange_in(&mut **tx, exchange).await).await;
        match outcome {
            Ok(generation) => Ok(Exchanged::Done { generation }),
            Err(NotDone::Refused(why)) => Ok(why),
            Err(NotDone::Storage(error)) => Err(error),
        }
    }

    async fn settle(&self, _: Uuid, digest: &Digest, at: SystemTime) -> Result<()> {
        let settled = self.store.transaction(async |tx| tx.sessions().settle(digest, at.into()).await).await;
        settled.inspect_err(|error| tracing::warn!(%error, "could not note when a refresh token was exchanged"))
    }

    async fn end(&self, subject: &str, scope: EndScope, reason: EndReason, at: SystemTime) -> Result<Vec<Uuid>> {
        let (user_id, now) = (user_id(subject)?, Timestamp::from(at));
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
        let ended = self
            .store
            .transaction(async |tx| {
                let ended = tx.sessions().end(user_id, scope, end, now).await?;
                if !ended.is_empty() {
                    let event = event.clone().with("sessions", ended.len().to_string());
                    tx.audit().insert(&event).await?;
                }
                Ok::<_, StorageError>(ended)
            })
            .await?;
        Ok(ended.into_iter().map(Uuid::from).collect())
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
        self.store.transaction(async |tx| tx.sessions().delete_expired(before.into(), limit).await).await
    }
}

impl RequestStore {
    fn event(&self, kind: AuditKind, user_id: UserId, now: Timestamp) -> AuditEvent {
        let actor = self.actor.or(Some(user_id)).filter(|_| kind != AuditKind::RefreshReused);
        AuditEvent { actor, user_id: Some(user_id), ..self.client.event(kind, now) }
    }
}

/// Why an exchange leaves no trace: everything that its transaction did is undone.
enum NotDone {
    Refused(Exchanged),
    Storage(StorageError),
}

impl From<StorageError> for NotDone {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// Session first, then token: whoever ends the session meanwhile waits, or has been here before.
async fn exchange_in(tx: &mut dyn Repositories, exchange: &Exchange) -> Result<u32, NotDone> {
    let (session_id, now) = (SessionId::from(exchange.session_id), Timestamp::from(exchange.now));
    let sessions = tx.sessions();
    let found = sessions.find_token(&exchange.digest).await?.filter(|(token, _)| token.session_id == session_id);
    let Some((token, _)) = found else { return Err(NotDone::Refused(Exchanged::Unknown)) };

    if sessions.touch(session_id, exchange.used_since.map(Timestamp::from), now).await? {
        let next = exchange.successor(token.generation);
        let successor = RefreshToken::fresh(session_id, next.generation, next.digest, next.issued_at.into());
        if sessions.exchange(&exchange.digest, exchange.retry_key.as_ref(), &successor).await? {
            return Ok(next.generation);
        }
    } else if let Some((session, _)) = sessions.find_with_user(session_id).await? {
        if session.ended.is_some() {
            return Err(NotDone::Refused(Exchanged::Ended));
        }
        if session.expires_at <= now {
            return Err(NotDone::Refused(Exchanged::Expired));
        }
    }
    // Looked at again, because somebody may have been faster since. Not consumed, it belongs to an idle session.
    let refused = match sessions.find_token(&exchange.digest).await? {
        Some((token, Some(successor))) => spent(&token, &successor).map_or(Exchanged::Expired, Exchanged::Spent),
        Some((_, None)) => Exchanged::Expired,
        None => Exchanged::Unknown,
    };
    Err(NotDone::Refused(refused))
}

fn spent(token: &RefreshToken, successor: &RefreshToken) -> Option<Spent> {
    let RefreshTokenState::Consumed { at, settled_at, retry_key } = token.state else { return None };
    Some(Spent {
        generation: token.generation,
        consumed_at: at.into(),
        settled_at: settled_at.map(SystemTime::from),
        retry_key,
        successor: Successor {
            digest: successor.digest,
            issued_at: successor.issued_at.into(),
            is_consumed: successor.state != RefreshTokenState::Fresh,
        },
    })
}

fn user_id(subject: &str) -> Result<UserId> {
    subject.parse().map_err(|_| StorageError::Corrupt("a session's subject is no id of a user".to_owned()))
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
