//! Replaces keys while the server handles requests. A request uses the same issuer from start to end.

use std::sync::{Arc, PoisonError, RwLock};

use super::issuer::Issuer;

/// A replaceable [`Issuer`]. Share it in an [`Arc`], and call [`Self::current`] once per request.
///
/// To rotate keys without rejecting valid tokens:
///
/// 1. Add the new key for verification on every node, and publish it.
/// 2. Sign with the new key.
/// 3. Remove the old key once its last token has expired.
///
/// With a folder of keys, [`KeyRotation`](super::KeyRotation) decides when a new key signs.
#[derive(Debug)]
pub struct Keyring(RwLock<Arc<Issuer>>);

impl Keyring {
    /// Creates a keyring with this issuer.
    #[must_use]
    pub fn new(issuer: Issuer) -> Self {
        Self(RwLock::new(Arc::new(issuer)))
    }

    /// Returns the current issuer.
    #[must_use]
    pub fn current(&self) -> Arc<Issuer> {
        // The lock cannot be poisoned: no code that holds it can panic.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the issuer for all later calls of [`Self::current`]. Every [`Issuer`] has passed its self-test, so
    /// unusable keys cannot be installed.
    pub fn replace(&self, issuer: Issuer) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(issuer);
    }
}
