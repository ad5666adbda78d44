//! `DATABASE_URL` in the words of `SQLAlchemy`. It may hold a password: neither `Debug`, `Display` nor an error shows
//! more than the server and the database.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Which database, and where.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:///relative` or `sqlite:////absolute`.
    SqliteFile(PathBuf),
    /// `sqlite::memory:`, `sqlite:///:memory:`.
    SqliteMemory,
    /// As given, with the scheme `postgres` and no driver suffix.
    Postgres(String),
    /// As given, with the scheme `mysql` and no driver suffix, and told to stay with its host and port.
    Mysql(String),
}

/// Why a text is not the URL of a database. Holds nothing of it but, at most, its scheme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    #[error("has no scheme; the known ones are {KNOWN}")]
    SchemeMissing,
    #[error("has the unknown scheme \"{0}\"; the known ones are {KNOWN}")]
    SchemeUnknown(String),
    #[error("names no file; write sqlite:///./name.db, or sqlite::memory: for one that is not kept")]
    FileMissing,
    #[error(
        "has two slashes; SQLite takes three before a relative path (sqlite:///./name.db), four before an absolute one"
    )]
    TwoSlashes,
    #[error("is a SQLite `file:` URI, which is not supported; write sqlite:///./name.db")]
    FileUri,
    #[error("has no `//host/name` after its scheme")]
    HostMissing,
    #[error("has a port that is no number; in a password, `@ : / ? # %` are written %40 %3A %2F %3F %23 %25")]
    PortInvalid,
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
            "postgres" | "postgresql" => server(rest).map(|rest| Self::Postgres(format!("postgres:{rest}"))),
            "mysql" | "mariadb" => server(rest).map(|rest| Self::Mysql(by_address(rest))),
            // Without `//`, what is before the colon may be a user's name.
            _ if rest.starts_with("//") => Err(DatabaseUrlError::SchemeUnknown(dialect.to_owned())),
            _ => Err(DatabaseUrlError::SchemeMissing),
        }
    }
}

fn sqlite(rest: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    let rest = rest.split_once('?').map_or(rest, |(path, _options)| path);
    let path = match rest.strip_prefix("//") {
        Some(":memory:") => ":memory:",
        Some("") => "",
        Some(after) => after.strip_prefix('/').ok_or(DatabaseUrlError::TwoSlashes)?,
        None => rest,
    };
    match path {
        "" | "/" | "." | "./" => Err(DatabaseUrlError::FileMissing),
        ":memory:" => Ok(DatabaseUrl::SqliteMemory),
        path if path.starts_with("file:") => Err(DatabaseUrlError::FileUri),
        path => Ok(DatabaseUrl::SqliteFile(PathBuf::from(path))),
    }
}

/// The part behind the scheme, when it is `//[user[:password]@][host][:port][/name][?options]`.
/// The driver would leave a loopback address for the socket that the server names: behind a tunnel, another server's.
fn by_address(rest: &str) -> String {
    let separator = if rest.contains('?') { '&' } else { '?' };
    format!("mysql:{rest}{separator}prefer_socket=false")
}

fn server(rest: &str) -> Result<&str, DatabaseUrlError> {
    let after = rest.strip_prefix("//").ok_or(DatabaseUrlError::HostMissing)?;
    if after.trim_matches('/').is_empty() {
        return Err(DatabaseUrlError::HostMissing);
    }
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_user, host)| host);
    let name = host.rsplit_once(']').map_or(host, |(_ipv6, port)| port);
    match name.rsplit_once(':') {
        Some((_, port)) if !port.is_empty() && port.parse::<u16>().is_err() => Err(DatabaseUrlError::PortInvalid),
        _ => Ok(rest),
    }
}

/// Without user, password and options, which may hold a password, too.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SqliteFile(path) => write!(f, "sqlite:///{}", path.display()),
            Self::SqliteMemory => f.write_str("sqlite::memory:"),
            Self::Postgres(url) | Self::Mysql(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
                let (place, options) = rest.split_once(['?', '#']).unwrap_or((rest, ""));
                if options.contains('@') {
                    // An `@` this late means that the password was cut in two.
                    return write!(f, "{scheme}://***");
                }
                let place = place.rsplit_once('@').map_or(place, |(_user, place)| place);
                write!(f, "{scheme}://{place}")
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_urls_of_the_contract_are_understood() {
        let file = |path: &str| DatabaseUrl::SqliteFile(PathBuf::from(path));
        let postgres = |rest: &str| DatabaseUrl::Postgres(format!("postgres://{rest}"));
        let mysql = |rest: &str| DatabaseUrl::Mysql(format!("mysql://{rest}?prefer_socket=false"));
        for (text, url) in [
            ("sqlite:///./keepstone.db", file("./keepstone.db")),
            ("sqlite:///keepstone.db", file("keepstone.db")),
            ("sqlite:////var/lib/keepstone.db", file("/var/lib/keepstone.db")),
            ("sqlite+aiosqlite:///./keepstone.db", file("./keepstone.db")),
            ("sqlite:///./keepstone.db?check_same_thread=false", file("./keepstone.db")),
            ("SQLite:///a b.db", file("a b.db")),
            ("sqlite::memory:", DatabaseUrl::SqliteMemory),
            ("sqlite:///:memory:", DatabaseUrl::SqliteMemory),
            ("sqlite://:memory:", DatabaseUrl::SqliteMemory),
            ("sqlite+aiosqlite:///:memory:", DatabaseUrl::SqliteMemory),
            ("postgres://u:p@h:5432/d", postgres("u:p@h:5432/d")),
            ("postgresql://u:p@h/d?sslmode=require", postgres("u:p@h/d?sslmode=require")),
            ("postgresql+asyncpg://u:p@h/d", postgres("u:p@h/d")),
            ("postgresql+psycopg2://u:p%40ss@[::1]:5432/d", postgres("u:p%40ss@[::1]:5432/d")),
            ("postgres:///d?host=/run/postgresql", postgres("/d?host=/run/postgresql")),
            ("mysql://u:p@h/d", mysql("u:p@h/d")),
            ("mysql+aiomysql://u:p@h:3306/d", mysql("u:p@h:3306/d")),
            ("mariadb+asyncmy://u@h/d", mysql("u@h/d")),
            ("  postgres://h/d\n", postgres("h/d")),
        ] {
            assert_eq!(text.parse(), Ok(url), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_with_the_reason() {
        use DatabaseUrlError as E;
        for (text, error) in [
            ("", E::SchemeMissing),
            ("keepstone.db", E::SchemeMissing),
            ("localhost:5432/d", E::SchemeMissing),
            ("user:canary@host/d", E::SchemeMissing),
            ("://h/d", E::SchemeMissing),
            ("oracle://h/d", E::SchemeUnknown("oracle".to_owned())),
            ("mongodb+srv://u:p@h", E::SchemeUnknown("mongodb".to_owned())),
            ("sqlite:", E::FileMissing),
            ("sqlite://", E::FileMissing),
            ("sqlite:///", E::FileMissing),
            ("sqlite:////", E::FileMissing),
            ("sqlite://keepstone.db", E::TwoSlashes),
            ("sqlite:///file:x?uri=true", E::FileUri),
            ("postgres:", E::HostMissing),
            ("postgres:h/d", E::HostMissing),
            ("mysql://", E::HostMissing),
            ("postgres://u:p/ss@h/d", E::PortInvalid),
            ("postgres://h:port/d", E::PortInvalid),
        ] {
            assert_eq!(text.parse::<DatabaseUrl>(), Err(error), "{text}");
        }
        assert!(E::SchemeMissing.to_string().contains(KNOWN));
    }

    #[test]
    fn neither_display_nor_debug_shows_the_user_or_the_password() {
        for (text, shown) in [
            ("postgres://canary:canary@h:5432/d?password=canary", "postgres://h:5432/d"),
            ("postgres://canary:can@ary@h/d", "postgres://h/d"),
            ("mysql+aiomysql://canary@h/d", "mysql://h/d"),
            ("postgres://u:123?canary@h/d", "postgres://***"),
            ("postgres://u:123#canary@h/d", "postgres://***"),
            ("postgres://h/d?password=can@canary", "postgres://***"),
            ("postgres://u:p@canary?ss@h/d", "postgres://***"),
            ("sqlite:////var/lib/k.db", "sqlite:////var/lib/k.db"),
            ("sqlite:///./k.db", "sqlite:///./k.db"),
            ("sqlite:///:memory:", "sqlite::memory:"),
        ] {
            let url: DatabaseUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), shown, "{text}");
            assert_eq!(format!("{url:?}"), format!("DatabaseUrl({shown})"), "{text}");
        }
    }
}
