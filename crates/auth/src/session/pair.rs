//! What goes in and out of a login and a refresh. The rule: no token prints.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use secrecy::SecretString;
use uuid::Uuid;

use super::store::Digest;
use crate::token::{RefreshClaims, TokenChain};

/// What an access token grants.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    /// `role`. 1 to 255 bytes, no control characters.
    pub role: &'a str,
    /// `scope`: permissions separated by spaces.
    pub scope: &'a str,
}

/// What a login or a refresh is answered with. The tokens do not print.
#[derive(Debug, Clone)]
pub struct TokenPair {
    /// For the `Authorization` header.
    pub access_token: SecretString,
    /// Good once, for the next pair.
    pub refresh_token: SecretString,
    /// How long the access token lives, in seconds.
    pub expires_in: u64,
    /// What the access token grants.
    pub scope: String,
    /// The `sid` of both.
    pub session_id: Uuid,
}

/// A session that has begun.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Its first tokens.
    pub tokens: TokenPair,
    /// The subject's oldest sessions, ended because there were too many: to be dropped from caches.
    pub superseded: Vec<Uuid>,
}

/// A refresh token whose form, signature and age are right. Whether it was used, or its session ended, is not known
/// yet.
#[derive(Debug, Clone)]
pub struct PresentedToken {
    pub(super) claims: RefreshClaims,
}

impl PresentedToken {
    /// Whose it is.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.claims.subject
    }

    /// The session it belongs to.
    #[must_use]
    pub const fn session_id(&self) -> Uuid {
        self.claims.session_id
    }

    /// The digest by which a store finds it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        TokenChain::digest(&self.claims.token_id)
    }
}

/// What every store can keep. Before 1970 is 1970.
pub(super) fn whole_micros(time: SystemTime) -> SystemTime {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::new(since_epoch.as_secs(), since_epoch.subsec_micros() * 1_000)
}
