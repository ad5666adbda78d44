//! Tokens: signed by an [`Issuer`], verified by a [`Verifier`], here or in any other service.
//! The rule: the key decides the algorithm, and a claim is believed only after the signature was.

mod bearer;
mod chain;
mod claims;
mod compact;
mod issuer;
mod json;
mod key;
mod secret;
mod verifier;

pub use bearer::bearer;
pub use chain::TokenChain;
pub use claims::{AccessClaims, RefreshClaims};
pub use compact::MAX_TOKEN_BYTES;
pub use issuer::{AccessGrant, AccessToken, Issuer, Profile};
pub use key::{Algorithm, KeyId, KeySet, SigningKey, VerifyingKey, VerifyingKeys};
pub use secret::Secret;
pub use verifier::Verifier;
