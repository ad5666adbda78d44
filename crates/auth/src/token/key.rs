//! Signing and verifying keys. The algorithm is a property of the key; the header of a token cannot select it.

use std::sync::Arc;

use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::algorithm::Algorithm;
use super::pem::{self, Block};
use super::private::Private;
use super::public::{Numbers, Public};
use super::secret::Secret;
use crate::error::KeyError;

/// The public id of a key: 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyId(Box<str>);

impl KeyId {
    /// Parses a key id.
    ///
    /// # Errors
    /// [`KeyError::KeyId`] if the id is malformed.
    pub fn parse(id: &str) -> Result<Self, KeyError> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if (1..=64).contains(&id.len()) && id.bytes().all(valid) { Ok(Self(id.into())) } else { Err(KeyError::KeyId) }
    }

    /// Returns the id, as in the header of a token.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the thumbprint (RFC 7638): a hash of the public key in base64url.
    fn of_numbers(numbers: &Numbers) -> Self {
        Self(numbers.thumbprint().into())
    }

    /// Derives an id from a secret, so no id needs to be configured. It reveals nothing about the secret: it is the
    /// hash of a derived key that signs nothing.
    fn of_secret(secret: &Secret) -> Self {
        let digest = Sha256::digest(secret.derive("kid").expose());
        Self(digest.iter().take(8).fold(String::new(), |id, byte| format!("{id}{byte:02x}")).into())
    }
}

/// A key that signs, together with its verifying key. Debug output omits the key material.
#[derive(Clone)]
pub struct SigningKey {
    private: Arc<Private>,
    public: VerifyingKey,
}

/// A key that verifies. For asymmetric algorithms it is the public key, from which no signing key can be created.
#[derive(Clone)]
pub struct VerifyingKey {
    id: KeyId,
    key: Public,
}

impl SigningKey {
    /// Creates an HS256 key from the raw bytes of a secret. Its id is derived from the secret.
    #[must_use]
    pub fn hs256(secret: &Secret) -> Self {
        Self { private: Arc::new(Private::hs256(secret)), public: VerifyingKey::hs256(secret) }
    }

    /// Reads an unencrypted private key from PEM: Ed25519, P-256 or RSA of 2048 to 8192 bits, as PKCS#8, PKCS#1 or
    /// SEC1.
    ///
    /// The type of the key determines its algorithm. Its id is its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// The reason why the text is unusable. The error never contains any of the text.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        Self::read(&Block::read(pem)?)
    }

    pub(super) fn read(block: &Block) -> Result<Self, KeyError> {
        let private = Private::read(block)?;
        let public = VerifyingKey::of(private.public()?)?;
        Ok(Self { private: Arc::new(private), public })
    }

    /// Generates a private key, as PEM (PKCS#8) for [`Self::from_pem`]. An RSA key has 3072 bits and takes up to a
    /// second to generate.
    ///
    /// # Errors
    /// [`KeyError::Symmetric`] for HS256, [`KeyError::Generation`] if the system has no randomness.
    pub fn generate_pem(algorithm: Algorithm) -> Result<SecretString, KeyError> {
        Private::generate(algorithm).map(|pkcs8| pem::write_private(&pkcs8))
    }

    /// Replaces the id of the key.
    #[must_use]
    pub fn with_id(mut self, id: KeyId) -> Self {
        self.public.id = id;
        self
    }

    /// Returns the verifying key.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// Signs a message. `None` if the key material is unusable.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.private.sign(message)
    }
}

impl VerifyingKey {
    /// Creates an HS256 key from the raw bytes of a secret. Its id is derived from the secret.
    #[must_use]
    pub fn hs256(secret: &Secret) -> Self {
        Self { id: KeyId::of_secret(secret), key: Public::hs256(secret) }
    }

    /// Reads a public key from PEM: Ed25519, P-256 or RSA of 2048 to 8192 bits, as `SubjectPublicKeyInfo` or PKCS#1.
    ///
    /// Its id is its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// The reason why the text is unusable. A private key is rejected with [`KeyError::NotPublic`], because a verifier
    /// must not have it.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        Self::read(&Block::read(pem)?)
    }

    pub(super) fn read(block: &Block) -> Result<Self, KeyError> {
        if block.form.is_private() {
            return Err(KeyError::NotPublic);
        }
        Self::of(Public::from_der(block.der())?)
    }

    /// Creates an asymmetric key whose id is its thumbprint.
    pub(super) fn of(key: Public) -> Result<Self, KeyError> {
        let id = KeyId::of_numbers(key.numbers().ok_or(KeyError::Symmetric)?);
        Ok(Self { id, key })
    }

    /// Returns the public key as PEM (`SubjectPublicKeyInfo`). `None` for HS256, whose verifying key is the secret.
    #[must_use]
    pub fn to_pem(&self) -> Option<String> {
        self.key.to_der().map(|spki| pem::write_public(&spki))
    }

    /// Replaces the id of the key.
    #[must_use]
    pub fn with_id(self, id: KeyId) -> Self {
        Self { id, ..self }
    }

    /// Returns the id: the `kid` of the tokens signed with this key.
    #[must_use]
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// Returns the only algorithm that this key verifies.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    pub(super) const fn numbers(&self) -> Option<&Numbers> {
        self.key.numbers()
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &Vec<u8>) -> bool {
        self.key.verifies(message, signature)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public).finish()
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("VerifyingKey");
        debug.field("id", &self.id).field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(letter: &str) -> Secret {
        Secret::new(letter.repeat(32)).unwrap()
    }

    #[test]
    fn a_key_id_is_stable_short_and_not_the_secret() {
        let id = SigningKey::hs256(&secret("a")).verifying_key().id().clone();
        assert_eq!(id, VerifyingKey::hs256(&secret("a")).id().clone());
        assert_ne!(&id, VerifyingKey::hs256(&secret("b")).id());
        assert!(id.as_str().len() == 16 && id.as_str().bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn a_key_id_is_1_to_64_safe_characters() {
        for good in ["a", "A-Z_0.9", &"k".repeat(64)] {
            assert_eq!(KeyId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "../../dev/null", "' OR 1=1", "é", "a\0", &"k".repeat(65), &"k".repeat(10_240)] {
            assert_eq!(KeyId::parse(bad), Err(KeyError::KeyId), "{bad}");
        }
    }

    #[test]
    fn debug_output_omits_key_material() {
        let key = SigningKey::hs256(&secret("z"));
        for text in [format!("{key:?}"), format!("{:?}", key.verifying_key())] {
            assert!(!text.contains("zz") && !text.contains("122, 122"), "{text}");
        }
    }
}
