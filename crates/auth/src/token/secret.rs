//! Symmetric key material and keys derived from it. Each key has one purpose. Further keys are derived with a label, so
//! a token of one kind never verifies as another kind.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

use crate::error::KeyError;

/// A shared secret: raw bytes, wiped when dropped and redacted in debug output.
#[derive(Clone)]
pub struct Secret(SecretSlice<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret([REDACTED])")
    }
}

impl Secret {
    /// The minimum length for HS256, in bytes (RFC 7518 §3.2).
    pub const MIN_BYTES: usize = 32;

    /// Creates a secret from raw bytes. Base64 and hex are not decoded.
    ///
    /// # Errors
    /// [`KeyError::SecretTooShort`] below [`Self::MIN_BYTES`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, KeyError> {
        Self::at_least(Self::MIN_BYTES, bytes.into())
    }

    /// Creates a secret of any length above zero, for development and tests. An attacker can find a short secret
    /// offline and forge tokens.
    ///
    /// # Errors
    /// [`KeyError::SecretTooShort`] if the secret is empty.
    pub fn for_development(bytes: impl Into<Vec<u8>>) -> Result<Self, KeyError> {
        Self::at_least(1, bytes.into())
    }

    fn at_least(min: usize, bytes: Vec<u8>) -> Result<Self, KeyError> {
        let length = bytes.len();
        let secret = Self(SecretSlice::from(bytes));
        if length < min { Err(KeyError::SecretTooShort { length, min }) } else { Ok(secret) }
    }

    /// Derives a 32-byte secret for one purpose (HKDF-SHA256, RFC 5869).
    ///
    /// The same label always returns the same secret. Neither this secret nor those of other labels can be computed
    /// from it. The label `refresh` is used by [`Self::for_refresh_tokens`].
    #[must_use]
    #[expect(clippy::missing_panics_doc, clippy::expect_used, reason = "HKDF only rejects more than 8160 bytes")]
    pub fn derive(&self, label: &str) -> Self {
        let mut derived = vec![0_u8; Self::MIN_BYTES];
        let hkdf = Hkdf::<Sha256>::new(None, self.expose());
        hkdf.expand_multi_info(&[b"keepstone-auth 1 ", label.as_bytes()], &mut derived).expect("32 bytes");
        Self(SecretSlice::from(derived))
    }

    /// Derives the secret for refresh tokens, for services without a separate secret.
    #[must_use]
    pub fn for_refresh_tokens(&self) -> Self {
        self.derive("refresh")
    }

    /// Returns the keyed digest (HMAC-SHA256, RFC 2104) of these parts. It also depends on how the bytes are divided
    /// into parts.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.hmac(parts).finalize().into_bytes().into()
    }

    /// Whether this is the [`mac`](Self::mac) of these parts, or a prefix of it of at least 16 bytes. Compares in
    /// constant time.
    #[must_use]
    pub fn is_mac(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        mac.len() >= 16 && self.hmac(parts).verify_truncated_left(mac).is_ok()
    }

    #[expect(clippy::expect_used, reason = "HMAC accepts a key of any length")]
    fn hmac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut hmac = Hmac::new_from_slice(self.expose()).expect("any length");
        for part in parts {
            hmac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hmac.update(part);
        }
        hmac
    }

    /// Returns the raw bytes, for a keyed hash or a cipher of the caller.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_depends_on_parts_order_and_secret() {
        let secret = Secret::new("k".repeat(32)).unwrap();
        let mac = secret.mac(&[b"ab", b"c"]);
        assert!(secret.is_mac(&[b"ab", b"c"], &mac) && secret.is_mac(&[b"ab", b"c"], &mac[..16]));
        for parts in [&[&b"a"[..], b"bc"][..], &[b"c", b"ab"], &[b"abc"], &[b"ab", b"c", b""]] {
            assert!(!secret.is_mac(parts, &mac), "{parts:?}");
        }
        assert!(!secret.is_mac(&[b"ab", b"c"], &mac[..15]), "15 bytes are too short");
        assert!(!secret.derive("other").is_mac(&[b"ab", b"c"], &mac));
    }

    #[test]
    fn a_secret_is_redacted_in_debug_output() {
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
    fn derivation_is_stable_because_a_change_would_end_every_session() {
        // Computed with Python's hmac.
        let derived = Secret::new("k".repeat(32)).unwrap().for_refresh_tokens();
        let hex = derived.expose().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert_eq!(hex, "37270c4c7e9649ea860390718457f63c915deb6044d03bc05cb7b50674620441");
    }
}
