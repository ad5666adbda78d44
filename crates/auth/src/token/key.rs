//! Keys and sets of keys. The rule: the algorithm is a property of the key. Nothing a token says can choose it.

use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest, Sha256};

use super::secret::Secret;
use crate::error::KeyError;

/// How a key signs. More will come; a verifier takes exactly the algorithm of the key that `kid` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256: whoever can verify can sign.
    Hs256,
}

impl Algorithm {
    /// Its name in a token's header (RFC 7518 §3.1).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
        }
    }

    const fn jwa(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
        }
    }
}

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
    private: EncodingKey,
    public: VerifyingKey,
}

/// A key that verifies.
#[derive(Clone)]
pub struct VerifyingKey {
    id: KeyId,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl SigningKey {
    /// An HS256 key: the secret's bytes as they are. Its id is derived from the secret.
    #[must_use]
    pub fn hs256(secret: &Secret) -> Self {
        Self { private: EncodingKey::from_secret(secret.expose()), public: VerifyingKey::hs256(secret) }
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
        // The provider is named, not looked up: another crate's choice of features cannot make this panic.
        let signer = (DEFAULT_PROVIDER.signer_factory)(&self.public.algorithm.jwa(), &self.private).ok()?;
        signer.try_sign(message).ok()
    }
}

impl VerifyingKey {
    /// An HS256 key: the secret's bytes as they are. Its id is derived from the secret.
    #[must_use]
    pub fn hs256(secret: &Secret) -> Self {
        let key = DecodingKey::from_secret(secret.expose());
        Self { id: KeyId::of_secret(secret), algorithm: Algorithm::Hs256, key }
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
        self.algorithm
    }

    /// In constant time.
    pub(super) fn verifies(&self, message: &[u8], signature: &Vec<u8>) -> bool {
        (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm.jwa(), &self.key)
            .is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public).finish()
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyingKey").field("id", &self.id).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Keys that verify, found by their id. To rotate keys, make a new set and a new [`Verifier`](super::Verifier).
#[derive(Debug, Clone)]
pub struct VerifyingKeys(Vec<VerifyingKey>);

impl VerifyingKeys {
    /// A set of one key.
    #[must_use]
    pub fn new(key: VerifyingKey) -> Self {
        Self(vec![key])
    }

    /// Adds a key.
    ///
    /// # Errors
    /// [`KeyError::DuplicateKeyId`].
    pub fn with(mut self, key: VerifyingKey) -> Result<Self, KeyError> {
        if self.find(key.id.as_str()).is_some() {
            return Err(KeyError::DuplicateKeyId);
        }
        self.0.push(key);
        Ok(self)
    }

    /// The key with exactly this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&VerifyingKey> {
        self.0.iter().find(|key| key.id.as_str() == id)
    }

    /// The keys, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.iter()
    }
}

/// An issuer's keys: the first one signs, all of them verify, so that tokens outlive the key that signed them.
#[derive(Debug, Clone)]
pub struct KeySet {
    signing: SigningKey,
    verifying: VerifyingKeys,
}

impl KeySet {
    /// A set of one key.
    #[must_use]
    pub fn new(signing: SigningKey) -> Self {
        let verifying = VerifyingKeys::new(signing.public.clone());
        Self { signing, verifying }
    }

    /// Adds a key that only verifies: one that signed before, or one that another node signs with already.
    ///
    /// # Errors
    /// [`KeyError::DuplicateKeyId`].
    pub fn with(self, key: VerifyingKey) -> Result<Self, KeyError> {
        Ok(Self { verifying: self.verifying.with(key)?, ..self })
    }

    /// The key that signs.
    #[must_use]
    pub const fn signing_key(&self) -> &SigningKey {
        &self.signing
    }

    /// Whether what one set signs the other verifies, under whatever id.
    pub(super) fn shares_a_key_with(&self, other: &Self) -> bool {
        let verifies = |signer: &Self, verifier: &Self| {
            let signature = signer.signing.sign(b"probe").unwrap_or_default();
            verifier.verifying.iter().any(|key| key.verifies(b"probe", &signature))
        };
        verifies(self, other) || verifies(other, self)
    }

    /// All keys, the signing one first.
    #[must_use]
    pub const fn verifying_keys(&self) -> &VerifyingKeys {
        &self.verifying
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
    fn a_set_signs_with_the_first_and_finds_by_exact_id() {
        let set = KeySet::new(SigningKey::hs256(&secret("a"))).with(VerifyingKey::hs256(&secret("b"))).unwrap();
        let first = SigningKey::hs256(&secret("a")).verifying_key().id().clone();
        assert_eq!(set.signing_key().verifying_key().id(), &first);
        assert_eq!(set.verifying_keys().iter().count(), 2);
        assert!(set.verifying_keys().find(first.as_str()).is_some());
        assert!(set.verifying_keys().find(&first.as_str().to_uppercase()).is_none());
        assert!(set.verifying_keys().find("").is_none());
        assert_eq!(set.with(VerifyingKey::hs256(&secret("a"))).unwrap_err(), KeyError::DuplicateKeyId);
    }

    #[test]
    fn keys_do_not_print() {
        let key = SigningKey::hs256(&secret("z"));
        for text in
            [format!("{key:?}"), format!("{:?}", key.verifying_key()), format!("{:?}", KeySet::new(key.clone()))]
        {
            assert!(!text.contains("zz") && !text.contains("122, 122"), "{text}");
        }
    }
}
