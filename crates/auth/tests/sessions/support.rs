//! A service with sessions, a clock, and a store that counts its calls and can fail.
//! The clock never returns the same time twice, as between two real requests.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keepstone_auth::error::{RefreshError, TokenError};
use keepstone_auth::session::{
    Client, EndReason, EndScope, Exchange, Exchanged, Grant, MemorySessionStore, NewSession, SessionInfo,
    SessionPolicy, SessionStore, Sessions, TokenPair,
};
use keepstone_auth::token::{Issuer, KeySet, Profile, RefreshClaims, Secret, SigningKey, TokenChain};
use secrecy::ExposeSecret;
use uuid::Uuid;

pub const NOW: u64 = 1_800_000_000;
pub const DAY: Duration = Duration::from_hours(24);
pub const GRANT: Grant<'static> = Grant { role: "clerk", scope: "orders:read" };

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn secret() -> Secret {
    Secret::new("a secret of thirty-two bytes, or more").unwrap()
}

pub fn issuer() -> Issuer {
    let profile = Profile::new("https://id.example.com", "orders", Duration::from_mins(30));
    let access = KeySet::new(SigningKey::hs256(&secret()));
    let refresh = KeySet::new(SigningKey::hs256(&secret().for_refresh_tokens()));
    Issuer::new(access, refresh, profile).unwrap()
}

/// A clock that advances by `tick` whenever it is read.
#[derive(Debug, Clone)]
pub struct Clock {
    now: Arc<Mutex<SystemTime>>,
    tick: Duration,
}

impl Clock {
    pub fn ticking(tick: Duration) -> Self {
        Self { now: Arc::new(Mutex::new(UNIX_EPOCH + Duration::from_secs(NOW))), tick }
    }

    pub fn now(&self) -> SystemTime {
        let mut now = self.now.lock().unwrap();
        *now += self.tick;
        *now
    }

    pub fn advance(&self, by: Duration) {
        *self.now.lock().unwrap() += by;
    }

    pub fn back(&self, by: Duration) {
        *self.now.lock().unwrap() -= by;
    }
}

/// The error of a broken store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store is broken")
    }
}

impl std::error::Error for Broken {}

/// The memory store, with a count of its calls and with methods that can fail.
#[derive(Debug, Default)]
pub struct Probe {
    memory: MemorySessionStore,
    pub calls: AtomicUsize,
    pub exchange_broken: AtomicBool,
    pub end_broken: AtomicBool,
}

impl Probe {
    fn call(&self, broken: Option<&AtomicBool>) -> Result<(), Broken> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if broken.is_some_and(|broken| broken.load(Ordering::SeqCst)) { Err(Broken) } else { Ok(()) }
    }
}

fn fine<T>(result: Result<T, std::convert::Infallible>) -> Result<T, Broken> {
    result.map_err(|never| match never {})
}

impl SessionStore for Probe {
    type Error = Broken;

    async fn open(&self, session: &NewSession, cap: usize) -> Result<Vec<Uuid>, Broken> {
        self.call(None)?;
        fine(self.memory.open(session, cap).await)
    }

    async fn exchange(&self, exchange: &Exchange) -> Result<Exchanged, Broken> {
        self.call(Some(&self.exchange_broken))?;
        fine(self.memory.exchange(exchange).await)
    }

    async fn end(
        &self,
        subject: &str,
        scope: EndScope,
        reason: EndReason,
        at: SystemTime,
    ) -> Result<Vec<Uuid>, Broken> {
        self.call(Some(&self.end_broken))?;
        fine(self.memory.end(subject, scope, reason, at).await)
    }

    async fn find(&self, session_id: Uuid) -> Result<Option<SessionInfo>, Broken> {
        self.call(None)?;
        fine(self.memory.find(session_id).await)
    }

    async fn list(&self, subject: &str, now: SystemTime) -> Result<Vec<SessionInfo>, Broken> {
        self.call(None)?;
        fine(self.memory.list(subject, now).await)
    }

    async fn remove_expired(&self, before: SystemTime, limit: usize) -> Result<usize, Broken> {
        self.call(None)?;
        fine(self.memory.remove_expired(before, limit).await)
    }
}

/// The result of a refresh for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    Token(TokenError),
    Session(RefreshError<Broken>),
}

/// A service and its clients.
pub struct House {
    pub store: Arc<Probe>,
    pub clock: Clock,
    pub sessions: Sessions<Arc<Probe>>,
}

pub fn house(policy: SessionPolicy) -> House {
    house_with(policy, Clock::ticking(Duration::from_micros(1)))
}

/// Returns a policy without a grace period: only retries with the same key are accepted.
pub fn no_grace() -> SessionPolicy {
    SessionPolicy { grace: Duration::ZERO, ..SessionPolicy::default() }
}

pub fn strict() -> House {
    house(no_grace())
}

pub fn house_with(policy: SessionPolicy, clock: Clock) -> House {
    let store = Arc::new(Probe::default());
    let sessions = sessions(&store, &clock, policy, &secret());
    House { store, clock, sessions }
}

pub fn sessions(store: &Arc<Probe>, clock: &Clock, policy: SessionPolicy, chain: &Secret) -> Sessions<Arc<Probe>> {
    let clock = clock.clone();
    let sessions = Sessions::new(Arc::clone(store), issuer(), TokenChain::new(chain), policy).unwrap();
    sessions.with_clock(move || clock.now())
}

impl House {
    pub async fn log_in(&self, subject: &str) -> TokenPair {
        self.sessions.open(subject, &GRANT, Client::default()).await.unwrap().tokens
    }

    /// Logs in, and returns the refresh token.
    pub async fn token(&self, subject: &str) -> String {
        refresh_token(&self.log_in(subject).await)
    }

    pub async fn refresh(&self, token: &str) -> Result<String, Refused> {
        self.refresh_with(token, None).await
    }

    pub async fn refresh_with(&self, token: &str, key: Option<&str>) -> Result<String, Refused> {
        let presented = self.sessions.verify_refresh(token).map_err(Refused::Token)?;
        let pair = self.sessions.refresh(&presented, &GRANT, key).await.map_err(Refused::Session)?;
        Ok(refresh_token(&pair))
    }

    pub fn claims(&self, token: &str) -> RefreshClaims {
        issuer().verify_refresh_at(token, self.clock.now()).unwrap()
    }

    pub async fn end_reason(&self, token: &str) -> Option<EndReason> {
        let session_id = self.claims(token).session_id;
        self.sessions.find(session_id).await.unwrap().unwrap().ended.map(|(_, reason)| reason)
    }
}

pub fn refresh_token(pair: &TokenPair) -> String {
    pair.refresh_token.expose_secret().to_owned()
}

pub fn refused<T>(error: RefreshError<Broken>) -> Result<T, Refused> {
    Err(Refused::Session(error))
}

pub fn reused<T>() -> Result<T, Refused> {
    refused(RefreshError::Reused { ended_now: true })
}
