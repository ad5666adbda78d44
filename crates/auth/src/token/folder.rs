//! Signing keys as files, such as `2026-11-21.pem`. Every key in the folder verifies, and a
//! [`KeyRotation`](super::KeyRotation) selects the signing key. To retire a key, remove its file.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretString};

use super::key::{SigningKey, VerifyingKey};
use super::key_set::KeySet;
use super::pem::{self, Block};
use crate::error::{KeyError, KeyFolderError};

/// The maximum number of key files, more than an issuer needs at any time.
const MAX_FILES: usize = 64;

/// The keys of a folder. At least one of them is private.
#[derive(Debug, Clone)]
#[must_use]
pub struct KeyFolder {
    pub(super) path: PathBuf,
    /// From the newest name to the oldest.
    pub(super) files: Vec<KeyFile>,
    /// The files with a private key that every user of the machine may read or change. Log a warning for these. Always
    /// empty on systems without Unix permissions.
    pub exposed: Vec<PathBuf>,
}

/// One file of a folder.
#[derive(Debug, Clone)]
pub(super) struct KeyFile {
    pub path: PathBuf,
    pub verifying: VerifyingKey,
    /// `None` for a file with a public key.
    pub signing: Option<SigningKey>,
    pub modified: Option<SystemTime>,
}

impl KeyFolder {
    /// Reads all files `*.pem` of a folder, except hidden files. Blocks while it reads.
    ///
    /// A file contains a private key, which may sign, or a public key, whose private key may already sign on other
    /// nodes. A private key and its own public key in two files count as one key.
    ///
    /// # Errors
    /// The first of [`Self::faults`]. Unusable files are not skipped: the tokens signed with their keys would be
    /// rejected.
    pub fn read(folder: &Path) -> Result<Self, KeyFolderError> {
        Self::read_all(folder).map_err(|mut faults| faults.swap_remove(0))
    }

    /// Returns all errors of a folder, in the order of the file names from the newest to the oldest. Empty if
    /// [`Self::read`] would succeed.
    #[must_use]
    pub fn faults(folder: &Path) -> Vec<KeyFolderError> {
        Self::read_all(folder).err().unwrap_or_default()
    }

    /// Returns the keys without a rotation: the private key with the newest file name signs, whatever its age, and all
    /// keys verify.
    #[must_use]
    pub fn key_set(&self) -> Option<KeySet> {
        let signing = self.files.iter().find_map(|file| file.signing.clone())?;
        Some(key_set(signing, self.files.iter().map(|file| &file.verifying)))
    }

    /// Reads all files. The list of errors is never empty.
    fn read_all(folder: &Path) -> Result<Self, Vec<KeyFolderError>> {
        let (mut found, mut faults) =
            (Self { path: folder.to_owned(), files: Vec::new(), exposed: Vec::new() }, Vec::new());
        for path in paths(folder).map_err(|error| vec![error])? {
            match KeyFile::read(path) {
                Ok((file, metadata)) => {
                    if file.signing.is_some() && is_exposed(&metadata) {
                        found.exposed.push(file.path.clone());
                    }
                    found.files.push(file);
                }
                Err(error) => faults.push(error),
            }
        }
        if faults.is_empty() && found.files.iter().all(|file| file.signing.is_none()) {
            let path = folder.to_owned();
            let empty = found.files.is_empty();
            faults.push(if empty { KeyFolderError::Empty { path } } else { KeyFolderError::NoSigningKey { path } });
        }
        if faults.is_empty() { Ok(found) } else { Err(faults) }
    }
}

/// Creates a set that signs with one of these keys. The id of a key is its thumbprint, so a second key with the same id
/// is the same key and is skipped.
pub(super) fn key_set<'a>(signing: SigningKey, verifying: impl Iterator<Item = &'a VerifyingKey>) -> KeySet {
    verifying.fold(KeySet::new(signing), |keys, key| keys.clone().with(key.clone()).unwrap_or(keys))
}

impl KeyFile {
    fn read(path: PathBuf) -> Result<(Self, Metadata), KeyFolderError> {
        let (block, metadata) = open(&path)?;
        let unusable = |reason| KeyFolderError::Key { path: path.clone(), reason };
        let (signing, verifying) = if block.form.is_private() {
            let key = SigningKey::read(&block).map_err(unusable)?;
            let verifying = key.verifying_key().clone();
            (Some(key), verifying)
        } else {
            (None, VerifyingKey::read(&block).map_err(unusable)?)
        };
        Ok((Self { path, verifying, signing, modified: metadata.modified().ok() }, metadata))
    }
}

/// Returns the paths of the files, in descending order of their names.
fn paths(folder: &Path) -> Result<Vec<PathBuf>, KeyFolderError> {
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
    // Follows links, because a mounted secret is a link.
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, "not a file")));
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
