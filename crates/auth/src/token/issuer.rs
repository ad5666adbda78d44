//! Signing tokens. The issuer never signs a token that its own verifier would reject.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use uuid::{NoContext, Timestamp, Uuid};

use super::claims::{ACCESS, AccessBody, REFRESH, RefreshBody, RefreshClaims, is_name};
use super::compact::{self, MAX_TOKEN_BYTES};
use super::key::SigningKey;
use super::key_set::KeySet;
use super::verifier::{self, ACCESS_TYP, MAX_ACCESS_LIFETIME, REFRESH_TYP, Verifier, unix_seconds};
use crate::error::{IssueError, SetupError, TokenError};

/// The properties that all access tokens of an issuer share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// `iss`: the issuer, usually a URL.
    pub issuer: String,
    /// `aud`: the service that accepts the tokens.
    pub audience: String,
    /// `client_id`: the client that tokens are issued to (RFC 9068).
    pub client_id: String,
    /// The lifetime of an access token, in whole seconds.
    pub access_lifetime: Duration,
    /// The longest lifetime that is issued and accepted. If it is above [`MAX_ACCESS_LIFETIME`], other services must
    /// raise their limit as well ([`Verifier::with_max_lifetime`]).
    pub max_lifetime: Duration,
}

impl Profile {
    /// Creates a profile with [`MAX_ACCESS_LIFETIME`] and the audience as the `client_id`.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, access_lifetime: Duration) -> Self {
        let (issuer, audience) = (issuer.into(), audience.into());
        let client_id = audience.clone();
        Self { issuer, audience, client_id, access_lifetime, max_lifetime: MAX_ACCESS_LIFETIME }
    }
}

/// The claims of an access token to issue.
#[derive(Debug, Clone, Copy)]
pub struct AccessGrant<'a> {
    /// `sub`: the user. 1 to 255 bytes, no control characters.
    pub subject: &'a str,
    /// `role`. 1 to 255 bytes, no control characters.
    pub role: &'a str,
    /// `scope`: permissions separated by spaces.
    pub scope: &'a str,
    /// `sid`: the session.
    pub session_id: Uuid,
    /// `auth_time`: when the user logged in. A refresh does not change it.
    pub authenticated_at: SystemTime,
}

/// A signed access token, with the values for a token response. Debug output omits the token.
#[derive(Clone)]
pub struct AccessToken {
    /// The compact JWT.
    pub token: String,
    /// `jti`: a new version 7 UUID.
    pub token_id: Uuid,
    /// The lifetime in seconds: the `expires_in` of a token response.
    pub expires_in: u64,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("AccessToken");
        debug.field("token_id", &self.token_id).field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// A signer of access and refresh tokens.
///
/// To rotate keys, create a new issuer and replace this one, see [`Keyring`](super::Keyring).
#[derive(Debug)]
pub struct Issuer {
    access: Signer,
    refresh: Signer,
    verifier: Verifier,
    client_id: String,
    lifetime: u64,
}

impl Issuer {
    /// Creates an issuer and runs [`Self::self_test`]. A build without working cryptography therefore fails here and
    /// not at the first login.
    ///
    /// # Errors
    /// - The issuer, the audience or the client id is empty.
    /// - The lifetime is under one second or above the profile's maximum.
    /// - Access and refresh tokens share a key, or a refresh key is not HS256.
    /// - The self-test failed.
    pub fn new(access: KeySet, refresh: KeySet, profile: Profile) -> Result<Self, SetupError> {
        let lifetime = profile.access_lifetime.as_secs();
        if lifetime == 0 {
            return Err(SetupError::NoLifetime);
        }
        if profile.access_lifetime > profile.max_lifetime {
            let (lifetime, max) = (profile.access_lifetime, profile.max_lifetime);
            return Err(SetupError::LifetimeTooLong { lifetime, max });
        }
        if profile.client_id.is_empty() {
            return Err(SetupError::EmptyClientId);
        }
        if !refresh.is_symmetric() {
            return Err(SetupError::RefreshKey);
        }
        if access.shares_a_key_with(&refresh) {
            return Err(SetupError::SharedKey);
        }
        let verifier = Verifier::new(access.verifying_keys().clone(), profile.issuer, profile.audience)?
            .with_max_lifetime(profile.max_lifetime);
        let (access, refresh) = (Signer::new(ACCESS_TYP, access), Signer::new(REFRESH_TYP, refresh));
        let issuer = Self { access, refresh, verifier, client_id: profile.client_id, lifetime };
        issuer.self_test()?;
        Ok(issuer)
    }

    /// Signs an access token that is valid from `now`, rounded down to a second.
    ///
    /// # Errors
    /// The verifier would reject a claim, the token would be too long, or signing failed.
    pub fn access(&self, grant: &AccessGrant<'_>, now: SystemTime) -> Result<AccessToken, IssueError> {
        for (claim, value) in [("sub", grant.subject), ("role", grant.role)] {
            check(claim, is_name(value))?;
        }
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let token_id = Uuid::new_v7(Timestamp::from_unix(NoContext, since_epoch.as_secs(), since_epoch.subsec_nanos()));
        let iat = since_epoch.as_secs();
        let exp = iat.checked_add(self.lifetime).ok_or(IssueError::Claim("exp"))?;
        let token = self.access.sign(&AccessBody {
            iss: self.verifier.issuer(),
            aud: self.verifier.audience(),
            client_id: &self.client_id,
            sub: grant.subject,
            role: grant.role,
            scope: grant.scope,
            sid: grant.session_id,
            jti: token_id,
            kind: ACCESS,
            auth_time: unix_seconds(grant.authenticated_at),
            iat,
            exp,
        })?;
        Ok(AccessToken { token, token_id, expires_in: self.lifetime })
    }

    /// Signs a refresh token. The same claims always result in the same bytes, so a lost response can be repeated.
    ///
    /// # Errors
    /// [`Self::verify_refresh_at`] would reject a claim, the token would be too long, or signing failed.
    pub fn refresh(&self, claims: &RefreshClaims) -> Result<String, IssueError> {
        check("sub", is_name(&claims.subject))?;
        check("jti", is_name(&claims.token_id))?;
        check("exp", claims.expires_at > claims.issued_at)?;
        self.refresh.sign(&RefreshBody {
            kind: REFRESH,
            sub: &claims.subject,
            sid: claims.session_id,
            jti: &claims.token_id,
            iat: claims.issued_at,
            exp: claims.expires_at,
        })
    }

    /// Verifies form, signature, claims and age of a refresh token. Whether it was used or revoked is checked by
    /// [`Sessions`](crate::session::Sessions).
    ///
    /// # Errors
    /// [`TokenError::Expired`] if the token has expired and is otherwise valid, else [`TokenError::Invalid`].
    pub fn verify_refresh_at(&self, token: &str, now: SystemTime) -> Result<RefreshClaims, TokenError> {
        verifier::refresh(token, self.refresh.keys.verifying_keys(), now)
    }

    /// Returns the verifier of this issuer's access tokens, with the [`max_lifetime`](Profile::max_lifetime) of its
    /// profile.
    #[must_use]
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Signs one token of each kind, and checks that each verifies as its own kind and not as the other.
    ///
    /// # Errors
    /// [`SetupError::SelfTest`] if a check failed.
    pub fn self_test(&self) -> Result<(), SetupError> {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let (subject, role, scope, session_id) = ("self-test", "none", "", Uuid::nil());
        let grant = AccessGrant { subject, role, scope, session_id, authenticated_at: now };
        let claims = RefreshClaims {
            subject: grant.subject.to_owned(),
            session_id: grant.session_id,
            token_id: "self-test".to_owned(),
            issued_at: unix_seconds(now),
            expires_at: unix_seconds(now) + 1,
        };
        let access = self.access(&grant, now).map_err(|_| SetupError::SelfTest)?.token;
        let refresh = self.refresh(&claims).map_err(|_| SetupError::SelfTest)?;
        let passed = self.verifier.verify_access_at(&access, now).is_ok_and(|read| read.subject == grant.subject)
            && self.verify_refresh_at(&refresh, now) == Ok(claims)
            && self.verifier.verify_access_at(&refresh, now).is_err()
            && self.verify_refresh_at(&access, now).is_err();
        if passed { Ok(()) } else { Err(SetupError::SelfTest) }
    }
}

fn check(claim: &'static str, good: bool) -> Result<(), IssueError> {
    if good { Ok(()) } else { Err(IssueError::Claim(claim)) }
}

/// A key set and the header of its tokens.
#[derive(Debug)]
struct Signer {
    header: String,
    keys: KeySet,
}

impl Signer {
    fn new(typ: &str, keys: KeySet) -> Self {
        Self { header: compact::header(typ, keys.signing_key()), keys }
    }

    fn key(&self) -> &SigningKey {
        self.keys.signing_key()
    }

    fn sign(&self, claims: &impl Serialize) -> Result<String, IssueError> {
        let claims = serde_json::to_vec(claims).map_err(|_| IssueError::Signing)?;
        let token = compact::seal(&self.header, &claims, self.key()).ok_or(IssueError::Signing)?;
        if token.len() > MAX_TOKEN_BYTES { Err(IssueError::TooLong) } else { Ok(token) }
    }
}
