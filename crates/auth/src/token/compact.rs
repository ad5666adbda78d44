//! Writes and reads the compact form `header.claims.signature` (RFC 7515). Size, form, header and signature are
//! checked, in this order, before the claims are parsed.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::json::{Ignored, Names, Text};
use super::key::SigningKey;
use super::key_set::VerifyingKeys;
use crate::error::TokenFault;

/// The longest token that is accepted and issued, in bytes.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// Returns the encoded header of the tokens that a key signs with this `typ`. All of them share it.
pub(super) fn header(typ: &str, key: &SigningKey) -> String {
    let key = key.verifying_key();
    // None of the three can contain a character that JSON escapes.
    let json = format!(r#"{{"typ":"{typ}","alg":"{}","kid":"{}"}}"#, key.algorithm().name(), key.id().as_str());
    URL_SAFE_NO_PAD.encode(json)
}

/// Signs claims. `None` if the key is unusable.
pub(super) fn seal(header: &str, claims: &[u8], key: &SigningKey) -> Option<String> {
    let mut token = String::with_capacity(header.len() + claims.len().saturating_mul(4) / 3 + 64);
    token.push_str(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Some(token)
}

/// Verifies that one of `keys` has signed a token with one of the `types`, and returns its claims as JSON.
pub(super) fn open(token: &str, keys: &VerifyingKeys, types: &[&str]) -> Result<Vec<u8>, TokenFault> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenFault::TooLong);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenFault::Form)?;
    let (header, claims) = message.split_once('.').ok_or(TokenFault::Form)?;
    if [header, claims, signature].iter().any(|part| part.is_empty()) {
        return Err(TokenFault::Form);
    }
    // Strict by default: no padding, no whitespace, no other alphabet, no stray bits. A fourth part would leave a dot
    // in the claims, which is rejected as well.
    let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Form);

    let json = decode(header)?;
    let header: Header<'_> = serde_json::from_slice(&json).map_err(|_| TokenFault::Header)?;
    if header.extended {
        return Err(TokenFault::Extension);
    }
    if header.typ.is_none_or(|typ| !types.contains(&typ.as_str())) {
        return Err(TokenFault::Type);
    }
    let key = header.kid.and_then(|kid| keys.find(kid.as_str())).ok_or(TokenFault::UnknownKey)?;
    if header.alg.is_none_or(|alg| alg.as_str() != key.algorithm().name()) {
        return Err(TokenFault::Algorithm);
    }
    let claims = decode(claims)?;
    if !key.verifies(message.as_bytes(), &decode(signature)?) {
        return Err(TokenFault::Signature);
    }
    Ok(claims)
}

/// The members of a header that are used. Only the form of others, such as `jku`, `x5u`, `jwk` and `x5c`, is checked.
#[derive(Default)]
struct Header<'de> {
    alg: Option<Text<'de>>,
    kid: Option<Text<'de>>,
    typ: Option<Text<'de>>,
    extended: bool,
}

impl<'de> Deserialize<'de> for Header<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeaderVisitor;
        impl<'de> Visitor<'de> for HeaderVisitor {
            type Value = Header<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut header, mut names) = (Header::default(), Names::default());
                while let Some(name) = names.next(&mut map)? {
                    match name {
                        "alg" => header.alg = Some(map.next_value()?),
                        "kid" => header.kid = Some(map.next_value()?),
                        "typ" => header.typ = Some(map.next_value()?),
                        other => {
                            header.extended |= matches!(other, "crit" | "zip" | "enc" | "b64");
                            map.next_value::<Ignored>()?;
                        }
                    }
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(HeaderVisitor)
    }
}
