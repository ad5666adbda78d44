//! The parts of a server's URL: user, hosts, encryption and session parameters.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use tokio_postgres::config::{ChannelBinding, LoadBalanceHosts, TargetSessionAttrs};

use super::{DatabaseUrlError, Dialect, parameters};
use crate::tls::TlsOptions;

/// The characters that are escaped when a URL is written again without its password.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'/').add(b':').add(b'?').add(b'@');

/// The folder in which libpq looks for a socket if no host is given.
const SOCKET_FOLDER: &str = "/var/run/postgresql";

/// The address of a server, the user, and the options of the connection.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    pub(super) dialect: Dialect,
    text: String,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) hosts: Vec<(Host, Option<u16>)>,
    pub(super) database: Option<String>,
    pub(super) tls: TlsOptions,
    pub(super) session: Session,
}

/// A host on which the server may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// A name or an address.
    Tcp(String),
    /// The folder of PostgreSQL's socket, or the socket of MySQL.
    Socket(PathBuf),
}

/// Session options of a URL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Session {
    pub application_name: Option<String>,
    pub options: Option<String>,
    pub connect_timeout: Option<Duration>,
    /// Addresses to connect to instead of resolving the host names.
    pub addresses: Vec<IpAddr>,
    pub target: Option<TargetSessionAttrs>,
    pub channel_binding: Option<ChannelBinding>,
    pub load_balance: Option<LoadBalanceHosts>,
    pub keepalives: Option<bool>,
    pub keepalives_idle: Option<Duration>,
    pub keepalives_interval: Option<Duration>,
    pub keepalives_count: Option<u32>,
    pub tcp_user_timeout: Option<Duration>,
}

impl ServerUrl {
    /// Parses the part after the scheme: `//[user[:password]@][host][:port][,…][/name][?parameters]`.
    pub(super) fn parse(dialect: Dialect, rest: &str) -> Result<Self, DatabaseUrlError> {
        let after = rest.strip_prefix("//").ok_or(DatabaseUrlError::HostMissing)?;
        if after.trim_matches('/').is_empty() {
            return Err(DatabaseUrlError::HostMissing);
        }
        let (place, query) = after.split_once('?').unwrap_or((after, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let (user_info, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        // What follows is a part of a password, so it must not be shown.
        if query.contains(['@', '#']) || place.contains('#') || path.contains('@') {
            return Err(DatabaseUrlError::PasswordCut);
        }
        let hosts = hosts.split(',').filter(|host| !host.is_empty()).map(host_and_port).collect::<Result<_, _>>()?;
        let (user, password) = match user_info.split_once(':') {
            Some((user, password)) => (user, Some(decoded(password)?)),
            None => (user_info, None),
        };
        let scheme = match dialect {
            Dialect::Postgres => "postgres",
            Dialect::Mysql => "mysql",
        };
        let mut server = Self {
            dialect,
            text: format!("{scheme}:{rest}"),
            user: non_empty(decoded(user)?),
            password,
            hosts,
            database: non_empty(decoded(path)?),
            tls: TlsOptions::default(),
            session: Session::default(),
        };
        parameters::apply(&mut server, query)?;
        if server.hosts.is_empty() {
            server.hosts.push((default_host(dialect), None));
        }
        Ok(server)
    }

    /// Returns the whole URL, including the password, with the scheme `postgres` or `mysql` and no driver suffix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the URL for the database's own programs: without the password and without parameters that only Keepstone
    /// understands.
    #[must_use]
    pub fn without_password(&self) -> String {
        let user = self.user.as_deref().map_or_else(String::new, |user| format!("{}@", escaped(user)));
        let mut url = format!("{}://{user}{}", self.scheme(), self.place());
        let mut separator = if url.contains('?') { "&" } else { "?" };
        for (name, value) in self.tls.parameters() {
            url.extend([separator, name, "=", &value]);
            separator = "&";
        }
        url
    }

    /// Returns the user.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns the password. Without one, the user authenticates by other means, such as a socket or a certificate.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Returns the name of the database on the server.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Returns the first host that is not a socket, with its port.
    #[must_use]
    pub fn first_address(&self) -> Option<(&str, u16)> {
        self.addresses().next()
    }

    /// Returns the socket, or its folder, if the first host is one.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        match self.hosts.first() {
            Some((Host::Socket(path), _port)) => Some(path),
            _ => None,
        }
    }

    /// Returns the hosts that are reached over a network, with their ports.
    pub fn addresses(&self) -> impl Iterator<Item = (&str, u16)> {
        self.hosts.iter().filter_map(|(host, port)| match host {
            Host::Tcp(name) => Some((name.as_str(), self.port_or_default(*port))),
            Host::Socket(_) => None,
        })
    }

    /// Whether the traffic leaves this machine. A name other than `localhost` may resolve to any address.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        let is_here = |address: IpAddr| address.to_canonical().is_loopback();
        let names = self.addresses().any(|(host, _port)| match host.parse::<IpAddr>() {
            Ok(address) => !is_here(address),
            Err(_) => !host.eq_ignore_ascii_case("localhost"),
        });
        if self.session.addresses.is_empty() { names } else { !self.session.addresses.iter().copied().all(is_here) }
    }

    /// Returns the options for encryption.
    #[must_use]
    pub const fn tls(&self) -> &TlsOptions {
        &self.tls
    }

    /// Sets defaults for what the URL leaves open: the CA file, and whether to verify the certificate of a remote
    /// server.
    pub fn set_tls_defaults(&mut self, ca_file: Option<&Path>, verifies_others: bool) {
        let verifies = verifies_others && self.is_remote();
        self.tls.set_defaults(ca_file, verifies);
    }

    pub(crate) const fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn hosts(&self) -> impl Iterator<Item = (&Host, u16)> {
        self.hosts.iter().map(|(host, port)| (host, self.port_or_default(*port)))
    }

    fn port_or_default(&self, port: Option<u16>) -> u16 {
        port.unwrap_or(match self.dialect {
            Dialect::Postgres => 5432,
            Dialect::Mysql => 3306,
        })
    }

    const fn scheme(&self) -> &'static str {
        match self.dialect {
            Dialect::Postgres => "postgres",
            Dialect::Mysql => "mysql",
        }
    }

    /// Returns hosts and database: `h1:1,h2/name`, `/name?host=/folder`.
    fn place(&self) -> String {
        let mut places = Vec::new();
        let mut socket = String::new();
        for (host, port) in &self.hosts {
            let port = port.map_or_else(String::new, |port| format!(":{port}"));
            match host {
                Host::Tcp(name) if name.contains(':') => places.push(format!("[{name}]{port}")),
                Host::Tcp(name) => places.push(format!("{name}{port}")),
                Host::Socket(path) => {
                    let parameter = if self.dialect == Dialect::Mysql { "unix_socket" } else { "host" };
                    socket = format!("?{parameter}={}", path.display());
                }
            }
        }
        let database = self.database.as_deref().map_or_else(String::new, |name| format!("/{}", escaped(name)));
        format!("{}{database}{socket}", places.join(","))
    }
}

/// Shows only the server and the database.
impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.place())
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({self})")
    }
}

fn default_host(dialect: Dialect) -> Host {
    match dialect {
        Dialect::Postgres => Host::Socket(PathBuf::from(SOCKET_FOLDER)),
        Dialect::Mysql => Host::Tcp("localhost".to_owned()),
    }
}

/// Parses `host`, `host:port`, `[v6]:port` or an escaped path.
pub(super) fn host_and_port(text: &str) -> Result<(Host, Option<u16>), DatabaseUrlError> {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, "")) => (address, ""),
        Some((address, port)) => (address, port.strip_prefix(':').ok_or(DatabaseUrlError::PortInvalid)?),
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let port = match port {
        "" => None,
        port => Some(port.parse().ok().filter(|port| *port > 0).ok_or(DatabaseUrlError::PortInvalid)?),
    };
    Ok((host(&decoded(name)?), port))
}

pub(super) fn host(name: &str) -> Host {
    if name.starts_with('/') { Host::Socket(PathBuf::from(name)) } else { Host::Tcp(name.to_owned()) }
}

pub(super) fn decoded(text: &str) -> Result<String, DatabaseUrlError> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| DatabaseUrlError::EscapeInvalid)?;
    // NUL terminates texts in the protocols.
    if text.contains('\0') { Err(DatabaseUrlError::EscapeInvalid) } else { Ok(text.into_owned()) }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
