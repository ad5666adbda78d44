//! A verifier that fetches its keys. The rule: no token makes it fetch more often than its own clock allows, and
//! without keys every token is rejected.

mod fetch;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use fetch::{Fetched, Source};
use tokio::sync::Mutex;

use crate::error::{RemoteError, SetupError, TokenError, TokenFault};
use crate::token::{AccessClaims, Verifier, VerifyingKeys};

/// Between two fetches while there are keys, whatever asks for one.
const PAUSE: Duration = Duration::from_secs(10);
/// Between two fetches while there are none.
const PAUSE_WITHOUT_KEYS: Duration = Duration::from_secs(1);
/// How long keys are believed after they should have been fetched anew. An issuer that cannot be reached issues no
/// tokens, and those it has issued expire.
const KEPT: Duration = Duration::from_hours(1);

/// Verifies access tokens of one issuer for one audience with the keys that it publishes. It cannot sign.
///
/// The keys are fetched with the first token, kept for as long as the answer's `max-age` says (1 minute to 1 hour, 5
/// minutes if it says nothing), and fetched anew for a key id that is not among them, every 10 seconds at most. If that
/// fails the last good ones count for an hour more. One fetch runs at a time, takes 3 seconds at most, follows no
/// redirect and reads 64 KiB at most. Plain `http` never goes through a proxy; `https` uses the one of the environment
/// (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`). A failed fetch is logged with its cause. Cheap to clone; needs tokio's
/// runtime.
#[derive(Debug, Clone)]
pub struct RemoteVerifier(Arc<Inner>);

struct Inner {
    source: Source,
    /// Without keys: what the next set is put into.
    template: Verifier,
    state: RwLock<State>,
    fetching: Mutex<()>,
    clock: Arc<dyn Fn() -> Instant + Send + Sync>,
}

#[derive(Default, Clone)]
struct State {
    verifier: Option<Arc<Verifier>>,
    fresh_until: Option<Instant>,
    attempted: Option<Instant>,
    /// Whether the last attempt gave no keys.
    failed: bool,
}

impl RemoteVerifier {
    /// Accepts tokens with exactly this `iss` and with this `aud`, signed with a key of the JWK set at `url`. The URL
    /// is `https`, or `http` to this machine; over any other way the keys could be anybody's.
    ///
    /// # Errors
    /// An empty issuer or audience, or another URL.
    pub fn new(url: &str, issuer: impl Into<String>, audience: impl Into<String>) -> Result<Self, SetupError> {
        Self::of(Source::new(url, false)?, issuer.into(), audience.into())
    }

    /// As [`Self::new`], but fetches over plain `http` from other machines too. Whoever can answer in the issuer's
    /// place, anywhere on the way, can then make tokens: for a private network that is trusted with that.
    ///
    /// # Errors
    /// An empty issuer or audience, or another URL.
    pub fn trusting_the_network(
        url: &str,
        issuer: impl Into<String>,
        audience: impl Into<String>,
    ) -> Result<Self, SetupError> {
        Self::of(Source::new(url, true)?, issuer.into(), audience.into())
    }

    fn of(source: Source, issuer: String, audience: String) -> Result<Self, SetupError> {
        let template = Verifier::new(VerifyingKeys::none(), issuer, audience)?;
        Ok(Self::with(source, template, Arc::new(Instant::now)))
    }

    fn with(source: Source, template: Verifier, clock: Arc<dyn Fn() -> Instant + Send + Sync>) -> Self {
        Self(Arc::new(Inner { source, template, state: RwLock::default(), fetching: Mutex::default(), clock }))
    }

    /// Rejects tokens that live longer than this from `iat` to `exp`
    /// ([`TokenFault::LifetimeTooLong`]). [`MAX_ACCESS_LIFETIME`](crate::token::MAX_ACCESS_LIFETIME) if not set: where
    /// the issuer's tokens live longer, such as for days, set it here. The new verifier has fetched no keys yet.
    #[must_use]
    pub fn with_max_lifetime(self, max_lifetime: Duration) -> Self {
        let Inner { source, template, clock, .. } = &*self.0;
        Self::with(source.clone(), template.clone().with_max_lifetime(max_lifetime), Arc::clone(clock))
    }

    /// Verifies an access token by the system's clock.
    ///
    /// # Errors
    /// [`RemoteError::Token`] for a token that is no good, [`RemoteError::Unavailable`] when there are no keys.
    pub async fn verify_access(&self, token: &str) -> Result<AccessClaims, RemoteError> {
        self.verify_access_at(token, SystemTime::now()).await
    }

    /// Verifies an access token at a time of the caller's clock.
    ///
    /// # Errors
    /// [`RemoteError::Token`] for a token that is no good, [`RemoteError::Unavailable`] when there are no keys.
    pub async fn verify_access_at(&self, token: &str, now: SystemTime) -> Result<AccessClaims, RemoteError> {
        let known = self.0.state();
        if !known.is_fresh(self.0.now()) {
            let fetching = self.fetch();
            // While the issuer does not answer, requests go on with the keys there are instead of waiting for it.
            if !(known.failed && known.usable(self.0.now()).is_some()) {
                fetching.await;
            }
        }
        let verifier = self.0.usable().ok_or(RemoteError::Unavailable { retry_after: PAUSE_WITHOUT_KEYS })?;
        match verifier.verify_access_at(token, now) {
            Err(TokenError::Invalid(TokenFault::UnknownKey)) => {
                self.fetch().await;
                let newer = self.0.usable().unwrap_or(verifier);
                Ok(newer.verify_access_at(token, now)?)
            }
            result => Ok(result?),
        }
    }

    /// Starts to fetch if it is time to, and gives what waits for the end. The fetch runs on without anybody waiting: a
    /// client that hangs up does not spoil it for the others.
    fn fetch(&self) -> impl Future<Output = ()> {
        let fetching = self.0.state().may_fetch(self.0.now()).then(|| {
            let inner = Arc::clone(&self.0);
            tokio::spawn(async move { inner.fetch().await })
        });
        async {
            if let Some(fetching) = fetching {
                // Fails only if it panics or the runtime ends; either leaves the state as it was.
                fetching.await.unwrap_or_default();
            }
        }
    }
}

impl Inner {
    fn now(&self) -> Instant {
        (self.clock)()
    }

    fn usable(&self) -> Option<Arc<Verifier>> {
        self.state().usable(self.now())
    }

    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }

    async fn fetch(&self) {
        let _one_at_a_time = self.fetching.lock().await;
        // Whoever waited for another's fetch is served by it.
        if !self.state().may_fetch(self.now()) {
            return;
        }
        let fetched = self.source.fetch().await;
        let now = self.now();
        self.change(|state| {
            state.attempted = Some(now);
            state.failed = fetched.is_err();
            match fetched {
                Ok(Fetched { keys, max_age }) => {
                    state.verifier = Some(Arc::new(self.template.with_keys(keys)));
                    state.fresh_until = now.checked_add(max_age);
                }
                Err(error) => tracing::warn!(url = %self.source.url(), "cannot fetch the keys of the issuer: {error}"),
            }
        });
    }
}

impl State {
    fn usable(&self, now: Instant) -> Option<Arc<Verifier>> {
        let until = self.fresh_until?.checked_add(KEPT)?;
        self.verifier.clone().filter(|_| now < until)
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.fresh_until.is_some_and(|until| now < until)
    }

    fn may_fetch(&self, now: Instant) -> bool {
        let pause = if self.usable(now).is_some() { PAUSE } else { PAUSE_WITHOUT_KEYS };
        self.attempted.is_none_or(|attempted| now.saturating_duration_since(attempted) >= pause)
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteVerifier")
            .field("source", &self.source)
            .field("template", &self.template)
            .finish_non_exhaustive()
    }
}
