//! Deliberately faulty stores, which the suite must detect: an in-memory store and a list of faults.
//! Without a fault the store satisfies the contract.
#![expect(clippy::unwrap_used, reason = "a poisoned lock has failed the test already")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use keepstone_auth::session::{
    Client, Digest, EndReason, EndScope, Exchange, Exchanged, NewSession, SessionInfo, SessionStore, Spent, Successor,
};
use keepstone_auth::testing::{BrokenRule, Fixture, Subjects, check_session_store};
use uuid::Uuid;

use crate::faults::Fault::{self, *};

/// Returns a function that creates fresh stores with this fault.
pub fn fixture(fault: Option<Fault>) -> impl AsyncFn() -> Fixture<FaultyStore> {
    async move || Fixture {
        store: FaultyStore { fault, families: Arc::default(), lists: Arc::default() },
        subjects: Subjects::Any,
    }
}

/// Tests a store with this fault. Returns the rule that it breaks, if any.
pub async fn check(fault: Option<Fault>) -> Result<(), BrokenRule> {
    check_session_store(fixture(fault)).await
}

type Families = HashMap<Uuid, Family>;

#[derive(Debug, Clone)]
pub struct FaultyStore {
    fault: Option<Fault>,
    families: Arc<Mutex<Families>>,
    /// The number of times sessions were listed.
    lists: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Family {
    info: SessionInfo,
    tokens: Vec<Token>,
    /// The session is removed, but its tokens are not.
    is_gone: bool,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    digest: Digest,
    issued_at: SystemTime,
    consumed: Option<(SystemTime, Option<Digest>)>,
}

impl Token {
    fn fresh(digest: Digest, issued_at: SystemTime) -> Self {
        Self { digest, issued_at, consumed: None }
    }
}

fn cut(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

impl FaultyStore {
    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn lock(&self) -> MutexGuard<'_, Families> {
        self.families.lock().unwrap()
    }

    fn same(&self, one: &str, other: &str) -> bool {
        match self.fault {
            Some(SubjectFolded) => one.to_lowercase() == other.to_lowercase(),
            Some(SubjectTrimmed) => one.trim_end() == other.trim_end(),
            Some(SubjectCutTo32) => cut(one, 32) == cut(other, 32),
            Some(SubjectCutTo254) => cut(one, 254) == cut(other, 254),
            Some(SubjectIsAPattern) => one == other || other == "%",
            _ => one == other,
        }
    }

    /// Converts a time to the precision of this store.
    fn time(&self, time: SystemTime) -> SystemTime {
        let since = time.duration_since(UNIX_EPOCH).unwrap();
        match self.fault {
            Some(TimesInMillis) => UNIX_EPOCH + Duration::from_millis(u64::try_from(since.as_millis()).unwrap()),
            Some(TimesInSeconds) => UNIX_EPOCH + Duration::from_secs(since.as_secs()),
            _ => time,
        }
    }

    fn client(&self, mut client: Client) -> Client {
        match self.fault {
            Some(UserAgentCutTo255) => client.user_agent = client.user_agent.map(|agent| cut(&agent, 255)),
            Some(UserAgentInAscii) => client.user_agent = client.user_agent.map(|agent| agent.replace('😀', "?")),
            Some(UserAgentTrimmed) => client.user_agent = client.user_agent.map(|agent| agent.trim().to_owned()),
            Some(UserAgentNullIfEmpty) => client.user_agent = client.user_agent.filter(|agent| !agent.is_empty()),
            Some(AddressCutTo39) => client.ip = client.ip.map(|ip| cut(&ip, 39)),
            Some(ClientNotStored) => client = Client::default(),
            _ => {}
        }
        client
    }

    fn family(&self, session: &NewSession) -> Family {
        let info = SessionInfo {
            id: session.id,
            subject: if self.is(SubjectStoredInLowerCase) {
                session.subject.to_lowercase()
            } else {
                session.subject.clone()
            },
            created_at: self.time(session.created_at),
            last_used_at: if self.is(NewIsUnused) { UNIX_EPOCH } else { self.time(session.created_at) },
            expires_at: self.time(session.expires_at),
            ended: None,
            client: self.client(session.client.clone()),
        };
        let first = Token::fresh(session.digest, self.time(session.created_at));
        let tokens = if self.is(FirstTokenNotStored) { Vec::new() } else { vec![first] };
        Family { info, tokens, is_gone: false }
    }

    fn end_surplus(&self, families: &mut Families, session: &NewSession, cap: usize) -> Vec<Uuid> {
        let now = session.created_at;
        let counts = |info: &SessionInfo| {
            (self.is(CapCountsAllSubjects) || self.same(&info.subject, &session.subject))
                && (self.is(CapCountsEnded) || info.ended.is_none())
                && (self.is(CapCountsExpired)
                    || now < info.expires_at
                    || self.is(CapCountsExpiring) && now == info.expires_at)
        };
        let mut older: Vec<_> =
            families.values_mut().map(|family| &mut family.info).filter(|info| counts(info)).collect();
        older.sort_by_key(|info| match self.fault {
            Some(CapEndsLeastUsed) => (info.last_used_at, info.id),
            _ => (info.created_at, info.id),
        });
        if self.is(CapEndsTheNewest) {
            older.reverse();
        }
        if self.is(CapIgnoresIds) {
            older.sort_by_key(|info| (info.created_at, std::cmp::Reverse(info.id)));
        }
        // For some faults the new session is among them.
        let total = older.len() + usize::from(!self.is(CapMayEndTheNew));
        let surplus = match self.fault {
            Some(CapIgnored) => 0,
            Some(CapIsOneMore) => total.saturating_sub(cap + 1),
            Some(CapEndsOneAtMost) => total.saturating_sub(cap).min(1),
            _ => total.saturating_sub(cap),
        };
        let reason = if self.is(CapEndsAsLogout) { EndReason::Logout } else { EndReason::Superseded };
        let mut ended = Vec::new();
        for info in older.into_iter().take(surplus) {
            if !self.is(CapOnlyReported) {
                info.ended = Some((self.time(now), reason));
            }
            ended.push(info.id);
        }
        if self.is(CapNotReported) { Vec::new() } else { ended }
    }

    fn spent(&self, family: &mut Family, index: usize, exchange: &Exchange) -> Option<Exchanged> {
        let (at, key) = family.tokens[index].consumed?;
        if self.is(ReplayStampsAgain) {
            family.tokens[index].consumed = Some((exchange.now, key));
        }
        if self.is(ReplayStoresItsKey) {
            family.tokens[index].consumed = Some((at, exchange.retry_key));
        }
        if self.is(ReplayTouches) {
            family.info.last_used_at = exchange.now;
        }
        let Some(next) = family.tokens.get(index + 1) else { return Some(Exchanged::Unknown) };
        Some(Exchanged::Spent(Spent {
            generation: u32::try_from(index).unwrap(),
            consumed_at: if self.is(SpentSinceRequest) { exchange.now } else { at },
            retry_key: if self.is(RetryKeyNotStored) { None } else { key },
            successor: Successor {
                digest: if self.is(SuccessorIsTheTokenItself) { exchange.digest } else { next.digest },
                issued_at: if self.is(SuccessorAsOldAsItsSession) { family.info.created_at } else { next.issued_at },
                is_consumed: !self.is(SuccessorNeverUsed) && next.consumed.is_some(),
            },
        }))
    }

    fn refusal(&self, family: &mut Family, index: usize, exchange: &Exchange) -> Option<Exchanged> {
        let info = &mut family.info;
        let has_ended = info.ended.is_some();
        let is_expired = exchange.now > info.expires_at || !self.is(LivesAtItsEnd) && exchange.now == info.expires_at;
        let is_idle = exchange
            .used_since
            .is_some_and(|since| info.last_used_at < since || self.is(IdleAtTheLimit) && info.last_used_at == since)
            && !self.is(NeverIdle);
        let ended = (has_ended && !self.is(EndsNothing)).then_some(Exchanged::Ended);
        let expired = is_expired.then_some(Exchanged::Expired);
        let idle = is_idle.then_some(Exchanged::Expired);
        if is_idle && !has_ended && self.is(IdleTouches) || is_expired && self.is(ExpiredTouches) {
            info.last_used_at = exchange.now;
        }
        if has_ended && self.is(EndedTouches) {
            info.last_used_at = exchange.now;
        }
        let spent = self.spent(family, index, exchange);
        let spent = if self.is(ConsumedAgain) && matches!(spent, Some(Exchanged::Spent(_))) { None } else { spent };
        match self.fault {
            Some(ExpiredBeforeEnded) => expired.or(ended).or(spent).or(idle),
            Some(SpentBeforeEnded) => spent.or(ended).or(expired).or(idle),
            Some(SpentBeforeExpired) => ended.or(spent).or(expired).or(idle),
            Some(IdleBeforeSpent) => ended.or(expired).or(idle).or(spent),
            Some(IdleBeforeEnded) => idle.or(ended).or(expired).or(spent),
            _ => ended.or(expired).or(spent).or(idle),
        }
    }

    /// Returns the index of the token if it may be exchanged.
    fn look(&self, families: &mut Families, exchange: &Exchange) -> Result<usize, Exchanged> {
        let elsewhere = self.is(AnySessionsToken) && families.values().any(|family| family.has(&exchange.digest));
        let Some(family) = families.get_mut(&exchange.session_id) else { return Err(self.unknown()) };
        if self.is(EndedBeforeUnknown) && family.info.ended.is_some() {
            return Err(Exchanged::Ended);
        }
        let found = family.tokens.iter().position(|token| token.digest == exchange.digest);
        let index = found.or(elsewhere.then_some(0)).ok_or_else(|| self.unknown())?;
        match self.refusal(family, index, exchange) {
            Some(why) => {
                if why == Exchanged::Expired && self.is(ExpiredIsConsumed) {
                    family.consume(index, exchange);
                }
                Err(why)
            }
            None => Ok(index),
        }
    }

    fn unknown(&self) -> Exchanged {
        if self.is(UnknownIsExpired) { Exchanged::Expired } else { Exchanged::Unknown }
    }

    fn write(&self, families: &mut Families, exchange: &Exchange, index: usize, with_successor: bool) -> Exchanged {
        let generation = u32::try_from(index).unwrap();
        let generation = if self.is(GenerationIsAByte) { generation % 256 } else { generation };
        let next = exchange.successor(generation);
        let family = families.get_mut(&exchange.session_id).unwrap();
        let token = Token::fresh(next.digest, self.time(next.issued_at));
        family.consume(index, &Exchange { now: self.time(exchange.now), ..exchange.clone() });
        if with_successor && !self.is(SuccessorNotStored) {
            family.tokens.push(token);
        }
        if !self.is(UseNotRecorded) {
            family.info.last_used_at = self.time(exchange.now);
        }
        if self.is(ExchangeExtends) {
            family.info.expires_at += Duration::from_secs(1);
        }
        Exchanged::Done { generation: next.generation }
    }

    fn ends(&self, info: &SessionInfo, subject: &str, scope: EndScope) -> bool {
        let is_own = self.same(&info.subject, subject) || self.is(EndForAnySubject);
        let scope = match scope {
            EndScope::AllBut(_) if self.is(EndSparesNone) => EndScope::All,
            EndScope::One(_) if self.is(EndOfOneIsOfAll) => EndScope::All,
            scope => scope,
        };
        is_own && scope.contains(info.id) && (info.ended.is_none() || self.is(EndAgain) || self.is(EndReportedAgain))
    }

    fn end_one(&self, families: &mut Families, id: Uuid, reason: EndReason, at: SystemTime) {
        let Some(family) = families.get_mut(&id) else { return };
        let reason = if self.is(EndReasonNotStored) { EndReason::Logout } else { reason };
        if family.info.ended.is_none() || self.is(EndAgain) {
            family.info.ended = Some((self.time(at), reason));
        }
        if self.is(EndRemovesTokens) {
            family.tokens.clear();
        }
        if self.is(EndRemoves) {
            families.remove(&id);
        }
    }
}

impl Family {
    fn has(&self, digest: &Digest) -> bool {
        self.tokens.iter().any(|token| token.digest == *digest)
    }

    fn consume(&mut self, index: usize, exchange: &Exchange) {
        self.tokens[index].consumed = Some((exchange.now, exchange.retry_key));
    }
}

impl SessionStore for FaultyStore {
    type Error = Infallible;

    async fn open(&self, session: &NewSession, cap: usize) -> Result<Vec<Uuid>, Infallible> {
        let family = self.family(session);
        if self.is(OpenInTwoCommits) {
            let without = Family { info: family.info.clone(), tokens: Vec::new(), is_gone: false };
            self.lock().insert(session.id, without);
            tokio::task::yield_now().await;
            self.lock().remove(&session.id);
        }
        if self.is(CapInACommitOfItsOwn) {
            let ended = self.end_surplus(&mut self.lock(), session, cap);
            tokio::task::yield_now().await;
            self.lock().insert(session.id, family);
            return Ok(ended);
        }
        let mut families = self.lock();
        if self.is(CapMayEndTheNew) {
            families.insert(session.id, family);
            return Ok(self.end_surplus(&mut families, session, cap));
        }
        let ended = self.end_surplus(&mut families, session, cap);
        families.insert(session.id, family);
        Ok(ended)
    }

    async fn exchange(&self, exchange: &Exchange) -> Result<Exchanged, Infallible> {
        let index = {
            let mut families = self.lock();
            match self.look(&mut families, exchange) {
                Err(why) => return Ok(why),
                Ok(index) if !self.is(RacyExchange) && !self.is(ExchangeInTwoCommits) => {
                    return Ok(self.write(&mut families, exchange, index, true));
                }
                Ok(index) => index,
            }
        };
        if self.is(RacyExchange) {
            std::thread::yield_now();
            return Ok(self.write(&mut self.lock(), exchange, index, true));
        }
        let done = self.write(&mut self.lock(), exchange, index, false);
        tokio::task::yield_now().await;
        let next = exchange.successor(u32::try_from(index).unwrap());
        let successor = Token::fresh(next.digest, next.issued_at);
        self.lock().get_mut(&exchange.session_id).unwrap().tokens.push(successor);
        Ok(done)
    }

    async fn end(
        &self,
        subject: &str,
        scope: EndScope,
        reason: EndReason,
        at: SystemTime,
    ) -> Result<Vec<Uuid>, Infallible> {
        if self.is(EndInManyCommitsToItsEnd) {
            let (inner, subject) = (self.clone(), subject.to_owned());
            return Ok(tokio::spawn(async move { inner.end_each(&subject, scope, reason, at).await }).await.unwrap());
        }
        if self.is(EndInManyCommits) || self.is(RacyEnd) {
            return Ok(self.end_each(subject, scope, reason, at).await);
        }
        let mut families = self.lock();
        let infos = families.values().map(|family| &family.info);
        let ids: Vec<Uuid> = infos.filter(|info| self.ends(info, subject, scope)).map(|info| info.id).collect();
        for id in &ids {
            self.end_one(&mut families, *id, reason, at);
        }
        Ok(if self.is(EndNotReported) { Vec::new() } else { ids })
    }

    async fn find(&self, session_id: Uuid) -> Result<Option<SessionInfo>, Infallible> {
        let found = self.lock().get(&session_id).filter(|family| !family.is_gone).map(|family| family.info.clone());
        Ok(found.filter(|info| info.ended.is_none() || !self.is(FindsNoEnded)))
    }

    async fn list(&self, subject: &str, now: SystemTime) -> Result<Vec<SessionInfo>, Infallible> {
        self.lists.fetch_add(1, Ordering::SeqCst);
        let families = self.lock();
        let is_listed = |info: &&SessionInfo| {
            (self.same(&info.subject, subject) || self.is(ListsAllSubjects))
                && (info.ended.is_none() || self.is(ListsEnded))
                && (now < info.expires_at || self.is(ListsExpired) || self.is(ListsExpiring) && now == info.expires_at)
        };
        let infos = families.values().filter(|family| !family.is_gone).map(|family| &family.info);
        let mut list: Vec<_> = infos.filter(is_listed).cloned().collect();
        list.sort_by_key(|info| match self.fault {
            Some(ListsByUse) => std::cmp::Reverse((info.last_used_at, info.id)),
            Some(ListsIgnoreIds) => {
                std::cmp::Reverse((info.created_at, Uuid::from_u128(info.id.as_u128().reverse_bits())))
            }
            _ => std::cmp::Reverse((info.created_at, info.id)),
        });
        if self.is(ListsOldestFirst) {
            list.reverse();
        }
        if self.is(ListsFifty) {
            list.truncate(50);
        }
        Ok(list)
    }

    async fn remove_expired(&self, before: SystemTime, limit: usize) -> Result<usize, Infallible> {
        let goes = |info: &SessionInfo| {
            info.expires_at < before
                || self.is(RemovesAtTheLimit) && info.expires_at == before
                || self.is(RemovesEnded) && info.ended.is_some()
        };
        let limit = match self.fault {
            Some(RemoveIgnoresLimit) => usize::MAX,
            Some(RemovesOneMore) => limit + 1,
            Some(RemovesOneLess) => limit.saturating_sub(1),
            Some(RemovesNone) => 0,
            _ => limit,
        };
        let mut ids: Vec<_> =
            self.lock().values().filter(|it| !it.is_gone && goes(&it.info)).map(|it| it.info.id).collect();
        ids.truncate(limit);
        for id in &ids {
            if self.is(RemovesInManyCommits) {
                tokio::task::yield_now().await;
            }
            let mut families = self.lock();
            match families.get_mut(id) {
                Some(family) if self.is(TokensStay) => family.is_gone = true,
                _ => drop(families.remove(id)),
            }
        }
        if self.is(RemovesSpentTokens) {
            for family in self.lock().values_mut() {
                family.tokens.retain(|token| token.consumed.is_none());
            }
        }
        Ok(if self.is(RemovalsNotCounted) { 0 } else { ids.len() })
    }
}

impl FaultyStore {
    /// Waits, so that other tasks can observe an intermediate state.
    async fn wait_for_a_list(&self) {
        let (lists, started) = (self.lists.load(Ordering::SeqCst), Instant::now());
        while self.lists.load(Ordering::SeqCst) == lists && started.elapsed() < Duration::from_millis(20) {
            tokio::task::yield_now().await;
        }
    }

    /// Selects sessions under one lock and ends each under another.
    async fn end_each(&self, subject: &str, scope: EndScope, reason: EndReason, at: SystemTime) -> Vec<Uuid> {
        let ids: Vec<Uuid> = {
            let families = self.lock();
            let infos = families.values().map(|family| &family.info);
            infos.filter(|info| self.ends(info, subject, scope)).map(|info| info.id).collect()
        };
        let mut ended = Vec::new();
        for id in ids {
            if self.is(RacyEnd) {
                std::thread::yield_now();
            } else {
                tokio::task::yield_now().await;
            }
            if self.is(EndInManyCommitsToItsEnd) && !ended.is_empty() {
                self.wait_for_a_list().await;
            }
            let mut families = self.lock();
            if self.is(RacyEnd) || families.get(&id).is_some_and(|family| family.info.ended.is_none()) {
                self.end_one(&mut families, id, reason, at);
                ended.push(id);
            }
        }
        ended
    }
}
