//! Signing keys as files: `2026-11-21.pem` and its predecessors. The rule: the newest name signs, every file verifies,
//! and removing a file is how a key ends.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::key::{SigningKey, VerifyingKey};
use super::key_set::KeySet;
use super::pem::{self, Block};
use crate::error::{KeyError, KeyFolderError};

/// More keys than an issuer ever has at once.
const MAX_FILES: usize = 64;

/// The keys of a folder.
#[derive(Debug, Clone)]
#[must_use]
pub struct KeyFolder {
    /// The signing key first, then the others from the newest name to the oldest.
    pub keys: KeySet,
    /// Files with a private key that everybody on the machine may read or change: worth a warning. Always empty where
    /// files have no Unix permissions.
    pub exposed: Vec<PathBuf>,
}

impl KeyFolder {
    /// Reads every file `*.pem` of a folder, hidden ones excepted. The private key with the name that sorts last signs;
    /// every other key verifies only, as do files with a public key, which other nodes may sign with already. A public
    /// key beside its own private key is the same key. Blocks for as long as the files take.
    ///
    /// # Errors
    /// The first file that cannot be read or used: a key that is missing would refuse the tokens it signed.
    pub fn read(folder: &Path) -> Result<Self, KeyFolderError> {
        let mut signing: Option<SigningKey> = None;
        let (mut verifying, mut exposed) = (Vec::new(), Vec::new());
        for path in files(folder)? {
            let (block, metadata) = open(&path)?;
            let unusable = |reason| KeyFolderError::Key { path: path.clone(), reason };
            if block.form.is_private() {
                let key = SigningKey::read(&block).map_err(unusable)?;
                if is_exposed(&metadata) {
                    exposed.push(path);
                }
                verifying.push(key.verifying_key().clone());
                signing.get_or_insert(key);
            } else {
                verifying.push(VerifyingKey::read(&block).map_err(unusable)?);
            }
        }
        let signing = signing.ok_or_else(|| KeyFolderError::NoSigningKey { path: folder.to_owned() })?;
        let keys = verifying.into_iter().fold(KeySet::new(signing), |keys, key| {
            // The id is the key's thumbprint: whoever has it already is the same key.
            keys.clone().with(key).unwrap_or(keys)
        });
        Ok(Self { keys, exposed })
    }
}

/// The files, the last name first.
fn files(folder: &Path) -> Result<Vec<PathBuf>, KeyFolderError> {
    let unreadable = |reason| KeyFolderError::Unreadable { path: folder.to_owned(), reason };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|extension| extension == "pem") {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            return Err(KeyFolderError::TooMany { path: folder.to_owned(), max: MAX_FILES });
        }
    }
    files.sort_unstable_by(|a, b| b.cmp(a));
    Ok(files)
}

fn open(path: &Path) -> Result<(Block, Metadata), KeyFolderError> {
    let unreadable = |reason| KeyFolderError::Unreadable { path: path.to_owned(), reason };
    // A mounted secret is a link: what it leads to counts.
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unreadable(io::Error::from(io::ErrorKind::InvalidInput)));
    }
    let unusable = |reason| KeyFolderError::Key { path: path.to_owned(), reason };
    if usize::try_from(metadata.len()).is_ok_and(|length| length > pem::MAX_BYTES) {
        return Err(unusable(KeyError::NotPem));
    }
    let text = SecretString::from(fs::read_to_string(path).map_err(unreadable)?);
    Ok((Block::read(text.expose_secret()).map_err(unusable)?, metadata))
}

#[cfg(unix)]
fn is_exposed(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o006 != 0
}

#[cfg(not(unix))]
fn is_exposed(_: &Metadata) -> bool {
    false
}
