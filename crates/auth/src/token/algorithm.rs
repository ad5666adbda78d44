//! The four ways to sign. The rule: an algorithm belongs to a key, and no token can ask for another.

/// How a key signs. A verifier takes exactly the algorithm of the key that `kid` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256: whoever can verify can sign.
    Hs256,
    /// Ed25519 (RFC 8037): small, fast, deterministic. The one to choose when others verify.
    EdDsa,
    /// ECDSA on P-256 with SHA-256: for verifiers that know no Ed25519.
    Es256,
    /// RSA, PKCS#1 v1.5 with SHA-256, 2048 to 8192 bits: for verifiers that know nothing else. Slow to sign.
    Rs256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hs256, Self::EdDsa, Self::Es256, Self::Rs256];

    /// Its name in a token's header (RFC 7518 §3.1, RFC 8037 §3.1).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm of this name, in exactly this spelling.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Whether what verifies cannot sign, so that its keys may be published.
    #[must_use]
    pub const fn is_asymmetric(self) -> bool {
        !matches!(self, Self::Hs256)
    }
}
