//! The claims of tokens. A claim of the wrong type rejects the token; no value is coerced. Times are Unix times
//! in whole seconds. Only claims that one version writes and another does not may be absent.

use std::fmt;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use uuid::Uuid;

use super::json::{Ignored, Names, Text, Texts};
use crate::error::TokenFault;

/// The values of the claim `type` for the two kinds of tokens.
pub(super) const ACCESS: &str = "access";
pub(super) const REFRESH: &str = "refresh";

/// The claims of a verified access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// `sub`: the issuer's id of the user. 1 to 255 bytes, no control characters.
    pub subject: String,
    /// `role`: the user's role when the token was issued. It may have changed since; the issuer's own service reads the
    /// current role from its database.
    pub role: String,
    /// `scope`: the permissions when the token was issued, separated by spaces. May be empty.
    pub scope: String,
    /// `sid`: the session that the token belongs to.
    pub session_id: Uuid,
    /// `jti`: the token itself.
    pub token_id: Uuid,
    /// `client_id`: the client that the token was issued to. Tokens of earlier versions have none.
    pub client_id: Option<String>,
    /// `auth_time`: when the user logged in, in Unix seconds. A refresh does not change it. Tokens of earlier versions
    /// have none.
    pub authenticated_at: Option<u64>,
    /// `iat`, in Unix seconds.
    pub issued_at: u64,
    /// `nbf`, in Unix seconds. [`Issuer`](super::Issuer) does not write it; earlier versions did.
    pub not_before: Option<u64>,
    /// `exp`, in Unix seconds: the first second in which the token is no longer accepted.
    pub expires_at: u64,
}

impl AccessClaims {
    /// Whether the scope contains exactly this permission.
    #[must_use]
    pub fn has_scope(&self, permission: &str) -> bool {
        self.scope.split(' ').any(|granted| granted == permission)
    }
}

/// The claims of a refresh token, for issuing and after verification. Debug output omits the `jti`.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshClaims {
    /// `sub`: the user. 1 to 255 bytes, no control characters.
    pub subject: String,
    /// `sid`: the session.
    pub session_id: Uuid,
    /// `jti`: the id of the token in its session. The caller chooses it, with enough randomness for its purpose.
    /// 1 to 255 bytes, no control characters.
    pub token_id: String,
    /// `iat`, in Unix seconds.
    pub issued_at: u64,
    /// `exp`, in Unix seconds: the first second in which the token is no longer accepted.
    pub expires_at: u64,
}

impl fmt::Debug for RefreshClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RefreshClaims");
        debug.field("subject", &self.subject).field("session_id", &self.session_id);
        debug.field("issued_at", &self.issued_at).field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The claims of an access token in the order in which they are serialized.
#[derive(Serialize)]
pub(super) struct AccessBody<'a> {
    pub iss: &'a str,
    pub aud: &'a str,
    pub client_id: &'a str,
    pub sub: &'a str,
    pub role: &'a str,
    pub scope: &'a str,
    pub sid: Uuid,
    pub jti: Uuid,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub auth_time: u64,
    pub iat: u64,
    pub exp: u64,
}

/// The claims of a refresh token in the order in which they are serialized.
#[derive(Serialize)]
pub(super) struct RefreshBody<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub sub: &'a str,
    pub sid: Uuid,
    pub jti: &'a str,
    pub iat: u64,
    pub exp: u64,
}

/// The claims of any token after parsing: they have the correct types, but are not verified.
#[derive(Default)]
pub(super) struct RawClaims<'de> {
    pub iss: Option<Text<'de>>,
    pub aud: Option<Texts<'de>>,
    sub: Option<Text<'de>>,
    role: Option<Text<'de>>,
    scope: Option<Text<'de>>,
    sid: Option<Text<'de>>,
    jti: Option<Text<'de>>,
    kind: Option<Text<'de>>,
    client_id: Option<Text<'de>>,
    auth_time: Option<u64>,
    iat: Option<u64>,
    nbf: Option<u64>,
    exp: Option<u64>,
}

impl RawClaims<'_> {
    pub(super) fn read(json: &[u8]) -> Result<RawClaims<'_>, TokenFault> {
        serde_json::from_slice(json).map_err(|_| TokenFault::Claims)
    }

    pub(super) fn expect_kind(&self, kind: &str) -> Result<(), TokenFault> {
        match &self.kind {
            Some(found) if found.as_str() == kind => Ok(()),
            Some(_) => Err(TokenFault::Kind),
            None => Err(TokenFault::Claims),
        }
    }

    pub(super) fn into_access(self) -> Result<AccessClaims, TokenFault> {
        let access = || {
            Some(AccessClaims {
                subject: name(self.sub)?,
                role: name(self.role)?,
                scope: self.scope?.0.into_owned(),
                session_id: uuid(self.sid.as_ref()?)?,
                token_id: uuid(self.jti.as_ref()?)?,
                client_id: self.client_id.map(|text| text.0.into_owned()),
                authenticated_at: self.auth_time,
                issued_at: self.iat?,
                not_before: self.nbf,
                expires_at: self.exp?,
            })
        };
        access().ok_or(TokenFault::Claims)
    }

    pub(super) fn into_refresh(self) -> Result<RefreshClaims, TokenFault> {
        let refresh = || {
            Some(RefreshClaims {
                subject: name(self.sub)?,
                session_id: uuid(self.sid.as_ref()?)?,
                token_id: name(self.jti)?,
                issued_at: self.iat?,
                expires_at: self.exp?,
            })
        };
        refresh().ok_or(TokenFault::Claims)
    }
}

/// Whether a string is a valid name: 1 to 255 bytes, no control characters. The issuer and the verifier reject others.
pub(super) fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn name(text: Option<Text<'_>>) -> Option<String> {
    text.filter(|text| is_name(text.as_str())).map(|text| text.0.into_owned())
}

/// Parses a UUID in the hyphenated form only. The uuid crate would also accept braces and URNs.
fn uuid(text: &Text<'_>) -> Option<Uuid> {
    let text = text.as_str();
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

impl<'de> Deserialize<'de> for RawClaims<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ClaimsVisitor;
        impl<'de> Visitor<'de> for ClaimsVisitor {
            type Value = RawClaims<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut claims, mut names) = (RawClaims::default(), Names::default());
                while let Some(name) = names.next(&mut map)? {
                    match name {
                        "iss" => claims.iss = Some(map.next_value()?),
                        "aud" => claims.aud = Some(map.next_value()?),
                        "sub" => claims.sub = Some(map.next_value()?),
                        "role" => claims.role = Some(map.next_value()?),
                        "scope" => claims.scope = Some(map.next_value()?),
                        "sid" => claims.sid = Some(map.next_value()?),
                        "jti" => claims.jti = Some(map.next_value()?),
                        "type" => claims.kind = Some(map.next_value()?),
                        "client_id" => claims.client_id = Some(map.next_value()?),
                        "auth_time" => claims.auth_time = Some(map.next_value()?),
                        "iat" => claims.iat = Some(map.next_value()?),
                        "nbf" => claims.nbf = Some(map.next_value()?),
                        "exp" => claims.exp = Some(map.next_value()?),
                        _ => {
                            map.next_value::<Ignored>()?;
                        }
                    }
                }
                Ok(claims)
            }
        }
        deserializer.deserialize_map(ClaimsVisitor)
    }
}
