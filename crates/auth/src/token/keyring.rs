//! Changing keys while requests are being answered. The rule: a request keeps the issuer it began with.

use std::sync::{Arc, PoisonError, RwLock};

use super::issuer::Issuer;

/// The issuer of the moment. Share it in an [`Arc`]; ask for [`Self::current`] once for each request.
///
/// To rotate keys without rejecting a token: let every node verify and publish the new key, then let it sign, and remove
/// the old key when its last token has expired. With a folder of keys, [`KeyRotation`](super::KeyRotation) decides when a
/// new key signs.
#[derive(Debug)]
pub struct Keyring(RwLock<Arc<Issuer>>);

impl Keyring {
    /// A keyring that starts with this issuer.
    #[must_use]
    pub fn new(issuer: Issuer) -> Self {
        Self(RwLock::new(Arc::new(issuer)))
    }

    /// The issuer with the keys of the moment.
    #[must_use]
    pub fn current(&self) -> Arc<Issuer> {
        // A lock is poisoned by a panic while it is held, and nothing here can panic.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another issuer in its place, from the next [`Self::current`] on. An [`Issuer`] has passed its self-test, so
    /// a set of keys that does not work never gets here.
    pub fn replace(&self, issuer: Issuer) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(issuer);
    }
}
