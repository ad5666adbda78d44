//! The names of a session's refresh tokens. The rule: nothing that is stored is enough to make one.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::secret::Secret;

/// Names every refresh token of every session, by HKDF-SHA256 (RFC 5869) from a key of its own. The same place in a
/// session's chain has the same name always, so that an answer that was lost can be given again.
#[derive(Debug)]
pub struct TokenChain(Secret);

impl TokenChain {
    /// Under a key derived from the secret of the refresh tokens.
    #[must_use]
    pub fn new(refresh_secret: &Secret) -> Self {
        Self(refresh_secret.derive("refresh token chain"))
    }

    /// The `jti` of the session's refresh token with this place in the chain: 43 characters, 256 bits.
    #[must_use]
    pub fn token_id(&self, session_id: Uuid, generation: u32) -> String {
        URL_SAFE_NO_PAD.encode(self.0.derive(&format!("{session_id} {generation}")).expose())
    }

    /// What may be stored of a token: SHA-256 of its `jti`, by which it is found again.
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
    fn a_place_in_a_chain_has_one_name_and_no_two_places_share_one() {
        let (a, b) = (Uuid::now_v7(), Uuid::now_v7());
        let names = [(a, 0), (a, 1), (b, 0)].map(|(session, generation)| chain(1).token_id(session, generation));
        assert_eq!(names[0], chain(1).token_id(a, 0));
        assert_ne!(names[0], names[1]);
        assert_ne!(names[0], names[2]);
        assert_ne!(names[0], chain(2).token_id(a, 0));
        assert!(names.iter().all(|name| name.len() == 43));
    }

    #[test]
    fn a_digest_is_not_the_name() {
        let name = chain(1).token_id(Uuid::now_v7(), 0);
        assert_ne!(TokenChain::digest(&name).as_slice(), URL_SAFE_NO_PAD.decode(&name).unwrap());
    }
}
