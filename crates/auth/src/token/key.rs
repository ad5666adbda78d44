//! Keys. The rule: the algorithm is a property of the key. Nothing a token says can choose it.

use std::sync::Arc;

use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::algorithm::Algorithm;
use super::pem::{self, Block};
use super::private::Private;
use super::public::{Numbers, Public};
use super::secret::Secret;
use crate::error::KeyError;

/// The name of a key: 1 to 64 of `A-Z a-z 0-9 . _ -`. It is public.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyId(Box<str>);

impl KeyId {
    /// Checks a key id.
    ///
    /// # Errors
    /// [`KeyError::KeyId`].
    pub fn parse(id: &str) -> Result<Self, KeyError> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if (1..=64).contains(&id.len()) && id.bytes().all(valid) { Ok(Self(id.into())) } else { Err(KeyError::KeyId) }
    }

    /// The id as it stands in a token's header.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }

    /// RFC 7638: a hash of the public key in base64url.
    fn of_numbers(numbers: &Numbers) -> Self {
        Self(numbers.thumbprint().into())
    }

    /// Follows from the secret, so nobody has to configure it, and says nothing about it: it is a hash of a key that
    /// signs nothing.
    fn of_secret(secret: &Secret) -> Self {
        let digest = Sha256::digest(secret.derive("kid").expose());
        Self(digest.iter().take(8).fold(String::new(), |id, byte| format!("{id}{byte:02x}")).into())
    }
}

/// A key that signs, and verifies what it signed. It does not print.
#[derive(Clone)]
pub struct SigningKey {
    private: Arc<Private>,
    public: VerifyingKey,
}

/// A key that verifies. Of an asymmetric key it is the public half only, and no signing key can be made of it.
#[derive(Clone)]
pub struct VerifyingKey {
    id: KeyId,
    key: Public,
}

impl SigningKey {
    /// An HS256 key: the secret's bytes as they are. Its id is derived from the secret.
    #[must_use]
    pub fn hs256(secret: &Secret) -> Self {
        Self { private: Arc::new(Private::hs256(secret)), public: VerifyingKey::hs256(secret) }
    }

    /// The private key in a PEM file: Ed25519, P-256 or RSA of 2048 to 8192 bits, as PKCS#8, PKCS#1 or SEC1, not
    /// encrypted. Its algorithm is the only one that such a key has here; its id is its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// What is wrong with the file, and nothing of what it says.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        Self::read(&Block::read(pem)?)
    }

    pub(super) fn read(block: &Block) -> Result<Self, KeyError> {
        let private = Private::read(block)?;
        let public = VerifyingKey::of(private.public()?)?;
        Ok(Self { private: Arc::new(private), public })
    }

    /// A new private key, as the PEM file that [`Self::from_pem`] reads (PKCS#8). RSA keys have 3072 bits and take up
    /// to a second to find.
    ///
    /// # Errors
    /// [`KeyError::Symmetric`] for HS256, [`KeyError::Generation`] when the system has no randomness to give.
    pub fn generate_pem(algorithm: Algorithm) -> Result<SecretString, KeyError> {
        Private::generate(algorithm).map(|pkcs8| pem::write_private(&pkcs8))
    }

    /// The same key under a chosen id.
    #[must_use]
    pub fn with_id(mut self, id: KeyId) -> Self {
        self.public.id = id;
        self
    }

    /// The half that verifies.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// `None` when the key material is unusable.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.private.sign(message)
    }
}

impl VerifyingKey {
    /// An HS256 key: the secret's bytes as they are. Its id is derived from the secret.
    #[must_use]
    pub fn hs256(secret: &Secret) -> Self {
        Self { id: KeyId::of_secret(secret), key: Public::hs256(secret) }
    }

    /// The public key in a PEM file: Ed25519, P-256 or RSA of 2048 to 8192 bits, as `SubjectPublicKeyInfo` or PKCS#1.
    /// Its id is its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// What is wrong with the file; [`KeyError::NotPublic`] for a private key, which has no place at a verifier.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        Self::read(&Block::read(pem)?)
    }

    pub(super) fn read(block: &Block) -> Result<Self, KeyError> {
        if block.form.is_private() {
            return Err(KeyError::NotPublic);
        }
        Self::of(Public::from_der(block.der())?)
    }

    /// An asymmetric key, under its thumbprint.
    pub(super) fn of(key: Public) -> Result<Self, KeyError> {
        let id = KeyId::of_numbers(key.numbers().ok_or(KeyError::Symmetric)?);
        Ok(Self { id, key })
    }

    /// The public key as a PEM file (`SubjectPublicKeyInfo`). `None` for HS256, whose verifying key is the secret.
    #[must_use]
    pub fn to_pem(&self) -> Option<String> {
        self.key.to_der().map(|spki| pem::write_public(&spki))
    }

    /// The same key under a chosen id.
    #[must_use]
    pub fn with_id(self, id: KeyId) -> Self {
        Self { id, ..self }
    }

    /// The id that tokens name it by.
    #[must_use]
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// The only algorithm it verifies.
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
    fn keys_do_not_print() {
        let key = SigningKey::hs256(&secret("z"));
        for text in [format!("{key:?}"), format!("{:?}", key.verifying_key())] {
            assert!(!text.contains("zz") && !text.contains("122, 122"), "{text}");
        }
    }
}
