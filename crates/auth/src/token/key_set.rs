//! Sets of keys. The rule: one id names one key, the first key signs, and all of them verify until they are removed.

use super::key::{SigningKey, VerifyingKey};
use crate::error::KeyError;

/// Keys that verify, found by their id. To rotate keys, make a new set and a new [`Verifier`](super::Verifier).
/// Nothing in it can sign, unless a key is symmetric.
#[derive(Debug, Clone)]
pub struct VerifyingKeys(pub(super) Vec<VerifyingKey>);

impl VerifyingKeys {
    /// A set of one key.
    #[must_use]
    pub fn new(key: VerifyingKey) -> Self {
        Self(vec![key])
    }

    /// No key: what an issuer may have published, and what verifies nothing.
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a key.
    ///
    /// # Errors
    /// [`KeyError::DuplicateKeyId`].
    pub fn with(mut self, key: VerifyingKey) -> Result<Self, KeyError> {
        if self.find(key.id().as_str()).is_some() {
            return Err(KeyError::DuplicateKeyId);
        }
        self.0.push(key);
        Ok(self)
    }

    /// The key with exactly this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&VerifyingKey> {
        self.0.iter().find(|key| key.id().as_str() == id)
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
        let verifying = VerifyingKeys::new(signing.verifying_key().clone());
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

    /// Whether every key is of a kind whose signatures are the same for the same message, and HS256 at that: refresh
    /// tokens are read by nobody but their issuer, and a lost one is made again from its claims.
    pub(super) fn is_symmetric(&self) -> bool {
        !self.verifying.iter().any(|key| key.algorithm().is_asymmetric())
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
    use super::super::secret::Secret;
    use super::*;

    fn secret(letter: &str) -> Secret {
        Secret::new(letter.repeat(32)).unwrap()
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
    fn a_set_does_not_print_its_keys() {
        let text = format!("{:?}", KeySet::new(SigningKey::hs256(&secret("z"))));
        assert!(!text.contains("zz") && !text.contains("122, 122"), "{text}");
    }
}
