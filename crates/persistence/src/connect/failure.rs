//! Connection failures: the cause and how to fix it. Never contains a password.

use std::{error::Error as StdError, fmt, io};

use rustls::{CertificateError, Error as TlsError};

use crate::{database_url::ServerUrl, tls::TlsFileError};

/// The cause of a connection failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The host name cannot be resolved.
    NameUnknown(String),
    /// Nothing listens there.
    Refused,
    /// The socket does not exist, or there is no route to the host.
    Unreachable(String),
    /// The server did not answer in time.
    Silent,
    /// The server does not offer encryption, and the mode requires it.
    NotEncrypted,
    /// The TLS handshake failed.
    Handshake(String),
    /// The certificate of the server is not trusted.
    Certificate(String),
    /// A certificate or key file cannot be used.
    File(TlsFileError),
    /// The server rejected the user, the password or the certificate.
    Login(String),
    /// The database does not exist, or the user may not use it.
    DatabaseUnknown(String),
    /// The server has too many connections.
    Full(String),
    /// Another error, with the message of the server.
    Other(String),
    /// The folder of the SQLite file does not exist.
    FolderMissing(String),
    /// The file is not a SQLite database.
    NotADatabase,
    /// The file, or its folder, cannot be written to.
    ReadOnly(String),
    /// The file cannot be opened.
    NotOpened(String),
}

/// A failure to connect to a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectFailure {
    place: String,
    /// The cause.
    pub cause: Cause,
}

impl ConnectFailure {
    pub(crate) fn new(server: &ServerUrl, cause: Cause) -> Self {
        Self { place: server.to_string(), cause }
    }

    pub(crate) fn of_file(path: &std::path::Path, cause: Cause) -> Self {
        Self { place: path.display().to_string(), cause }
    }

    /// Returns the address of the database, without user and password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Describes the cause in one sentence.
    #[must_use]
    pub fn reason(&self) -> String {
        match &self.cause {
            Cause::NameUnknown(words) => format!("the name of the host cannot be resolved (DNS: {words})"),
            Cause::Refused => "the connection was refused: nothing listens there".to_owned(),
            Cause::Unreachable(words) => format!("the server cannot be reached: {words}"),
            Cause::Silent => "timeout: the server did not answer in time".to_owned(),
            Cause::NotEncrypted => "the server does not offer TLS".to_owned(),
            Cause::Handshake(words) => format!("the TLS handshake failed: {words}"),
            Cause::Certificate(words) => format!("the certificate of the server is rejected: {words}"),
            Cause::File(error) => format!("a file for TLS cannot be used: {error}"),
            Cause::Login(words) => format!("the login was rejected: {words}"),
            Cause::DatabaseUnknown(words) => format!("unknown database: {words}"),
            Cause::Full(words) => format!("the server has too many connections: {words}"),
            Cause::Other(words) => format!("the server cannot be used: {words}"),
            Cause::FolderMissing(folder) => format!("the folder {folder} does not exist"),
            Cause::NotADatabase => "the file is not a SQLite database".to_owned(),
            Cause::ReadOnly(words) => format!("read-only: {words}"),
            Cause::NotOpened(words) => format!("the file cannot be opened: {words}"),
        }
    }

    /// Suggests a fix.
    #[must_use]
    pub const fn fix(&self) -> &'static str {
        match &self.cause {
            Cause::NameUnknown(_) => "check the host in DATABASE_URL, and the DNS of this machine",
            Cause::Refused => "check that the server runs, and that host and port in DATABASE_URL are correct",
            Cause::Unreachable(_) => "check host, port or socket in DATABASE_URL, and the network between",
            Cause::Silent => "check host and port in DATABASE_URL, firewalls in between, and that the server runs",
            Cause::NotEncrypted => {
                "turn TLS on in the server; or, where the network is trusted, write sslmode=disable \
                 (MySQL, MariaDB: ssl-mode=DISABLED)"
            }
            Cause::Handshake(_) => "check that the server supports TLS 1.2 or 1.3, and accepts the client certificate",
            Cause::Certificate(_) => {
                "use the host that the certificate is for; set DATABASE_CA_FILE to the file of its authority"
            }
            Cause::File(_) => "check DATABASE_CA_FILE, and sslrootcert, sslcert and sslkey in DATABASE_URL",
            Cause::Login(_) => "check user and password in DATABASE_URL, and from which hosts this user may log in",
            Cause::DatabaseUnknown(_) => "create the database, or check its name and the rights in DATABASE_URL",
            Cause::Full(_) => "lower DB_POOL_SIZE, or raise the limit of the server",
            Cause::Other(_) => "check the message and the log of the server",
            Cause::FolderMissing(_) => "create the folder, or correct DATABASE_URL",
            Cause::NotADatabase => "set another file in DATABASE_URL, or restore a backup",
            Cause::ReadOnly(_) | Cause::NotOpened(_) => "allow this process to read and write the file and its folder",
        }
    }

    /// Converts a network or TLS error; `None` if the error is neither.
    pub(super) fn of_network(server: &ServerUrl, error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<TlsError>() {
                return Some(Self::new(server, of_tls(error)));
            }
            if let Some(error) = error.downcast_ref::<io::Error>() {
                // `source` skips the inner error.
                return match error.get_ref() {
                    Some(inner) if inner.is::<TlsError>() => Self::of_network(server, inner),
                    _ => Some(Self::new(server, of_io(error))),
                };
            }
            next = error.source();
        }
        None
    }
}

fn of_io(error: &io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Cause::Refused,
        io::ErrorKind::TimedOut => Cause::Silent,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            Cause::Other("the server closed the connection".to_owned())
        }
        // All errors have a number of the operating system, except failed name resolution.
        _ if error.raw_os_error().is_none() => Cause::NameUnknown(error.to_string()),
        _ => Cause::Unreachable(error.to_string()),
    }
}

fn of_tls(error: &TlsError) -> Cause {
    use CertificateError as E;
    match error {
        // `BadSignature` means that an authority of the same name has another key.
        TlsError::InvalidCertificate(E::UnknownIssuer | E::BadSignature) => {
            Cause::Certificate("no known authority has signed it".to_owned())
        }
        TlsError::InvalidCertificate(E::Expired | E::ExpiredContext { .. }) => {
            Cause::Certificate("it has expired".to_owned())
        }
        TlsError::InvalidCertificate(E::NotValidForName | E::NotValidForNameContext { .. }) => {
            Cause::Certificate("it is for another name than the host of the URL".to_owned())
        }
        TlsError::InvalidCertificate(other) => Cause::Certificate(other.to_string()),
        other => Cause::Handshake(other.to_string()),
    }
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.reason(), self.fix())
    }
}

impl StdError for ConnectFailure {}
