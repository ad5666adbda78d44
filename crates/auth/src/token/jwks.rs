//! Writes and reads public keys as JSON (RFC 7517). Symmetric and private keys are never written, and are ignored when
//! read.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::algorithm::Algorithm;
use super::key::{KeyId, VerifyingKey};
use super::key_set::VerifyingKeys;
use super::public::{Numbers, Public};
use crate::error::KeyError;

/// The longest JWK set that is read, in bytes.
pub const MAX_JWKS_BYTES: usize = 64 * 1024;

/// The maximum number of keys in a set, usable or not.
const MAX_KEYS: usize = 64;

/// A set of public keys, to be served as `application/jwk-set+json` at `/.well-known/jwks.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwks {
    keys: Vec<Written>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Written {
    kid: String,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    #[serde(flatten)]
    numbers: Numbers,
}

impl Jwks {
    /// Returns the set as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Never fails: the set consists of structs and strings.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether the set has no key, for example because all keys are symmetric.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl VerifyingKeys {
    /// Returns the public keys for other services, in their order. Symmetric keys are omitted.
    #[must_use]
    pub fn to_jwks(&self) -> Jwks {
        let written = |key: &VerifyingKey| {
            let (kid, alg) = (key.id().as_str().to_owned(), key.algorithm().name());
            Some(Written { kid, usage: "sig", alg, numbers: key.numbers()?.clone() })
        };
        Jwks { keys: self.iter().filter_map(written).collect() }
    }

    /// Reads the usable keys of a JWK set: public keys for signatures with `EdDSA` (Ed25519), ES256 or RS256 (2048 to
    /// 8192 bits).
    ///
    /// Other keys are ignored (RFC 7517 §5): symmetric keys, keys for encryption, unknown algorithms, published private
    /// keys (which are compromised), and keys whose id is not a valid [`KeyId`]. A key without an id is identified by
    /// its thumbprint. Of two keys with the same id, the first is used. If no usable key is left, every token is
    /// rejected.
    ///
    /// # Errors
    /// [`KeyError::Jwks`] if the text is not a JWK set, exceeds [`MAX_JWKS_BYTES`], or has more than 64 keys.
    pub fn from_jwks(json: &str) -> Result<Self, KeyError> {
        if json.len() > MAX_JWKS_BYTES {
            return Err(KeyError::Jwks);
        }
        let Set { keys } = serde_json::from_str(json).map_err(|_| KeyError::Jwks)?;
        if keys.len() > MAX_KEYS {
            return Err(KeyError::Jwks);
        }
        let usable = keys.into_iter().filter_map(|key| serde_json::from_value::<Read>(key).ok()?.into_key());
        Ok(usable
            .fold(Self::none(), |keys, key| if keys.find(key.id().as_str()).is_some() { keys } else { keys.and(key) }))
    }

    fn and(mut self, key: VerifyingKey) -> Self {
        self.0.push(key);
        self
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

/// A parsed JWK. A member of the wrong type only affects its key and not the whole set.
#[derive(Deserialize)]
struct Read {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<IgnoredAny>,
}

impl Read {
    fn into_key(self) -> Option<VerifyingKey> {
        let public = self.public()?;
        if self.alg.is_some_and(|alg| Algorithm::from_name(&alg) != Some(public.algorithm())) {
            return None;
        }
        let key = VerifyingKey::of(public).ok()?;
        match self.kid {
            None => Some(key),
            Some(kid) => Some(key.with_id(KeyId::parse(&kid).ok()?)),
        }
    }

    fn public(&self) -> Option<Public> {
        let signs = self.usage.as_ref().is_none_or(|usage| usage == "sig");
        let verifies = self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !signs || !verifies || self.d.is_some() {
            return None;
        }
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => Public::ed25519(&number::<32>(self.x.as_ref())?),
            ("EC", Some("P-256")) => {
                let point = [&[4][..], &number::<32>(self.x.as_ref())?, &number::<32>(self.y.as_ref())?].concat();
                Public::p256(&point)
            }
            ("RSA", None) => {
                let decode = |member: &Option<String>| URL_SAFE_NO_PAD.decode(member.as_ref()?).ok();
                Public::rsa(&decode(&self.n)?, &decode(&self.e)?)
            }
            _ => return None,
        }
        .ok()
    }
}

/// Decodes a number of exactly this many bytes.
fn number<const BYTES: usize>(member: Option<&String>) -> Option<[u8; BYTES]> {
    URL_SAFE_NO_PAD.decode(member?).ok()?.try_into().ok()
}
