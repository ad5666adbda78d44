//! `DATABASE_URL` in the words of `SQLAlchemy` and libpq. It may hold a password: neither `Debug`, `Display` nor an
//! error shows more than the server and the database.

mod parameters;
mod server;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub(crate) use server::Host;
pub use server::ServerUrl;

/// Which database, and where.
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

/// The two protocols of servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Postgres,
    Mysql,
}

/// Why a text is not the URL of a database. Holds nothing of it but, at most, its scheme and the name of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// There is nothing before the colon that could be a scheme.
    #[error("has no scheme; the known ones are {KNOWN}")]
    SchemeMissing,
    /// The scheme is that of another system.
    #[error("has the unknown scheme \"{0}\"; the known ones are {KNOWN}")]
    SchemeUnknown(String),
    /// SQLite needs a file.
    #[error("names no file; write sqlite:///./name.db, or sqlite::memory: for one that is not kept")]
    FileMissing,
    /// `sqlite://name.db` would be a host.
    #[error(
        "has two slashes; SQLite takes three before a relative path (sqlite:///./name.db), four before an absolute one"
    )]
    TwoSlashes,
    /// SQLite's own kind of URI.
    #[error("is a SQLite `file:` URI, which is not supported; write sqlite:///./name.db")]
    FileUri,
    /// Nothing follows the scheme.
    #[error("has no `//host/name` after its scheme")]
    HostMissing,
    /// The port is not a number from 1 to 65535.
    #[error("has a port that is no number; in a password, `@ : / ? # %` are written %40 %3A %2F %3F %23 %25")]
    PortInvalid,
    /// A password with a `/`, `?` or `#` in it was cut in two.
    #[error(
        "has an `@` after a `/` or `?`, or has a `#`; in a password, `@ : / ? # %` are written %40 %3A %2F %3F %23 %25"
    )]
    PasswordCut,
    /// A percent escape that gives no text.
    #[error("has a percent escape that is no UTF-8")]
    EscapeInvalid,
    /// A parameter that no driver of ours knows.
    #[error("has the parameter `{0}`, which is not known; leave it out")]
    ParameterUnknown(String),
    /// A parameter that is known from other drivers, and cannot be followed.
    #[error("has the parameter `{0}`, which is not supported: {1}")]
    ParameterUnsupported(String, &'static str),
    /// A parameter whose value is not one of those it can have.
    #[error("has the parameter `{0}` with a wrong value: write {1}")]
    ParameterInvalid(String, &'static str),
    /// A parameter that is given twice.
    #[error("has the parameter `{0}` twice; leave one of them out")]
    ParameterRepeated(String),
    /// Two parameters that ask for different encryption.
    #[error("asks for encryption in two ways that differ; leave only `sslmode` or `ssl-mode`")]
    EncryptionContradicts,
    /// A client certificate without its key, or the reverse.
    #[error("has only one of `sslcert` and `sslkey`; a client certificate needs both")]
    IdentityIncomplete,
}

const KNOWN: &str = "sqlite, postgres, postgresql, mysql, mariadb";

impl DatabaseUrl {
    /// The file, if there is one.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<&Path> {
        match self {
            Self::SqliteFile(path) => Some(path),
            _ => None,
        }
    }

    /// The server, if there is one.
    #[must_use]
    pub const fn server(&self) -> Option<&ServerUrl> {
        match self {
            Self::Postgres(server) | Self::Mysql(server) => Some(server),
            Self::SqliteFile(_) | Self::SqliteMemory => None,
        }
    }

    /// The server, to set what its URL leaves open.
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
            // Without `//`, what is before the colon may be a user's name.
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

/// Without user, password and parameters, which may hold a password, too.
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
