//! An in-memory session store. A single lock makes each method atomic.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use uuid::Uuid;

use super::record::{EndReason, EndScope, SessionInfo};
use super::store::{Digest, Exchange, Exchanged, NewSession, NextToken, SessionStore, Spent, Successor};

/// An in-memory session store, for tests and for services with a single process. Its sessions end with the process.
///
/// Only [`remove_expired`](SessionStore::remove_expired) removes sessions: call
/// [`Sessions::clean_up`](super::Sessions::clean_up) regularly. Finding a subject's sessions scans all sessions, which
/// is fast enough for thousands.
#[derive(Debug, Default)]
pub struct MemorySessionStore(Mutex<HashMap<Uuid, Family>>);

#[derive(Debug)]
struct Family {
    info: SessionInfo,
    /// Indexed by generation. Only the last token is unconsumed.
    tokens: Vec<Token>,
    generations: HashMap<Digest, usize>,
}

#[derive(Debug)]
struct Token {
    digest: Digest,
    issued_at: SystemTime,
    consumed: Option<Consumed>,
}

#[derive(Debug)]
struct Consumed {
    at: SystemTime,
    retry_key: Option<Digest>,
}

impl MemorySessionStore {
    fn families(&self) -> MutexGuard<'_, HashMap<Uuid, Family>> {
        // A poisoned lock is safe to use: no caller's code and no await runs under the lock, so no panic can interrupt
        // a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionStore for MemorySessionStore {
    type Error = Infallible;

    async fn open(&self, session: &NewSession, cap: usize) -> Result<Vec<Uuid>, Infallible> {
        let mut families = self.families();
        let older = live(&mut families, &session.subject, session.created_at);
        let surplus = (older.len() + 1).saturating_sub(cap);
        let mut superseded = Vec::new();
        for family in older.into_iter().take(surplus) {
            family.info.ended = Some((session.created_at, EndReason::Superseded));
            superseded.push(family.info.id);
        }
        families.insert(session.id, Family::new(session));
        Ok(superseded)
    }

    async fn exchange(&self, exchange: &Exchange) -> Result<Exchanged, Infallible> {
        let mut families = self.families();
        Ok(families.get_mut(&exchange.session_id).map_or(Exchanged::Unknown, |family| family.exchange(exchange)))
    }

    async fn end(
        &self,
        subject: &str,
        scope: EndScope,
        reason: EndReason,
        at: SystemTime,
    ) -> Result<Vec<Uuid>, Infallible> {
        let mut ended = Vec::new();
        for info in self.families().values_mut().map(|family| &mut family.info) {
            if info.subject == subject && scope.contains(info.id) && info.ended.is_none() {
                info.ended = Some((at, reason));
                ended.push(info.id);
            }
        }
        Ok(ended)
    }

    async fn find(&self, session_id: Uuid) -> Result<Option<SessionInfo>, Infallible> {
        Ok(self.families().get(&session_id).map(|family| family.info.clone()))
    }

    async fn list(&self, subject: &str, now: SystemTime) -> Result<Vec<SessionInfo>, Infallible> {
        let mut families = self.families();
        Ok(live(&mut families, subject, now).into_iter().rev().map(|family| family.info.clone()).collect())
    }

    async fn remove_expired(&self, before: SystemTime, limit: usize) -> Result<usize, Infallible> {
        let mut families = self.families();
        let expired = families.values().filter(|family| family.info.expires_at < before);
        let expired: Vec<Uuid> = expired.map(|family| family.info.id).take(limit).collect();
        for id in &expired {
            families.remove(id);
        }
        Ok(expired.len())
    }
}

/// Returns the subject's live sessions, oldest first.
fn live<'a>(families: &'a mut HashMap<Uuid, Family>, subject: &str, now: SystemTime) -> Vec<&'a mut Family> {
    let mut live: Vec<_> =
        families.values_mut().filter(|family| family.info.subject == subject && family.info.is_live(now)).collect();
    live.sort_by_key(|family| (family.info.created_at, family.info.id));
    live
}

impl Family {
    fn new(session: &NewSession) -> Self {
        let info = SessionInfo {
            id: session.id,
            subject: session.subject.clone(),
            created_at: session.created_at,
            last_used_at: session.created_at,
            expires_at: session.expires_at,
            ended: None,
            client: session.client.clone(),
        };
        let mut family = Self { info, tokens: Vec::new(), generations: HashMap::new() };
        family.push(session.digest, session.created_at);
        family
    }

    fn push(&mut self, digest: Digest, issued_at: SystemTime) {
        self.generations.insert(digest, self.tokens.len());
        self.tokens.push(Token { digest, issued_at, consumed: None });
    }

    fn exchange(&mut self, exchange: &Exchange) -> Exchanged {
        let Some(&index) = self.generations.get(&exchange.digest) else { return Exchanged::Unknown };
        let Ok(generation) = u32::try_from(index) else { return Exchanged::Unknown };
        if self.info.ended.is_some() {
            return Exchanged::Ended;
        }
        if !self.info.is_live(exchange.now) {
            return Exchanged::Expired;
        }
        if let Some(spent) = self.spent(index, generation) {
            return Exchanged::Spent(spent);
        }
        if exchange.used_since.is_some_and(|since| self.info.last_used_at < since) {
            return Exchanged::Expired;
        }
        let NextToken { generation, digest, issued_at } = exchange.successor(generation);
        if let Some(token) = self.tokens.get_mut(index) {
            token.consumed = Some(Consumed { at: exchange.now, retry_key: exchange.retry_key });
        }
        self.push(digest, issued_at);
        self.info.last_used_at = exchange.now;
        Exchanged::Done { generation }
    }

    fn spent(&self, index: usize, generation: u32) -> Option<Spent> {
        let consumed = self.tokens.get(index)?.consumed.as_ref()?;
        let successor = self.tokens.get(index + 1)?;
        Some(Spent {
            generation,
            consumed_at: consumed.at,
            retry_key: consumed.retry_key,
            successor: Successor {
                digest: successor.digest,
                issued_at: successor.issued_at,
                is_consumed: successor.consumed.is_some(),
            },
        })
    }
}
