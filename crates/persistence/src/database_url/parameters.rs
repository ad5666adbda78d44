//! The parameters of a URL, as spelled by `SQLAlchemy`'s drivers, libpq and hosting providers. Each is either supported
//! or rejected by name. Values are never shown.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::{ChannelBinding, LoadBalanceHosts, TargetSessionAttrs};

use super::server::{ServerUrl, decoded, host, host_and_port};
use super::{DatabaseUrlError as Error, Dialect, unsupported};
use crate::tls::{Authorities, TlsMode};

const MODES: &str = "disable, prefer, require, verify-ca or verify-full";
const MODES_OF_MYSQL: &str = "DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY";

/// A parameter. Its key is the name in lower case without `-` and `_`, because drivers differ in these.
struct Parameter {
    name: String,
    key: String,
    value: String,
}

/// The parameters about encryption, before they are combined.
#[derive(Default)]
struct Encryption {
    mode: Option<TlsMode>,
    verifies: Option<TlsMode>,
}

/// Applies the parameters of a URL.
pub(super) fn apply(server: &mut ServerUrl, query: &str) -> Result<(), Error> {
    let mut encryption = Encryption::default();
    let mut parameters = parameters(query)?;
    // The port applies to the hosts, wherever it stands.
    parameters.sort_by_key(|parameter| parameter.key == "port");
    if server.dialect == Dialect::Postgres && parameters.iter().any(|parameter| parameter.key == "host") {
        // As in libpq, the parameter replaces the host before it.
        server.hosts.clear();
    }
    for parameter in &parameters {
        if encryption_is_set(server, &mut encryption, parameter)? {
            continue;
        }
        let is_known = match server.dialect {
            Dialect::Postgres => of_postgres(server, parameter)?,
            Dialect::Mysql => of_mysql(server, parameter)?,
        };
        if !is_known {
            return Err(unsupported::error(&parameter.name, &parameter.key));
        }
    }
    put_together(server, &encryption)
}

/// Rejects parameters that would change how a SQLite file is opened. `SQLAlchemy`'s own parameters are ignored.
pub(super) fn check_sqlite(query: &str) -> Result<(), Error> {
    const WITHOUT_MEANING: [&str; 4] = ["checksamethread", "timeout", "cachedstatements", "isolationlevel"];
    match parameters(query)?.iter().find(|parameter| !WITHOUT_MEANING.contains(&parameter.key.as_str())) {
        Some(parameter) => Err(Error::ParameterUnknown(parameter.name.clone())),
        None => Ok(()),
    }
}

fn parameters(query: &str) -> Result<Vec<Parameter>, Error> {
    let mut found: Vec<Parameter> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key: String = name.chars().filter(|c| !"-_".contains(*c)).collect::<String>().to_ascii_lowercase();
        let is_name = name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if !is_name || key.is_empty() {
            return Err(Error::ParameterUnknown("(not a name)".to_owned()));
        }
        // `SQLAlchemy` writes spaces in these texts as `+`. In a password, `+` is a plus.
        let has_spaces = ["options", "applicationname"].contains(&key.as_str());
        let value = if has_spaces { value.replace('+', " ") } else { value.to_owned() };
        let parameter = Parameter { name: name.to_owned(), key, value: decoded(&value)? };
        if parameter.key != "host" && found.iter().any(|other| other.key == parameter.key) {
            return Err(Error::ParameterRepeated(parameter.name));
        }
        // As in libpq, an empty value means that the parameter is not set.
        if !parameter.value.is_empty() {
            found.push(parameter);
        }
    }
    Ok(found)
}

impl Parameter {
    fn invalid(&self, expected: &'static str) -> Error {
        Error::ParameterInvalid(self.name.clone(), expected)
    }

    fn flag(&self) -> Result<bool, Error> {
        match self.value.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(true),
            "0" | "false" | "no" | "off" => Ok(false),
            _ => Err(self.invalid("true or false")),
        }
    }

    fn number(&self) -> Result<u32, Error> {
        self.value.parse().map_err(|_| self.invalid("a number"))
    }

    fn seconds(&self) -> Result<Option<Duration>, Error> {
        Ok(Some(Duration::from_secs(self.number()?.into())).filter(|duration| !duration.is_zero()))
    }

    fn one_of<T: Copy>(&self, choices: &[(&str, T)], expected: &'static str) -> Result<T, Error> {
        let value = self.value.to_ascii_lowercase();
        choices.iter().find(|(name, _)| *name == value).map(|(_, choice)| *choice).ok_or_else(|| self.invalid(expected))
    }

    fn must_be(&self, values: &[&str], expected: &'static str) -> Result<(), Error> {
        let choices: Vec<(&str, ())> = values.iter().map(|value| (*value, ())).collect();
        self.one_of(&choices, expected)
    }
}

/// Returns the mode with this name, as spelled by libpq or MySQL.
fn mode(text: &str) -> Option<TlsMode> {
    let text: String = text.chars().filter(|c| !"-_".contains(*c)).collect::<String>().to_ascii_lowercase();
    Some(match text.as_str() {
        "disable" | "disabled" => TlsMode::Disable,
        // `allow` would first try without encryption; the reverse order is never worse.
        "allow" | "prefer" | "preferred" => TlsMode::Prefer,
        "require" | "required" => TlsMode::Require,
        "verifyca" => TlsMode::VerifyCa,
        "verifyfull" | "verifyidentity" => TlsMode::VerifyFull,
        _ => return None,
    })
}

/// Applies a parameter about encryption. Returns `false` if it is about something else.
fn encryption_is_set(server: &mut ServerUrl, found: &mut Encryption, parameter: &Parameter) -> Result<bool, Error> {
    let expected = if server.dialect == Dialect::Postgres { MODES } else { MODES_OF_MYSQL };
    let chosen = match parameter.key.as_str() {
        "sslmode" => mode(&parameter.value).ok_or_else(|| parameter.invalid(expected))?,
        "ssl" => match (mode(&parameter.value), parameter.flag()) {
            (Some(mode), _) => mode,
            (None, Ok(true)) => TlsMode::Require,
            (None, Ok(false)) => TlsMode::Disable,
            (None, Err(_)) => return Err(parameter.invalid("true, false or a mode such as require")),
        },
        "sslrootcert" | "sslca" => {
            server.tls.authorities = Some(match parameter.value.as_str() {
                "system" => Authorities::System,
                path => Authorities::File(PathBuf::from(path)),
            });
            return Ok(true);
        }
        "sslcert" => {
            server.tls.certificate = Some(PathBuf::from(&parameter.value));
            return Ok(true);
        }
        "sslkey" => {
            server.tls.key = Some(PathBuf::from(&parameter.value));
            return Ok(true);
        }
        "sslverifycert" if server.dialect == Dialect::Mysql => {
            let mode = if parameter.flag()? { TlsMode::VerifyCa } else { TlsMode::Require };
            found.verifies = found.verifies.max(Some(mode));
            return Ok(true);
        }
        "sslverifyidentity" | "sslcheckhostname" if server.dialect == Dialect::Mysql => {
            let mode = if parameter.flag()? { TlsMode::VerifyFull } else { TlsMode::VerifyCa };
            found.verifies = found.verifies.max(Some(mode));
            return Ok(true);
        }
        _ => return Ok(false),
    };
    if found.mode.is_some_and(|other| other != chosen) {
        return Err(Error::EncryptionContradicts);
    }
    found.mode = Some(chosen);
    Ok(true)
}

fn put_together(server: &mut ServerUrl, found: &Encryption) -> Result<(), Error> {
    let tls = &mut server.tls;
    if tls.certificate.is_some() != tls.key.is_some() {
        return Err(Error::IdentityIncomplete);
    }
    tls.mode = match (found.mode, found.verifies) {
        (Some(TlsMode::Disable | TlsMode::Prefer), Some(TlsMode::VerifyCa | TlsMode::VerifyFull)) => {
            return Err(Error::EncryptionContradicts);
        }
        (Some(mode), verifies) => Some(verifies.map_or(mode, |verifies| mode.max(verifies))),
        (None, verifies) => verifies,
    };
    Ok(())
}

fn of_postgres(server: &mut ServerUrl, parameter: &Parameter) -> Result<bool, Error> {
    let value = parameter.value.as_str();
    match parameter.key.as_str() {
        "host" => {
            for place in value.split(',').filter(|place| !place.is_empty()) {
                // A path may contain a colon.
                let place = if place.starts_with('/') { (host(place), None) } else { host_and_port(place)? };
                server.hosts.push(place);
            }
        }
        "port" => set_ports(server, parameter)?,
        "hostaddr" => {
            let addresses = value.split(',').map(|address| address.trim().parse());
            let addresses: Result<Vec<_>, _> = addresses.collect();
            server.session.addresses = addresses.map_err(|_| parameter.invalid("an IP address"))?;
        }
        "user" => server.user = Some(value.to_owned()),
        "password" => server.password = Some(value.to_owned()),
        "dbname" => server.database = Some(value.to_owned()),
        "connecttimeout" => server.session.connect_timeout = parameter.seconds()?,
        "applicationname" | "fallbackapplicationname" => server.session.application_name = Some(value.to_owned()),
        "options" => server.session.options = Some(value.to_owned()),
        "clientencoding" => parameter.must_be(&["utf8", "utf-8", "auto"], "utf8")?,
        "gssencmode" => parameter.must_be(&["disable", "prefer"], "disable")?,
        "sslnegotiation" => parameter.must_be(&["postgres"], "postgres")?,
        "sslcompression" => parameter.must_be(&["0"], "0")?,
        "sslsni" => parameter.must_be(&["1"], "1")?,
        _ => return of_postgres_session(server, parameter),
    }
    Ok(true)
}

fn of_postgres_session(server: &mut ServerUrl, parameter: &Parameter) -> Result<bool, Error> {
    let session = &mut server.session;
    match parameter.key.as_str() {
        "targetsessionattrs" => {
            let choices = [
                ("any", TargetSessionAttrs::Any),
                ("read-write", TargetSessionAttrs::ReadWrite),
                ("primary", TargetSessionAttrs::ReadWrite),
                ("read-only", TargetSessionAttrs::ReadOnly),
                ("standby", TargetSessionAttrs::ReadOnly),
            ];
            session.target = Some(parameter.one_of(&choices, "any, read-write, read-only, primary or standby")?);
        }
        "channelbinding" => {
            let choices = [
                ("disable", ChannelBinding::Disable),
                ("prefer", ChannelBinding::Prefer),
                ("require", ChannelBinding::Require),
            ];
            session.channel_binding = Some(parameter.one_of(&choices, "disable, prefer or require")?);
        }
        "loadbalancehosts" => {
            let choices = [("disable", LoadBalanceHosts::Disable), ("random", LoadBalanceHosts::Random)];
            session.load_balance = Some(parameter.one_of(&choices, "disable or random")?);
        }
        "keepalives" => session.keepalives = Some(parameter.flag()?),
        "keepalivesidle" => session.keepalives_idle = parameter.seconds()?,
        "keepalivesinterval" => session.keepalives_interval = parameter.seconds()?,
        "keepalivescount" => session.keepalives_count = Some(parameter.number()?),
        "tcpusertimeout" => {
            session.tcp_user_timeout = Some(Duration::from_millis(parameter.number()?.into()));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn set_ports(server: &mut ServerUrl, parameter: &Parameter) -> Result<(), Error> {
    let ports = parameter.value.split(',').map(|port| port.parse().ok().filter(|port: &u16| *port > 0));
    let ports: Vec<u16> = ports.collect::<Option<_>>().ok_or(Error::PortInvalid)?;
    if server.hosts.is_empty() {
        server.hosts.push((host("localhost"), None));
    }
    for (index, (_host, port)) in server.hosts.iter_mut().enumerate() {
        *port = ports.get(index).or(ports.first()).copied();
    }
    Ok(())
}

fn of_mysql(server: &mut ServerUrl, parameter: &Parameter) -> Result<bool, Error> {
    match parameter.key.as_str() {
        "unixsocket" | "socket" => {
            if !parameter.value.starts_with('/') {
                return Err(parameter.invalid("the absolute path of a socket"));
            }
            server.hosts = vec![(host(&parameter.value), None)];
        }
        "charset" | "characterset" => parameter.must_be(&["utf8mb4", "utf8", "utf8mb3"], "utf8mb4")?,
        "useunicode" => parameter.must_be(&["1", "true"], "1")?,
        "connecttimeout" => server.session.connect_timeout = parameter.seconds()?,
        _ => return Ok(false),
    }
    Ok(true)
}
