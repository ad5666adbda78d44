//! Tokens: signed by an [`Issuer`], verified by a [`Verifier`], here or in any other service.
//! The rule: the key decides the algorithm, and a claim is believed only after the signature was.

mod algorithm;
mod bearer;
mod chain;
mod claims;
mod compact;
mod folder;
mod issuer;
mod json;
mod jwks;
mod key;
mod key_set;
mod keyring;
mod pem;
mod private;
mod public;
mod rotation;
mod secret;
mod verifier;

pub use algorithm::Algorithm;
pub use bearer::bearer;
pub use chain::TokenChain;
pub use claims::{AccessClaims, RefreshClaims};
pub use compact::MAX_TOKEN_BYTES;
pub use folder::KeyFolder;
pub use issuer::{AccessGrant, AccessToken, Issuer, Profile};
pub use jwks::{Jwks, MAX_JWKS_BYTES};
pub use key::{KeyId, SigningKey, VerifyingKey};
pub use key_set::{KeySet, VerifyingKeys};
pub use keyring::Keyring;
pub use rotation::KeyRotation;
pub use secret::Secret;
pub use verifier::{MAX_ACCESS_LIFETIME, Verifier};
