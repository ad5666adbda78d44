//! Access and refresh tokens, signed by an [`Issuer`] and verified by a [`Verifier`] in this or another service.
//!
//! The key determines the algorithm. Claims are read only after the signature was verified.

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
