//! The cryptography provider of this process, which loads private keys of any kind.

use std::sync::Arc;

use rustls::Error;
use rustls::crypto::{CryptoProvider, KeyProvider, aws_lc_rs};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use rustls::sign::SigningKey;

/// Installs aws-lc-rs as the provider of rustls, unless one is installed. With several providers in one program, rustls
/// does not choose by itself.
pub(crate) fn install_provider() {
    let provider = CryptoProvider { key_provider: &AnyKey, ..aws_lc_rs::default_provider() };
    // A concurrent caller has installed the same provider.
    drop(provider.install_default());
}

/// A key loader that detects the kind of a key, because `mysql_async` labels every key as PKCS #1.
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
