//! Believing a token. The rule: everything is checked, in one fixed order, and there is no switch that turns a check
//! off.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::claims::{ACCESS, AccessClaims, REFRESH, RawClaims, RefreshClaims};
use super::compact;
use super::key_set::VerifyingKeys;
use crate::error::{SetupError, TokenError, TokenFault};

pub(super) const ACCESS_TYP: &str = "at+jwt";
pub(super) const REFRESH_TYP: &str = "rt+jwt";

/// The longest time from `iat` to `exp` that is accepted where nothing else is set: by an [`Issuer`](super::Issuer) for
/// the tokens it signs, and by every verifier.
pub const MAX_ACCESS_LIFETIME: Duration = Duration::from_hours(24);

/// How far `iat` and `nbf` may lie in the future, in seconds: clocks differ. `exp` has no such grace.
const LEEWAY: u64 = 5;

/// Verifies access tokens of one issuer for one audience. It cannot sign:
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
    /// Accepts tokens with exactly this `iss` and with this `aud`, alone or in an array. See
    /// [`Self::with_max_lifetime`].
    ///
    /// # Errors
    /// An empty issuer or audience.
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

    /// Rejects tokens that live longer than this from `iat` to `exp`, however well signed
    /// ([`TokenFault::LifetimeTooLong`]). [`MAX_ACCESS_LIFETIME`] if not set. An issuer whose tokens live longer has to
    /// be matched here.
    #[must_use]
    pub fn with_max_lifetime(self, max_lifetime: Duration) -> Self {
        Self { max_lifetime: max_lifetime.as_secs(), ..self }
    }

    /// The same demands on tokens, other keys.
    #[cfg(feature = "jwks")]
    pub(crate) fn with_keys(&self, keys: VerifyingKeys) -> Self {
        Self { keys, ..self.clone() }
    }

    /// The keys it verifies with.
    #[must_use]
    pub const fn keys(&self) -> &VerifyingKeys {
        &self.keys
    }

    /// The `iss` it accepts.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The `aud` it accepts.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Verifies an access token by the system's clock.
    ///
    /// # Errors
    /// [`TokenError::Expired`] when age is its only fault, else [`TokenError::Invalid`].
    pub fn verify_access(&self, token: &str) -> Result<AccessClaims, TokenError> {
        self.verify_access_at(token, SystemTime::now())
    }

    /// Verifies an access token at a time of the caller's clock.
    ///
    /// # Errors
    /// [`TokenError::Expired`] when age is its only fault, else [`TokenError::Invalid`].
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

/// Verifies a refresh token. Its lifetime is the session's, which only the issuer's database knows.
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

/// Whole Unix seconds, rounded down; before 1970 is 1970.
pub(super) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

struct Times {
    issued_at: u64,
    not_before: u64,
    expires_at: u64,
}

impl Times {
    /// Age comes last, so that "expired" is said only of a token that was once good.
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
