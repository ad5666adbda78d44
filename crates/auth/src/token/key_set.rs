//! Sets of keys. An id identifies one key. The first key signs, and all keys verify until they are removed.

use super::key::{SigningKey, VerifyingKey};
use crate::error::KeyError;

/// A set of verifying keys, looked up by their id. Only symmetric keys in it can sign.
///
/// To rotate keys, create a new set and a new [`Verifier`](super::Verifier).
#[derive(Debug, Clone)]
pub struct VerifyingKeys(pub(super) Vec<VerifyingKey>);

impl VerifyingKeys {
    /// Creates a set with one key.
    #[must_use]
    pub fn new(key: VerifyingKey) -> Self {
        Self(vec![key])
    }

    /// Creates an empty set, which verifies nothing. An issuer may publish such a set.
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a key.
    ///
    /// # Errors
    /// [`KeyError::DuplicateKeyId`] if the set has a key with this id.
    pub fn with(mut self, key: VerifyingKey) -> Result<Self, KeyError> {
        if self.find(key.id().as_str()).is_some() {
            return Err(KeyError::DuplicateKeyId);
        }
        self.0.push(key);
        Ok(self)
    }

    /// Returns the key with exactly this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&VerifyingKey> {
        self.0.iter().find(|key| key.id().as_str() == id)
    }

    /// Returns the keys, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.iter()
    }
}

/// The keys of an issuer. The first key signs. All keys verify, so tokens remain valid after the signing key changes.
#[derive(Debug, Clone)]
pub struct KeySet {
    signing: SigningKey,
    verifying: VerifyingKeys,
}

impl KeySet {
    /// Creates a set with one key.
    #[must_use]
    pub fn new(signing: SigningKey) -> Self {
        let verifying = VerifyingKeys::new(signing.verifying_key().clone());
        Self { signing, verifying }
    }

    /// Adds a key that only verifies: a former signing key, or a key that already signs on another node.
    ///
    /// # Errors
    /// [`KeyError::DuplicateKeyId`] if the set has a key with this id.
    pub fn with(self, key: VerifyingKey) -> Result<Self, KeyError> {
        Ok(Self { verifying: self.verifying.with(key)?, ..self })
    }

    /// Returns the signing key.
    #[must_use]
    pub const fn signing_key(&self) -> &SigningKey {
        &self.signing
    }

    /// Whether all keys are HS256. Refresh tokens require this: only their issuer reads them, and its signatures must
    /// be deterministic, because a lost token is created again from its claims.
    pub(super) fn is_symmetric(&self) -> bool {
        !self.verifying.iter().any(|key| key.algorithm().is_asymmetric())
    }

    /// Whether one set verifies the signatures of the other, whatever the ids of the keys.
    pub(super) fn shares_a_key_with(&self, other: &Self) -> bool {
        let verifies = |signer: &Self, verifier: &Self| {
            let signature = signer.signing.sign(b"probe").unwrap_or_default();
            verifier.verifying.iter().any(|key| key.verifies(b"probe", &signature))
        };
        verifies(self, other) || verifies(other, self)
    }

    /// Returns all keys, the signing key first.
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
    fn a_set_signs_with_the_first_key_and_finds_keys_by_exact_id() {
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
    fn debug_output_omits_key_material() {
        let text = format!("{:?}", KeySet::new(SigningKey::hs256(&secret("z"))));
        assert!(!text.contains("zz") && !text.contains("122, 122"), "{text}");
    }
}
