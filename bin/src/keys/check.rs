//! The check of the signing keys, shared by `serve`, SIGHUP, `config check` and `doctor`. It changes nothing.

use std::io::ErrorKind;
use std::time::Duration;

use keepstone_auth::{
    error::{KeyError, KeyFolderError},
    token::{Algorithm, KeyFolder, KeyRotation},
};

use super::algorithm;
use crate::settings::{Environment, Problem, Settings};

/// Returns whether the next start creates the first key: there is none, and this is not production.
pub fn is_filled_at_start(settings: &Settings) -> bool {
    let folder = settings.keys_dir();
    let is_empty = |fault: &KeyFolderError| match fault {
        KeyFolderError::Empty { .. } => true,
        KeyFolderError::Unreadable { path, reason } => *path == folder && reason.kind() == ErrorKind::NotFound,
        _ => false,
    };
    settings.app.environment != Environment::Production
        && algorithm(settings).is_asymmetric()
        && KeyFolder::faults(&folder).first().is_some_and(is_empty)
}

/// Returns every problem that prevents the use of the keys in the configured folder, file by file.
pub fn problems(settings: &Settings) -> Vec<Problem> {
    let (folder, algorithm) = (settings.keys_dir(), algorithm(settings));
    if !algorithm.is_asymmetric() || is_filled_at_start(settings) {
        return Vec::new();
    }
    let mut faults = KeyFolder::faults(&folder);
    if faults.is_empty() {
        let started = KeyFolder::read(&folder).and_then(|read| KeyRotation::start(&read, algorithm, Duration::ZERO));
        faults.extend(started.err());
    }
    faults.iter().map(|fault| settings.problem("jwt.keys_dir", fault.to_string(), fix(fault, algorithm))).collect()
}

fn fix(fault: &KeyFolderError, algorithm: Algorithm) -> String {
    let generate = format!("keepstone generate-keys --algorithm {}", algorithm.name());
    match fault {
        KeyFolderError::Unreadable { reason, .. } if reason.kind() == ErrorKind::NotFound => {
            format!("check the path, or create the folder and a key in it: {generate}")
        }
        KeyFolderError::Unreadable { path, .. } => {
            format!("make {} readable for this process's user, or remove it", path.display())
        }
        KeyFolderError::Empty { .. } | KeyFolderError::NoSigningKey { .. } => {
            format!("create a private key: {generate}")
        }
        KeyFolderError::OtherAlgorithm { found, .. } => {
            format!("create a key: {generate}, or set JWT_ALGORITHM={}", found.name())
        }
        KeyFolderError::TooMany { .. } => "remove the keys whose last token has expired".to_owned(),
        KeyFolderError::Key { path, reason: KeyError::Encrypted } => {
            let path = path.display();
            format!(
                "decrypt it (openssl pkey -in {path} -out NEW.pem, and remove the old file), or replace it: {generate}"
            )
        }
        KeyFolderError::Key { path, reason: KeyError::SeveralKeys } => {
            format!("split {} into files of one key each", path.display())
        }
        KeyFolderError::Key { path, .. } => format!("remove {} and create another key: {generate}", path.display()),
    }
}
