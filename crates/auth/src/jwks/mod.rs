//! A verifier that fetches its keys from the issuer. The number of fetches is limited independently of the tokens it
//! receives, and without keys it rejects every token.

mod fetch;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use fetch::{Fetched, Source};
use tokio::sync::Mutex;

use crate::error::{RemoteError, SetupError, TokenError, TokenFault};
use crate::token::{AccessClaims, Verifier, VerifyingKeys};

/// The minimum time between two fetches while there are keys.
const PAUSE: Duration = Duration::from_secs(10);
/// The minimum time between two fetches while there are no keys.
const PAUSE_WITHOUT_KEYS: Duration = Duration::from_secs(1);
/// How long keys remain in use after their maximum age if fetching them again fails. This is safe: an unreachable
/// issuer issues no new tokens, and its earlier tokens expire.
const KEPT: Duration = Duration::from_hours(1);

/// A verifier of access tokens from one issuer for one audience, with the keys that the issuer publishes.
///
/// It cannot sign, is cheap to clone, and requires a tokio runtime.
///
/// - The first token triggers the first fetch.
/// - Keys are cached for the response's `max-age`: 1 minute to 1 hour, or 5 minutes without `max-age`.
/// - A token with an unknown key id triggers another fetch, at most every 10 seconds.
/// - If fetching fails, the last keys remain in use for one more hour.
/// - One fetch runs at a time. It takes at most 3 seconds, reads at most 64 KiB and follows no redirect.
/// - `https` uses the proxy from the environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`). Plain `http` uses no proxy.
/// - A failed fetch is logged with its cause.
#[derive(Debug, Clone)]
pub struct RemoteVerifier(Arc<Inner>);

struct Inner {
    source: Source,
    /// A verifier without keys, copied for every fetched set of keys.
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
    /// Whether the last fetch failed.
    failed: bool,
}

impl RemoteVerifier {
    /// Creates a verifier for tokens with exactly this `iss` and with this `aud`, signed with a key of the JWK set at
    /// `url`.
    ///
    /// The URL must be `https`, or `http` to the local machine. Over other connections, an attacker could replace the
    /// keys.
    ///
    /// # Errors
    /// The issuer or the audience is empty, the URL is not allowed, or the HTTP client cannot start.
    pub fn new(url: &str, issuer: impl Into<String>, audience: impl Into<String>) -> Result<Self, SetupError> {
        Self::of(Source::new(url, false)?, issuer.into(), audience.into())
    }

    /// Creates a verifier like [`Self::new`], but also fetches keys over plain `http` from other machines.
    ///
    /// An attacker on the network path can then replace the keys and forge tokens. Use this constructor only in a
    /// trusted private network.
    ///
    /// # Errors
    /// The issuer or the audience is empty, the URL is not allowed, or the HTTP client cannot start.
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

    /// Sets the longest accepted time from `iat` to `exp`. Tokens above it are rejected with
    /// [`TokenFault::LifetimeTooLong`].
    ///
    /// The default is [`MAX_ACCESS_LIFETIME`](crate::token::MAX_ACCESS_LIFETIME). Raise it if the issuer's tokens have
    /// a longer lifetime. The returned verifier has not fetched any keys yet.
    #[must_use]
    pub fn with_max_lifetime(self, max_lifetime: Duration) -> Self {
        let Inner { source, template, clock, .. } = &*self.0;
        Self::with(source.clone(), template.clone().with_max_lifetime(max_lifetime), Arc::clone(clock))
    }

    /// Verifies an access token at the current system time.
    ///
    /// # Errors
    /// [`RemoteError::Token`] if the token is rejected, [`RemoteError::Unavailable`] if there are no keys.
    pub async fn verify_access(&self, token: &str) -> Result<AccessClaims, RemoteError> {
        self.verify_access_at(token, SystemTime::now()).await
    }

    /// Verifies an access token at a given time.
    ///
    /// # Errors
    /// [`RemoteError::Token`] if the token is rejected, [`RemoteError::Unavailable`] if there are no keys.
    pub async fn verify_access_at(&self, token: &str, now: SystemTime) -> Result<AccessClaims, RemoteError> {
        let known = self.0.state();
        if !known.is_fresh(self.0.now()) {
            let fetching = self.fetch();
            // While the issuer does not respond, requests use the cached keys without waiting for the fetch.
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

    /// Starts a fetch if one is due, and returns a future that waits for it. The fetch continues if the future is
    /// dropped: other requests still need it after one client has disconnected.
    fn fetch(&self) -> impl Future<Output = ()> {
        let fetching = self.0.state().may_fetch(self.0.now()).then(|| {
            let inner = Arc::clone(&self.0);
            tokio::spawn(async move { inner.fetch().await })
        });
        async {
            if let Some(fetching) = fetching {
                // Fails only if the task panics or the runtime shuts down; both leave the state unchanged.
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
        // A caller that has waited for another fetch uses its result.
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
