//! Verifying tokens. All checks run in a fixed order, and none of them can be disabled.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::claims::{ACCESS, AccessClaims, REFRESH, RawClaims, RefreshClaims};
use super::compact;
use super::key_set::VerifyingKeys;
use crate::error::{SetupError, TokenError, TokenFault};

pub(super) const ACCESS_TYP: &str = "at+jwt";
pub(super) const REFRESH_TYP: &str = "rt+jwt";

/// The default maximum time from `iat` to `exp`: for the tokens that an [`Issuer`](super::Issuer) signs, and in every
/// verifier.
pub const MAX_ACCESS_LIFETIME: Duration = Duration::from_hours(24);

/// How far `iat` and `nbf` may be in the future, in seconds, because clocks differ. `exp` has no such tolerance.
const LEEWAY: u64 = 5;

/// A verifier of access tokens from one issuer for one audience. It cannot sign:
///
/// ```compile_fail
/// # fn f(verifier: keepstone_auth::token::Verifier, grant: keepstone_auth::token::AccessGrant<'_>) {
/// verifier.access(&grant, std::time::SystemTime::now());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: VerifyingKeys,
    issuer: String,
    audience: String,
    max_lifetime: u64,
}

impl Verifier {
    /// Creates a verifier for tokens with exactly this `iss` and with this `aud`, alone or in an array.
    ///
    /// The maximum lifetime is [`MAX_ACCESS_LIFETIME`], see [`Self::with_max_lifetime`].
    ///
    /// # Errors
    /// The issuer or the audience is empty.
    pub fn new(
        keys: VerifyingKeys,
        issuer: impl Into<String>,
        audience: impl Into<String>,
    ) -> Result<Self, SetupError> {
        let (issuer, audience) = (issuer.into(), audience.into());
        if issuer.is_empty() {
            return Err(SetupError::EmptyIssuer);
        }
        if audience.is_empty() {
            return Err(SetupError::EmptyAudience);
        }
        Ok(Self { keys, issuer, audience, max_lifetime: MAX_ACCESS_LIFETIME.as_secs() })
    }

    /// Sets the longest accepted time from `iat` to `exp`. Tokens above it are rejected with
    /// [`TokenFault::LifetimeTooLong`], even with a valid signature.
    ///
    /// The default is [`MAX_ACCESS_LIFETIME`]. Raise it if the issuer's tokens have a longer lifetime.
    #[must_use]
    pub fn with_max_lifetime(self, max_lifetime: Duration) -> Self {
        Self { max_lifetime: max_lifetime.as_secs(), ..self }
    }

    /// Returns a verifier with the same checks and other keys.
    #[cfg(feature = "jwks")]
    pub(crate) fn with_keys(&self, keys: VerifyingKeys) -> Self {
        Self { keys, ..self.clone() }
    }

    /// Returns the verifying keys.
    #[must_use]
    pub const fn keys(&self) -> &VerifyingKeys {
        &self.keys
    }

    /// Returns the accepted `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the accepted `aud`.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Verifies an access token at the current system time.
    ///
    /// # Errors
    /// [`TokenError::Expired`] if the token has expired and is otherwise valid, else [`TokenError::Invalid`].
    pub fn verify_access(&self, token: &str) -> Result<AccessClaims, TokenError> {
        self.verify_access_at(token, SystemTime::now())
    }

    /// Verifies an access token at a given time.
    ///
    /// # Errors
    /// [`TokenError::Expired`] if the token has expired and is otherwise valid, else [`TokenError::Invalid`].
    pub fn verify_access_at(&self, token: &str, now: SystemTime) -> Result<AccessClaims, TokenError> {
        let claims = self.read(token).map_err(TokenError::Invalid)?;
        let times = Times {
            issued_at: claims.issued_at,
            not_before: claims.not_before.unwrap_or_default(),
            expires_at: claims.expires_at,
        };
        times.check(self.max_lifetime, unix_seconds(now))?;
        Ok(claims)
    }

    fn read(&self, token: &str) -> Result<AccessClaims, TokenFault> {
        let json = compact::open(token, &self.keys, &[ACCESS_TYP, "JWT"])?;
        let claims = RawClaims::read(&json)?;
        claims.expect_kind(ACCESS)?;
        if claims.iss.as_ref().ok_or(TokenFault::Claims)?.as_str() != self.issuer {
            return Err(TokenFault::Issuer);
        }
        if !claims.aud.as_ref().ok_or(TokenFault::Claims)?.contains(&self.audience) {
            return Err(TokenFault::Audience);
        }
        claims.into_access()
    }
}

/// Verifies a refresh token. There is no maximum lifetime, because it is the lifetime of the session.
pub(super) fn refresh(token: &str, keys: &VerifyingKeys, now: SystemTime) -> Result<RefreshClaims, TokenError> {
    let read = || {
        let json = compact::open(token, keys, &[REFRESH_TYP])?;
        let claims = RawClaims::read(&json)?;
        claims.expect_kind(REFRESH)?;
        claims.into_refresh()
    };
    let claims = read().map_err(TokenError::Invalid)?;
    let times = Times { issued_at: claims.issued_at, not_before: claims.issued_at, expires_at: claims.expires_at };
    times.check(u64::MAX, unix_seconds(now))?;
    Ok(claims)
}

/// Converts a time to whole Unix seconds, rounded down. Times before 1970 become 1970.
pub(super) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

struct Times {
    issued_at: u64,
    not_before: u64,
    expires_at: u64,
}

impl Times {
    /// Checks the times. Age is checked last, so that only a token that was once valid is reported as expired.
    fn check(&self, max_lifetime: u64, now: u64) -> Result<(), TokenError> {
        let lifetime = self.expires_at.saturating_sub(self.issued_at);
        if lifetime == 0 {
            return Err(TokenError::Invalid(TokenFault::Lifetime));
        }
        if lifetime > max_lifetime {
            return Err(TokenError::Invalid(TokenFault::LifetimeTooLong { lifetime, max: max_lifetime }));
        }
        if self.issued_at.max(self.not_before) > now.saturating_add(LEEWAY) {
            return Err(TokenError::Invalid(TokenFault::NotYetValid));
        }
        if now >= self.expires_at {
            return Err(TokenError::Expired);
        }
        Ok(())
    }
}
