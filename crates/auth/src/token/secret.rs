//! Symmetric key material and what is derived from it. The rule: one key, one purpose; whatever needs a second key
//! derives it under a label, so that a token of one kind is noise to the verifier of another.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

use crate::error::KeyError;

/// A shared secret: raw bytes, wiped when dropped, never printed.
#[derive(Clone)]
pub struct Secret(SecretSlice<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret([REDACTED])")
    }
}

impl Secret {
    /// What HS256 needs at least (RFC 7518 §3.2).
    pub const MIN_BYTES: usize = 32;

    /// Takes the bytes as they are: no base64, no hex.
    ///
    /// # Errors
    /// `SecretTooShort` under [`Self::MIN_BYTES`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, KeyError> {
        Self::at_least(Self::MIN_BYTES, bytes.into())
    }

    /// Takes a secret of any length but zero, for development and tests. Tokens under a short one can be forged
    /// offline.
    ///
    /// # Errors
    /// `SecretTooShort` when empty.
    pub fn for_development(bytes: impl Into<Vec<u8>>) -> Result<Self, KeyError> {
        Self::at_least(1, bytes.into())
    }

    fn at_least(min: usize, bytes: Vec<u8>) -> Result<Self, KeyError> {
        let length = bytes.len();
        let secret = Self(SecretSlice::from(bytes));
        if length < min { Err(KeyError::SecretTooShort { length, min }) } else { Ok(secret) }
    }

    /// A 32-byte secret for one purpose (HKDF-SHA256, RFC 5869): the same label gives the same secret, and neither
    /// another label's nor this one follows from it. The label `refresh` is [`Self::for_refresh_tokens`]'s.
    #[must_use]
    #[expect(clippy::missing_panics_doc, clippy::expect_used, reason = "HKDF only refuses more than 8160 bytes")]
    pub fn derive(&self, label: &str) -> Self {
        let mut derived = vec![0_u8; Self::MIN_BYTES];
        let hkdf = Hkdf::<Sha256>::new(None, self.expose());
        hkdf.expand_multi_info(&[b"keepstone-auth 1 ", label.as_bytes()], &mut derived).expect("32 bytes");
        Self(SecretSlice::from(derived))
    }

    /// The secret for refresh tokens when none of their own is configured.
    #[must_use]
    pub fn for_refresh_tokens(&self) -> Self {
        self.derive("refresh")
    }

    /// The keyed digest (HMAC-SHA256, RFC 2104) of these parts; how the parts are divided counts, too.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.hmac(parts).finalize().into_bytes().into()
    }

    /// Whether this is the [`mac`](Self::mac) of these parts, or its first 16 bytes or more. Takes the same time either
    /// way.
    #[must_use]
    pub fn is_mac(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        mac.len() >= 16 && self.hmac(parts).verify_truncated_left(mac).is_ok()
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn hmac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut hmac = Hmac::new_from_slice(self.expose()).expect("any length");
        for part in parts {
            hmac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hmac.update(part);
        }
        hmac
    }

    /// The raw bytes, for a keyed hash or a cipher of the caller's own.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_of_these_parts_in_this_order_under_this_secret() {
        let secret = Secret::new("k".repeat(32)).unwrap();
        let mac = secret.mac(&[b"ab", b"c"]);
        assert!(secret.is_mac(&[b"ab", b"c"], &mac) && secret.is_mac(&[b"ab", b"c"], &mac[..16]));
        for parts in [&[&b"a"[..], b"bc"][..], &[b"c", b"ab"], &[b"abc"], &[b"ab", b"c", b""]] {
            assert!(!secret.is_mac(parts, &mac), "{parts:?}");
        }
        assert!(!secret.is_mac(&[b"ab", b"c"], &mac[..15]), "too short to tell");
        assert!(!secret.derive("other").is_mac(&[b"ab", b"c"], &mac));
    }

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::new("an easily recognised secret of many bytes").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret([REDACTED])");
    }

    #[test]
    fn a_short_secret_is_for_development_only() {
        let short = "x".repeat(31);
        assert_eq!(Secret::new(short.clone()).unwrap_err(), KeyError::SecretTooShort { length: 31, min: 32 });
        assert_eq!(Secret::for_development(short.clone()).unwrap().expose(), short.as_bytes());
        assert!(Secret::for_development("").is_err());
    }

    #[test]
    fn each_label_has_its_own_stable_secret() {
        let secret = Secret::new("k".repeat(32)).unwrap();
        assert_eq!(secret.derive("a").expose(), secret.derive("a").expose());
        assert_ne!(secret.derive("a").expose(), secret.derive("b").expose());
        assert_ne!(secret.derive("a").expose(), secret.expose());
        assert_eq!(secret.derive("").expose().len(), 32);
    }

    #[test]
    fn derivation_never_changes_or_every_session_would_end() {
        // Computed with Python's hmac.
        let derived = Secret::new("k".repeat(32)).unwrap().for_refresh_tokens();
        let hex = derived.expose().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert_eq!(hex, "37270c4c7e9649ea860390718457f63c915deb6044d03bc05cb7b50674620441");
    }
}
