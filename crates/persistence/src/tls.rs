//! TLS to database servers: rustls, with the authorities of the system or of a file. Files are read for each
//! connection, so a renewed certificate needs no restart.

mod keys;
mod verifier;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::{fmt, fs, io};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::{ClientConfig, RootCertStore};
use x509_cert::der::Decode;

pub(crate) use keys::install_provider;
use verifier::Verifier;

/// The TLS mode of a connection, weakest first, as libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsMode {
    /// Never encrypted.
    Disable,
    /// Encrypted if the server supports it. An attacker on the network can prevent that.
    Prefer,
    /// Always encrypted, with any certificate.
    Require,
    /// Encrypted, with a certificate of a known authority.
    VerifyCa,
    /// Encrypted, with a certificate of a known authority for the host of the URL.
    VerifyFull,
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        })
    }
}

/// The trusted authorities for server certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Authorities {
    System,
    File(PathBuf),
}

/// The TLS options of a URL, and their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsOptions {
    pub(crate) mode: Option<TlsMode>,
    pub(crate) authorities: Option<Authorities>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    default_authorities: Option<PathBuf>,
    verifies_by_default: bool,
}

/// The reason why a file for TLS cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct TlsFileError {
    path: PathBuf,
    reason: String,
}

impl TlsFileError {
    /// Returns the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl TlsOptions {
    pub(crate) fn set_defaults(&mut self, ca_file: Option<&Path>, verifies: bool) {
        self.default_authorities = ca_file.map(Path::to_owned);
        self.verifies_by_default = verifies;
    }

    /// Returns the TLS mode. As in libpq, a configured authority implies that certificates are verified.
    #[must_use]
    pub fn mode(&self) -> TlsMode {
        let names_authority = self.authorities.is_some() || self.default_authorities.is_some();
        match self.mode {
            Some(TlsMode::Require) if names_authority => TlsMode::VerifyCa,
            Some(mode) => mode,
            None if names_authority || self.verifies_by_default => TlsMode::VerifyFull,
            None => TlsMode::Prefer,
        }
    }

    /// Reads the configured files to check that they can be used.
    ///
    /// # Errors
    /// Returns the first file that cannot be used, and the reason.
    pub fn check_files(&self) -> Result<(), TlsFileError> {
        if let Some(path) = self.ca_file() {
            authorities_of(path)?;
        }
        self.identity().map(drop)
    }

    /// Returns the file of authorities; `None` if those of the system are used.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        match (&self.authorities, &self.default_authorities) {
            (Some(Authorities::File(path)), _) | (None, Some(path)) => Some(path),
            (Some(Authorities::System), _) | (None, None) => None,
        }
    }

    /// Returns the file of the client certificate.
    #[must_use]
    pub fn certificate(&self) -> Option<&Path> {
        self.certificate.as_deref()
    }

    /// Returns the file of the client certificate's key.
    #[must_use]
    pub fn key(&self) -> Option<&Path> {
        self.key.as_deref()
    }

    /// Returns the libpq parameters for the programs of PostgreSQL.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'static str, String)> {
        let shown = |path: &Path| path.display().to_string();
        let mode = Some(self.mode()).filter(|mode| *mode != TlsMode::Prefer).map(|mode| mode.to_string());
        [
            ("sslmode", mode),
            ("sslrootcert", self.ca_file().map(shown)),
            ("sslcert", self.certificate().map(shown)),
            ("sslkey", self.key().map(shown)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }

    /// Returns the certificates of the authorities, each as DER. Empty if the mode does not verify certificates.
    pub(crate) fn trusted(&self) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
        match (self.mode(), self.ca_file()) {
            (TlsMode::VerifyCa | TlsMode::VerifyFull, Some(path)) => authorities_of(path),
            (TlsMode::VerifyCa | TlsMode::VerifyFull, None) => match of_the_system() {
                [] => Err(unusable(Path::new("the system's certificates"), NO_AUTHORITIES)),
                found => Ok(found.to_vec()),
            },
            (TlsMode::Disable | TlsMode::Prefer | TlsMode::Require, _) => Ok(Vec::new()),
        }
    }

    /// Returns the client certificate with its chain, and its key.
    pub(crate) fn identity(&self) -> Result<Option<Identity>, TlsFileError> {
        let (Some(certificate), Some(key)) = (&self.certificate, &self.key) else { return Ok(None) };
        let chain = certificates_in(certificate)?;
        let text = read(key)?;
        let der = PrivateKeyDer::from_pem_slice(&text)
            .map_err(|_| unusable(key, "has no private key in PEM; decrypt an encrypted key first"))?;
        Ok(Some((chain, der)))
    }

    /// Builds the rustls configuration of this mode.
    pub(crate) fn client_config(&self) -> Result<ClientConfig, TlsFileError> {
        install_provider();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.trusted()?);
        let builder = ClientConfig::builder();
        let verifier = Verifier::new(self.mode(), roots)
            .map_err(|error| unusable(Path::new("the authorities"), &error.to_string()))?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        match self.identity()? {
            None => Ok(builder.with_no_client_auth()),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
                let path = self.key.as_deref().unwrap_or(Path::new("sslkey"));
                unusable(path, &format!("cannot be used with its certificate: {error}"))
            }),
        }
    }
}

const NO_AUTHORITIES: &str = "not found; install the package ca-certificates, or set DATABASE_CA_FILE";

/// A certificate with its chain, and its key.
pub(crate) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn unusable(path: &Path, reason: &str) -> TlsFileError {
    TlsFileError { path: path.to_owned(), reason: reason.to_owned() }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsFileError> {
    fs::read(path).map_err(|error: io::Error| unusable(path, &format!("cannot be read: {error}")))
}

fn certificates_in(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(unusable(path, "has no certificate in PEM")),
        Err(error) => Err(unusable(path, &format!("is not a certificate in PEM: {error}"))),
    }
}

/// Returns the authorities in a file that are valid now, because rustls does not check the dates of trusted
/// authorities.
fn authorities_of(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let mut roots = RootCertStore::empty();
    let found = certificates_in(path)?;
    if found.iter().all(|certificate| is_expired(certificate)) {
        return Err(unusable(path, "every certificate in it has expired, or is not valid yet"));
    }
    let valid: Vec<_> = found.into_iter().filter(|certificate| !is_expired(certificate)).collect();
    match roots.add_parsable_certificates(valid.iter().cloned()) {
        (0, _) => Err(unusable(path, "has no certificate of an authority")),
        _ => Ok(valid),
    }
}

fn is_expired(certificate: &CertificateDer<'_>) -> bool {
    let Ok(certificate) = x509_cert::Certificate::from_der(certificate) else { return false };
    let validity = certificate.tbs_certificate.validity;
    let now = UnixTime::now().as_secs();
    now > validity.not_after.to_unix_duration().as_secs() || now < validity.not_before.to_unix_duration().as_secs()
}

/// Returns the authorities of the system. They are read once, because they are many and rarely change.
fn of_the_system() -> &'static [CertificateDer<'static>] {
    static FOUND: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let is_usable = |certificate: &CertificateDer<'static>| {
            !is_expired(certificate) && RootCertStore::empty().add(certificate.clone()).is_ok()
        };
        rustls_native_certs::load_native_certs().certs.into_iter().filter(is_usable).collect()
    })
}
