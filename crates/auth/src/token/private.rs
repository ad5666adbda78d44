//! Private keys. A key is parsed and checked once, when it is created. It signs with one algorithm and cannot be
//! exported.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use jsonwebtoken::EncodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use secrecy::SecretSlice;

use super::algorithm::Algorithm;
use super::pem::{Block, Form};
use super::public::Public;
use super::secret::Secret;
use crate::error::KeyError;

/// A private or symmetric key.
pub(super) enum Private {
    Hs256(EncodingKey),
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

impl Private {
    pub(super) fn hs256(secret: &Secret) -> Self {
        Self::Hs256(EncodingKey::from_secret(secret.expose()))
    }

    /// Reads a private key. The encoding and the parameters determine which of the three types it has.
    pub(super) fn read(block: &Block) -> Result<Self, KeyError> {
        let der = block.der();
        let es256 = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = match block.form {
            Form::Pkcs8 => Ed25519KeyPair::from_pkcs8(der)
                .map(Self::EdDsa)
                .or_else(|_| EcdsaKeyPair::from_pkcs8(es256, der).map(Self::Es256))
                .or_else(|_| RsaKeyPair::from_pkcs8(der).map(Self::Rs256)),
            Form::Sec1 => EcdsaKeyPair::from_private_key_der(es256, der).map(Self::Es256),
            Form::Pkcs1 => RsaKeyPair::from_der(der).map(Self::Rs256),
            Form::Spki | Form::Pkcs1Public => return Err(KeyError::NotPrivate),
        };
        key.map_err(|_| KeyError::Unsupported)
    }

    /// Generates a key pair, in PKCS#8.
    pub(super) fn generate(algorithm: Algorithm) -> Result<SecretSlice<u8>, KeyError> {
        let generated = || -> Result<Option<Vec<u8>>, Unspecified> {
            let pkcs8: Pkcs8V1Der<'_> = match algorithm {
                Algorithm::Hs256 => return Ok(None),
                Algorithm::EdDsa => Ed25519KeyPair::generate()?.as_der()?,
                // 3072 bits are as strong as Ed25519 and P-256.
                Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa3072)?.as_der()?,
                Algorithm::Es256 => {
                    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
                    return Ok(Some(pair.to_pkcs8v1()?.as_ref().to_vec()));
                }
            };
            Ok(Some(pkcs8.as_ref().to_vec()))
        };
        generated().map_err(|_| KeyError::Generation)?.map(SecretSlice::from).ok_or(KeyError::Symmetric)
    }

    /// Returns the public key, which HS256 does not have.
    pub(super) fn public(&self) -> Result<Public, KeyError> {
        let spki = match self {
            Self::Hs256(_) => return Err(KeyError::Symmetric),
            Self::EdDsa(key) => key.public_key().as_der(),
            Self::Es256(key) => key.public_key().as_der(),
            Self::Rs256(key) => key.public_key().as_der(),
        };
        Public::from_der(spki.map_err(|_| KeyError::Unsupported)?.as_ref())
    }

    /// Signs a message. `None` if the key material is unusable.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Hs256(key) => {
                // Names the provider: the global default panics for some combinations of features in other crates.
                let signer = (DEFAULT_PROVIDER.signer_factory)(&jsonwebtoken::Algorithm::HS256, key).ok()?;
                signer.try_sign(message).ok()
            }
            Self::EdDsa(key) => key.try_sign(message).ok().map(|signature| signature.as_ref().to_vec()),
            Self::Es256(key) => key.sign(&random, message).ok().map(|signature| signature.as_ref().to_vec()),
            Self::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}
