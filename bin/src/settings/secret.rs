//! The signing secret of this process. Outside production, it is generated and stored, so tokens outlive a restart. The
//! file is created atomically: processes that start at the same time all use the first one's secret.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

use super::layers::readable_by_others;
use super::model::Settings;
use super::profile::Environment;
use super::strength::LEAST_BYTES;
use keepstone_persistence::DatabaseUrl;

/// The secret, and a notice for the operator.
#[derive(Debug, Clone)]
pub struct Signing {
    pub secret: SecretString,
    /// For the log at start: whether it was generated, and its file.
    pub notice: Option<String>,
}

/// The reason why there is no signing secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("JWT_SECRET_KEY is not set, and production does not generate one")]
    Unconfigured,
    #[error("the generated secret {path} cannot be stored: {source}; make its folder writable, or set JWT_SECRET_KEY")]
    Unwritable { path: PathBuf, source: io::Error },
    #[error(
        "the generated secret {path} cannot be read: {source}; make it readable for this process, or set JWT_SECRET_KEY"
    )]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the generated secret {path} is shorter than {LEAST_BYTES} bytes; delete it to generate another")]
    TooShort { path: PathBuf },
    #[error("the operating system returns no random bytes: {0}")]
    NoRandomness(String),
}

/// Returns the configured secret or, outside production, a generated one. The latter is stored in
/// `<database file>.secret`, in `keepstone.secret` for a database server, and nowhere for a database in memory.
///
/// # Errors
/// Returns [`SecretError`] if the secret is missing in production, or cannot be generated, read or stored.
pub fn load_or_generate(settings: &Settings) -> Result<Signing, SecretError> {
    if let Some(secret) = settings.signing_key() {
        return Ok(Signing { secret: secret.clone(), notice: None });
    }
    if settings.app.environment == Environment::Production {
        return Err(SecretError::Unconfigured);
    }
    if settings.database.url == DatabaseUrl::SqliteMemory {
        let notice = Some("signing with a temporary secret that only this process has".to_owned());
        return Ok(Signing { secret: generate()?, notice });
    }
    keep(&settings.secret_file())
}

fn keep(path: &Path) -> Result<Signing, SecretError> {
    let mut made = false;
    if !path.exists() {
        let secret = generate()?;
        made = create(path, &secret).map_err(|source| SecretError::Unwritable { path: path.to_owned(), source })?;
    }
    let text = fs::read_to_string(path).map_err(|source| SecretError::Unreadable { path: path.to_owned(), source })?;
    let secret = SecretString::from(text.trim());
    if secret.expose_secret().len() < LEAST_BYTES {
        return Err(SecretError::TooShort { path: path.to_owned() });
    }
    let shown = path.strip_prefix(".").unwrap_or(path).display();
    let notice = if readable_by_others(path) {
        Some(format!("the signing secret {shown} is readable by users other than its owner: chmod 600 {shown}"))
    } else {
        made.then(|| format!("JWT_SECRET_KEY is not set: generated a signing secret and stored it in {shown}"))
    };
    Ok(Signing { secret, notice })
}

/// Creates the file, and returns whether this process did: another may have been faster. A hard link makes the file
/// appear with its content, and never replaces another file.
fn create(path: &Path, secret: &SecretString) -> io::Result<bool> {
    let draft = with_suffix(path, &format!(".{}", random_name()?));
    let linked = write_new(&draft, secret).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match linked {
        Ok(()) => removed.map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        // Some file systems do not support hard links.
        Err(error) if error.kind() == ErrorKind::Unsupported || error.kind() == ErrorKind::PermissionDenied => {
            match write_new(path, secret) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
                written => written.map(|()| true),
            }
        }
        Err(error) => Err(error),
    }
}

fn write_new(path: &Path, secret: &SecretString) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", secret.expose_secret())?;
    file.sync_all()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn generate() -> Result<SecretString, SecretError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| SecretError::NoRandomness(error.to_string()))?;
    Ok(SecretString::from(URL_SAFE_NO_PAD.encode(bytes)))
}

fn random_name() -> io::Result<String> {
    let mut bytes = [0; 9];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
