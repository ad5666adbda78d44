//! Creates tokens by hand, with another implementation. It can create valid and invalid tokens.
#![expect(clippy::unwrap_used, reason = "a test that cannot create its token has failed")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use keepstone_auth::error::{TokenError, TokenFault};
use keepstone_auth::token::{
    AccessClaims, AccessGrant, Issuer, KeySet, Profile, RefreshClaims, Secret, SigningKey, Verifier, VerifyingKey,
    VerifyingKeys,
};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

pub const SECRET: &str = "a secret of thirty-two bytes, or more";
pub const ISSUER: &str = "https://id.example.com";
pub const AUDIENCE: &str = "orders";
pub const NOW: u64 = 1_800_000_000;
pub const LIFETIME: u64 = 1800;
/// An hour before now.
pub const LOGIN: u64 = NOW - 3600;
pub const SESSION: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);

pub fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub fn secret() -> Secret {
    Secret::new(SECRET).unwrap()
}

pub fn key_id() -> String {
    VerifyingKey::hs256(&secret()).id().as_str().to_owned()
}

pub fn refresh_keys() -> KeySet {
    KeySet::new(SigningKey::hs256(&secret().for_refresh_tokens()))
}

pub fn profile() -> Profile {
    Profile::new(ISSUER, AUDIENCE, Duration::from_secs(LIFETIME))
}

pub fn issuer() -> Issuer {
    Issuer::new(KeySet::new(SigningKey::hs256(&secret())), refresh_keys(), profile()).unwrap()
}

pub fn verifier() -> Verifier {
    let keys = VerifyingKeys::new(VerifyingKey::hs256(&secret()));
    Verifier::new(keys, ISSUER, AUDIENCE).unwrap().with_max_lifetime(Duration::from_secs(LIFETIME))
}

pub fn grant() -> AccessGrant<'static> {
    let scope = "orders:read orders:write";
    AccessGrant { subject: "ada", role: "clerk", scope, session_id: SESSION, authenticated_at: at(LOGIN) }
}

pub fn refresh_claims() -> RefreshClaims {
    RefreshClaims {
        subject: "ada".to_owned(),
        session_id: SESSION,
        token_id: "first".to_owned(),
        issued_at: NOW,
        expires_at: NOW + 86_400,
    }
}

pub fn header() -> Value {
    json!({"typ": "at+jwt", "alg": "HS256", "kid": key_id()})
}

pub fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "client_id": AUDIENCE, "sub": "ada", "role": "clerk",
        "scope": "orders:read orders:write", "sid": SESSION, "jti": "01920000-0000-7000-8000-000000000002",
        "type": "access", "auth_time": LOGIN, "iat": NOW, "exp": NOW + LIFETIME,
    })
}

/// Returns the claims of an earlier version.
pub fn claims_of_an_earlier_version() -> Value {
    with(without(without(claims(), "client_id"), "auth_time"), "nbf", json!(NOW))
}

/// Returns `base` with a member replaced or added.
pub fn with(mut base: Value, name: &str, value: Value) -> Value {
    base[name] = value;
    base
}

pub fn without(mut base: Value, name: &str) -> Value {
    base.as_object_mut().unwrap().remove(name);
    base
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes a JSON part of a token.
pub fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).unwrap_or_default();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap_or_default()).unwrap_or_default()
}

/// Signs two texts, which need not be JSON.
pub fn sign_text(header: &str, claims: &str) -> String {
    sign_message(&format!("{}.{}", encode(header), encode(claims)), SECRET.as_bytes())
}

pub fn sign(header: &Value, claims: &Value) -> String {
    sign_text(&header.to_string(), &claims.to_string())
}

pub fn sign_message(message: &str, secret: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(message.as_bytes());
    format!("{message}.{}", encode(mac.finalize().into_bytes()))
}

pub fn verify(token: &str) -> Result<AccessClaims, TokenError> {
    verifier().verify_access_at(token, at(NOW))
}

/// Returns the fault of a token that must be rejected.
#[track_caller]
pub fn fault(token: &str) -> TokenFault {
    match verify(token) {
        Err(TokenError::Invalid(fault)) => fault,
        other => panic!("expected an invalid token, got {other:?}"),
    }
}
