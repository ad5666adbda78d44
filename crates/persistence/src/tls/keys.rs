//! The cryptography of this process, which reads private keys of every kind.

use std::sync::Arc;

use rustls::Error;
use rustls::crypto::{CryptoProvider, KeyProvider, aws_lc_rs};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use rustls::sign::SigningKey;

/// Makes aws-lc-rs what rustls uses in this process, where nothing has been chosen yet: with several providers in one
/// program it refuses to choose.
pub(crate) fn install_provider() {
    let provider = CryptoProvider { key_provider: &AnyKey, ..aws_lc_rs::default_provider() };
    // Whoever was faster has installed the same.
    drop(provider.install_default());
}

/// Finds out the kind of a key: `mysql_async` hands every key over as PKCS #1, whatever it is.
#[derive(Debug)]
struct AnyKey;

impl KeyProvider for AnyKey {
    fn load_private_key(&self, der: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let provider = aws_lc_rs::default_provider().key_provider;
        let bytes = der.secret_der().to_vec();
        provider
            .load_private_key(der)
            .or_else(|_| provider.load_private_key(PrivatePkcs8KeyDer::from(bytes.clone()).into()))
            .or_else(|_| provider.load_private_key(PrivateSec1KeyDer::from(bytes).into()))
    }
}
