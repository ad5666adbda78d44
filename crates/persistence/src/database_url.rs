//! `DATABASE_URL`, in the syntax of `SQLAlchemy` and libpq. It may contain a password: `Debug`, `Display` and errors
//! show only the server and the database.

mod parameters;
mod server;
#[cfg(test)]
mod tests;
mod unsupported;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub(crate) use server::Host;
pub use server::ServerUrl;

/// The kind and the address of a database.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:///relative` or `sqlite:////absolute`.
    SqliteFile(PathBuf),
    /// `sqlite::memory:`, `sqlite:///:memory:`.
    SqliteMemory,
    /// A PostgreSQL server.
    Postgres(ServerUrl),
    /// A MySQL or MariaDB server.
    Mysql(ServerUrl),
}

/// The protocol of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Postgres,
    Mysql,
}

/// The reason why a text is not a database URL. Shows at most the scheme and the name of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// There is no scheme before the colon.
    #[error("has no scheme; the known ones are {KNOWN}")]
    SchemeMissing,
    /// The scheme is not supported.
    #[error("has the unknown scheme \"{0}\"; the known ones are {KNOWN}")]
    SchemeUnknown(String),
    /// The URL names no SQLite file.
    #[error("names no file; write sqlite:///./name.db, or sqlite::memory: for a temporary database")]
    FileMissing,
    /// The URL has only two slashes: `sqlite://name.db` would be a host.
    #[error(
        "has two slashes; SQLite takes three before a relative path (sqlite:///./name.db), four before an absolute one"
    )]
    TwoSlashes,
    /// The URL is one of SQLite's own `file:` URIs.
    #[error("is a SQLite `file:` URI, which is not supported; write sqlite:///./name.db")]
    FileUri,
    /// Nothing follows the scheme.
    #[error("has no `//host/name` after its scheme")]
    HostMissing,
    /// The port is not a number from 1 to 65535.
    #[error("has an invalid port; in a password, `@ : / ? # %` are written %40 %3A %2F %3F %23 %25")]
    PortInvalid,
    /// A password with an unescaped `/`, `?` or `#` was cut in two.
    #[error(
        "has an `@` after a `/` or `?`, or has a `#`; in a password, `@ : / ? # %` are written %40 %3A %2F %3F %23 %25"
    )]
    PasswordCut,
    /// A percent escape does not decode to text.
    #[error("has a percent escape that is not valid UTF-8")]
    EscapeInvalid,
    /// The parameter is unknown.
    #[error("has the parameter `{0}`, which is unknown; remove it")]
    ParameterUnknown(String),
    /// The parameter is known from other drivers, but not supported.
    #[error("has the parameter `{0}`, which is not supported: {1}")]
    ParameterUnsupported(String, &'static str),
    /// The value of the parameter is not allowed.
    #[error("has the parameter `{0}` with an invalid value; expected {1}")]
    ParameterInvalid(String, &'static str),
    /// The parameter occurs twice.
    #[error("has the parameter `{0}` twice; remove one of them")]
    ParameterRepeated(String),
    /// Two parameters contradict each other about encryption.
    #[error("has contradicting parameters for encryption; keep only `sslmode` or `ssl-mode`")]
    EncryptionContradicts,
    /// A client certificate has no key, or a key no certificate.
    #[error("has only one of `sslcert` and `sslkey`; a client certificate needs both")]
    IdentityIncomplete,
}

const KNOWN: &str = "sqlite, postgres, postgresql, mysql, mariadb";

impl DatabaseUrl {
    /// Returns the file of a SQLite database.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<&Path> {
        match self {
            Self::SqliteFile(path) => Some(path),
            _ => None,
        }
    }

    /// Returns the server, unless the database is SQLite.
    #[must_use]
    pub const fn server(&self) -> Option<&ServerUrl> {
        match self {
            Self::Postgres(server) | Self::Mysql(server) => Some(server),
            Self::SqliteFile(_) | Self::SqliteMemory => None,
        }
    }

    /// Returns the server, so that defaults can be set.
    pub const fn server_mut(&mut self) -> Option<&mut ServerUrl> {
        match self {
            Self::Postgres(server) | Self::Mysql(server) => Some(server),
            Self::SqliteFile(_) | Self::SqliteMemory => None,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.trim().split_once(':').ok_or(DatabaseUrlError::SchemeMissing)?;
        let scheme = scheme.to_ascii_lowercase();
        let plausible = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-._".contains(c));
        if !plausible {
            return Err(DatabaseUrlError::SchemeMissing);
        }
        let dialect = scheme.split_once('+').map_or(scheme.as_str(), |(dialect, _driver)| dialect);
        match dialect {
            "sqlite" => sqlite(rest),
            "postgres" | "postgresql" => ServerUrl::parse(Dialect::Postgres, rest).map(Self::Postgres),
            "mysql" | "mariadb" => ServerUrl::parse(Dialect::Mysql, rest).map(Self::Mysql),
            // Without `//`, the text before the colon may be a user name.
            _ if rest.starts_with("//") => Err(DatabaseUrlError::SchemeUnknown(dialect.to_owned())),
            _ => Err(DatabaseUrlError::SchemeMissing),
        }
    }
}

fn sqlite(rest: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = match rest.strip_prefix("//") {
        Some(":memory:") => ":memory:",
        Some("") => "",
        Some(after) => after.strip_prefix('/').ok_or(DatabaseUrlError::TwoSlashes)?,
        None => rest,
    };
    let url = match path {
        "" | "/" | "." | "./" => return Err(DatabaseUrlError::FileMissing),
        ":memory:" => DatabaseUrl::SqliteMemory,
        path if path.starts_with("file:") => return Err(DatabaseUrlError::FileUri),
        path => DatabaseUrl::SqliteFile(PathBuf::from(path)),
    };
    parameters::check_sqlite(query)?;
    Ok(url)
}

/// Omits user, password and parameters, because a parameter may be a password, too.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SqliteFile(path) => write!(f, "sqlite:///{}", path.display()),
            Self::SqliteMemory => f.write_str("sqlite::memory:"),
            Self::Postgres(server) | Self::Mysql(server) => server.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}
