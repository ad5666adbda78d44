//! Signature algorithms. The key determines the algorithm; a token cannot select another.

/// The signature algorithm of a key. A verifier accepts only the algorithm of the key that `kid` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256. Every service that can verify can also sign.
    Hs256,
    /// Ed25519 (RFC 8037): small, fast and deterministic. Recommended if other services verify tokens.
    EdDsa,
    /// ECDSA on P-256 with SHA-256, for verifiers that do not support Ed25519.
    Es256,
    /// RSA, PKCS#1 v1.5 with SHA-256, 2048 to 8192 bits, for verifiers that support no other algorithm. Signing is
    /// slow.
    Rs256,
}

impl Algorithm {
    /// All algorithms.
    pub const ALL: [Self; 4] = [Self::Hs256, Self::EdDsa, Self::Es256, Self::Rs256];

    /// Returns the name in a token's header (RFC 7518 §3.1, RFC 8037 §3.1).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// Returns the algorithm with exactly this name. Names are case-sensitive.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Whether the verifying key cannot sign, so it may be published.
    #[must_use]
    pub const fn is_asymmetric(self) -> bool {
        !matches!(self, Self::Hs256)
    }
}
