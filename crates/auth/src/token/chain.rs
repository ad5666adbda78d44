//! Derives the ids of a session's refresh tokens. The stored data is not sufficient to derive one.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::secret::Secret;

/// The key that derives the `jti` of every refresh token, with HKDF-SHA256 (RFC 5869).
///
/// The same position in a session's chain always has the same `jti`. A lost response can therefore be repeated.
#[derive(Debug)]
pub struct TokenChain(Secret);

impl TokenChain {
    /// Creates a chain with a key derived from the secret of the refresh tokens.
    #[must_use]
    pub fn new(refresh_secret: &Secret) -> Self {
        Self(refresh_secret.derive("refresh token chain"))
    }

    /// Returns the `jti` of the session's refresh token at this position in the chain: 43 characters, 256 bits.
    #[must_use]
    pub fn token_id(&self, session_id: Uuid, generation: u32) -> String {
        URL_SAFE_NO_PAD.encode(self.0.derive(&format!("{session_id} {generation}")).expose())
    }

    /// Returns the digest that identifies a token in a store: the SHA-256 of its `jti`.
    #[must_use]
    pub fn digest(token_id: &str) -> [u8; 32] {
        Sha256::digest(token_id).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(secret: u8) -> TokenChain {
        TokenChain::new(&Secret::new(vec![secret; 32]).unwrap())
    }

    #[test]
    fn each_position_in_a_chain_has_a_stable_and_unique_id() {
        let (a, b) = (Uuid::now_v7(), Uuid::now_v7());
        let names = [(a, 0), (a, 1), (b, 0)].map(|(session, generation)| chain(1).token_id(session, generation));
        assert_eq!(names[0], chain(1).token_id(a, 0));
        assert_ne!(names[0], names[1]);
        assert_ne!(names[0], names[2]);
        assert_ne!(names[0], chain(2).token_id(a, 0));
        assert!(names.iter().all(|name| name.len() == 43));
    }

    #[test]
    fn a_digest_differs_from_the_id() {
        let name = chain(1).token_id(Uuid::now_v7(), 0);
        assert_ne!(TokenChain::digest(&name).as_slice(), URL_SAFE_NO_PAD.decode(&name).unwrap());
    }
}
