//! Public and symmetric keys. The private part of an asymmetric key is never stored here, so it cannot be published.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::PublicKey as RsaPublicKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::algorithm::Algorithm;
use super::secret::Secret;
use crate::error::KeyError;

/// The first byte of every key in DER.
const SEQUENCE: u8 = 0x30;

/// A public or symmetric key.
#[derive(Clone)]
pub(super) enum Public {
    Hs256(DecodingKey),
    Asymmetric(ParsedPublicKey, Numbers),
}

/// The members of a JWK that describe an asymmetric key (RFC 7518 §6, RFC 8037 §2): base64url, big-endian.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kty")]
pub(super) enum Numbers {
    #[serde(rename = "OKP")]
    Ed25519 { crv: &'static str, x: String },
    #[serde(rename = "EC")]
    P256 { crv: &'static str, x: String, y: String },
    #[serde(rename = "RSA")]
    Rsa { e: String, n: String },
}

impl Numbers {
    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519 { .. } => Algorithm::EdDsa,
            Self::P256 { .. } => Algorithm::Es256,
            Self::Rsa { .. } => Algorithm::Rs256,
        }
    }

    /// Returns the thumbprint (RFC 7638): the SHA-256 of the required members, sorted. No member contains a character
    /// that needs escaping in JSON.
    pub(super) fn thumbprint(&self) -> String {
        let json = match self {
            Self::Ed25519 { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
            Self::P256 { crv, x, y } => format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Self::Rsa { e, n } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        };
        URL_SAFE_NO_PAD.encode(Sha256::digest(json))
    }
}

impl Public {
    pub(super) fn hs256(secret: &Secret) -> Self {
        Self::Hs256(DecodingKey::from_secret(secret.expose()))
    }

    /// Reads a `SubjectPublicKeyInfo` of any of the three types, or an `RSAPublicKey` (PKCS#1).
    pub(super) fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        // The library would also accept bare points, which are not DER.
        if der.len() < 40 || der.first() != Some(&SEQUENCE) {
            return Err(KeyError::Unsupported);
        }
        Self::ed25519(der).or_else(|_| Self::p256(der)).or_else(|_| {
            let key = RsaPublicKey::from_der(der).map_err(|_| KeyError::Unsupported)?;
            let numbers = RsaPublicKeyComponents::<Vec<u8>>::from(&key);
            Self::rsa(&numbers.n, &numbers.e)
        })
    }

    /// Reads an Ed25519 key: 32 bytes, or a `SubjectPublicKeyInfo`.
    pub(super) fn ed25519(bytes: &[u8]) -> Result<Self, KeyError> {
        let key = ParsedPublicKey::new(&ED25519, bytes).map_err(|_| KeyError::Unsupported)?;
        let spki = key.as_der().map_err(|_| KeyError::Unsupported)?;
        let (_, x) = spki.as_ref().split_last_chunk::<32>().ok_or(KeyError::Unsupported)?;
        let numbers = Numbers::Ed25519 { crv: "Ed25519", x: URL_SAFE_NO_PAD.encode(x) };
        Ok(Self::Asymmetric(key, numbers))
    }

    /// Reads a P-256 key: a point (SEC 1 §2.3.3), or a `SubjectPublicKeyInfo`.
    pub(super) fn p256(bytes: &[u8]) -> Result<Self, KeyError> {
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes).map_err(|_| KeyError::Unsupported)?;
        let spki = key.as_der().map_err(|_| KeyError::Unsupported)?;
        let (start, y) = spki.as_ref().split_last_chunk::<32>().ok_or(KeyError::Unsupported)?;
        let (start, x) = start.split_last_chunk::<32>().ok_or(KeyError::Unsupported)?;
        if start.last() != Some(&4) {
            return Err(KeyError::Unsupported); // A compressed point, which common tools do not write.
        }
        let numbers = Numbers::P256 { crv: "P-256", x: URL_SAFE_NO_PAD.encode(x), y: URL_SAFE_NO_PAD.encode(y) };
        Ok(Self::Asymmetric(key, numbers))
    }

    /// Reads an RSA key: modulus and exponent, with or without leading zeros.
    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let (n, e) = (trimmed(n), trimmed(e));
        let bits = n.first().map_or(0, |first| n.len().saturating_mul(8).saturating_sub(leading_zeros(*first)));
        if !(2048..=8192).contains(&bits) || e.len() > 4 {
            return Err(KeyError::Unsupported);
        }
        let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
        let numbers = Numbers::Rsa { e: URL_SAFE_NO_PAD.encode(e), n: URL_SAFE_NO_PAD.encode(n) };
        Ok(Self::Asymmetric(key.map_err(|_| KeyError::Unsupported)?, numbers))
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Hs256(_) => Algorithm::Hs256,
            Self::Asymmetric(_, numbers) => numbers.algorithm(),
        }
    }

    /// Returns the members for a JWK. `None` for HS256.
    pub(super) const fn numbers(&self) -> Option<&Numbers> {
        match self {
            Self::Hs256(_) => None,
            Self::Asymmetric(_, numbers) => Some(numbers),
        }
    }

    /// Returns the key as a `SubjectPublicKeyInfo`. `None` for HS256.
    pub(super) fn to_der(&self) -> Option<Vec<u8>> {
        match self {
            Self::Hs256(_) => None,
            Self::Asymmetric(key, _) => key.as_der().ok().map(|spki| spki.as_ref().to_vec()),
        }
    }

    /// Verifies a signature, in constant time if the key is secret.
    pub(super) fn verifies(&self, message: &[u8], signature: &Vec<u8>) -> bool {
        match self {
            Self::Hs256(key) => (DEFAULT_PROVIDER.verifier_factory)(&jsonwebtoken::Algorithm::HS256, key)
                .is_ok_and(|verifier| verifier.verify(message, signature).is_ok()),
            Self::Asymmetric(key, _) => key.verify_sig(message, signature).is_ok(),
        }
    }
}

fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn leading_zeros(byte: u8) -> usize {
    usize::try_from(byte.leading_zeros()).unwrap_or_default()
}
