//! TLS to database servers: rustls, with the system's authorities or a file of them. Files are read for each connection,
//! so that a renewed certificate needs no restart.

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

/// How a connection is encrypted, weakest first: libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsMode {
    /// Not at all.
    Disable,
    /// If the server can; whoever is in between can prevent it.
    Prefer,
    /// Always; but any certificate will do.
    Require,
    /// With a certificate of a known authority.
    VerifyCa,
    /// With a certificate of a known authority for the host of the URL.
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

/// Who may sign the certificate of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Authorities {
    System,
    File(PathBuf),
}

/// What a URL and its defaults say about encryption.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsOptions {
    pub(crate) mode: Option<TlsMode>,
    pub(crate) authorities: Option<Authorities>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    default_authorities: Option<PathBuf>,
    verifies_by_default: bool,
}

/// Why a file that TLS needs cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct TlsFileError {
    path: PathBuf,
    reason: String,
}

impl TlsFileError {
    /// Which file it is.
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

    /// How the connection is encrypted. Whoever names an authority wants it to be asked, as in libpq.
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

    /// Reads the files that are named, to find out whether they can be used.
    ///
    /// # Errors
    /// The first file that cannot be used, and why.
    pub fn check_files(&self) -> Result<(), TlsFileError> {
        if let Some(path) = self.ca_file() {
            authorities_of(path)?;
        }
        self.identity().map(drop)
    }

    /// The file of the authorities, if it is not the system that knows them.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        match (&self.authorities, &self.default_authorities) {
            (Some(Authorities::File(path)), _) | (None, Some(path)) => Some(path),
            (Some(Authorities::System), _) | (None, None) => None,
        }
    }

    /// The certificate of this client.
    #[must_use]
    pub fn certificate(&self) -> Option<&Path> {
        self.certificate.as_deref()
    }

    /// The key of the certificate of this client.
    #[must_use]
    pub fn key(&self) -> Option<&Path> {
        self.key.as_deref()
    }

    /// The parameters that libpq knows, for the programs of PostgreSQL.
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

    /// The certificates of the authorities, each as DER. None, where the mode does not ask for them.
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

    /// The certificate that this client shows, with its chain, and its key.
    pub(crate) fn identity(&self) -> Result<Option<Identity>, TlsFileError> {
        let (Some(certificate), Some(key)) = (&self.certificate, &self.key) else { return Ok(None) };
        let chain = certificates_in(certificate)?;
        let text = read(key)?;
        let der = PrivateKeyDer::from_pem_slice(&text)
            .map_err(|_| unusable(key, "has no private key in PEM; an encrypted one has to be decrypted first"))?;
        Ok(Some((chain, der)))
    }

    /// What rustls needs to connect in this mode.
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

const NO_AUTHORITIES: &str = "there are none; install the package ca-certificates, or set DATABASE_CA_FILE";

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
        Err(error) => Err(unusable(path, &format!("is no certificate in PEM: {error}"))),
    }
}

/// The authorities in a file that are valid now: rustls does not look at the dates of those it is told to trust.
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

/// Read once: they are many, and change with the system.
fn of_the_system() -> &'static [CertificateDer<'static>] {
    static FOUND: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let is_usable = |certificate: &CertificateDer<'static>| {
            !is_expired(certificate) && RootCertStore::empty().add(certificate.clone()).is_ok()
        };
        rustls_native_certs::load_native_certs().certs.into_iter().filter(is_usable).collect()
    })
}
