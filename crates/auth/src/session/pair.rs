//! The inputs and results of a login and a refresh. Their debug output never contains a token.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use secrecy::SecretString;
use uuid::Uuid;

use super::store::Digest;
use crate::token::{RefreshClaims, TokenChain};

/// The role and scope that an access token grants.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    /// The claim `role`: 1 to 255 bytes, no control characters.
    pub role: &'a str,
    /// The claim `scope`: permissions, separated by spaces.
    pub scope: &'a str,
}

/// The tokens returned by a login or a refresh. Debug output redacts them.
#[derive(Debug, Clone)]
pub struct TokenPair {
    /// The access token, for the `Authorization` header.
    pub access_token: SecretString,
    /// The refresh token. It can be exchanged once for the next pair.
    pub refresh_token: SecretString,
    /// The lifetime of the access token, in seconds.
    pub expires_in: u64,
    /// The scope of the access token.
    pub scope: String,
    /// The `sid` of both tokens.
    pub session_id: Uuid,
}

/// A new session.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The first tokens of the session.
    pub tokens: TokenPair,
    /// The subject's oldest sessions, ended because the subject had too many. Remove them from caches.
    pub superseded: Vec<Uuid>,
}

/// A refresh token with a valid form, signature and age. It may have been used, or its session may have ended.
#[derive(Debug, Clone)]
pub struct PresentedToken {
    pub(super) claims: RefreshClaims,
}

impl PresentedToken {
    /// Returns the subject of the token.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.claims.subject
    }

    /// Returns the id of the token's session.
    #[must_use]
    pub const fn session_id(&self) -> Uuid {
        self.claims.session_id
    }

    /// Returns the digest that identifies the token in a store.
    #[must_use]
    pub fn digest(&self) -> Digest {
        TokenChain::digest(&self.claims.token_id)
    }
}

/// Rounds a time down to whole microseconds, the precision of every store. Times before 1970 become 1970.
pub(super) fn whole_micros(time: SystemTime) -> SystemTime {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::new(since_epoch.as_secs(), since_epoch.subsec_micros() * 1_000)
}
