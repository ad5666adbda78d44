//! Reads and writes keys in PEM (RFC 7468). A file contains one key, and no error message contains text of the file.

use pem::{EncodeConfig, LineEnding, Pem};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use crate::error::KeyError;

/// The maximum size of a file, above that of the longest key in any form.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// The encoding of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Pkcs8,
    Pkcs1,
    Sec1,
    Spki,
    Pkcs1Public,
}

impl Form {
    /// Returns the encoding for a label. `None` if the block is not a key, such as the curve name that OpenSSL writes
    /// before a key.
    fn of(label: &str) -> Result<Option<Self>, KeyError> {
        match label {
            "PRIVATE KEY" => Ok(Some(Self::Pkcs8)),
            "RSA PRIVATE KEY" => Ok(Some(Self::Pkcs1)),
            "EC PRIVATE KEY" => Ok(Some(Self::Sec1)),
            "PUBLIC KEY" => Ok(Some(Self::Spki)),
            "RSA PUBLIC KEY" => Ok(Some(Self::Pkcs1Public)),
            "EC PARAMETERS" => Ok(None),
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
            _ => Err(KeyError::Unsupported),
        }
    }

    pub(super) const fn is_private(self) -> bool {
        matches!(self, Self::Pkcs8 | Self::Pkcs1 | Self::Sec1)
    }
}

/// The key in a file. Wiped when dropped.
pub(super) struct Block {
    pub form: Form,
    der: SecretSlice<u8>,
}

impl Block {
    pub(super) fn read(text: &str) -> Result<Self, KeyError> {
        if text.len() > MAX_BYTES {
            return Err(KeyError::NotPem);
        }
        let mut found = None;
        for block in pem::parse_many(text).map_err(|_| KeyError::NotPem)? {
            // The header of OpenSSL's own encryption of PKCS#1 and SEC1.
            if block.headers().iter().any(|(name, _)| name == "DEK-Info") {
                return Err(KeyError::Encrypted);
            }
            let form = Form::of(block.tag());
            let der = SecretSlice::from(block.into_contents());
            if let Some(form) = form?
                && found.replace(Self { form, der }).is_some()
            {
                return Err(KeyError::SeveralKeys);
            }
        }
        found.ok_or(KeyError::NotPem)
    }

    pub(super) fn der(&self) -> &[u8] {
        self.der.expose_secret()
    }
}

pub(super) fn write_private(pkcs8: &SecretSlice<u8>) -> SecretString {
    write("PRIVATE KEY", pkcs8.expose_secret()).into()
}

pub(super) fn write_public(spki: &[u8]) -> String {
    write("PUBLIC KEY", spki)
}

fn write(label: &str, der: &[u8]) -> String {
    pem::encode_config(&Pem::new(label, der), EncodeConfig::new().set_line_ending(LineEnding::LF))
}
