//! Who connects to a database server, and where it is, as its URL says. Read by hand, as the drivers do: they take
//! several hosts, none, and escapes in every part.

use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::profile::is_loopback;
use super::strength;
use keepstone_persistence::DatabaseUrl;

pub(super) struct DatabaseServer {
    user: String,
    /// None at all is another way to authenticate: a socket, a certificate, a password file.
    password: Option<String>,
    hosts: Vec<String>,
}

impl DatabaseServer {
    /// `None`: it is no server.
    pub(super) fn of(url: &DatabaseUrl) -> Option<Self> {
        let (DatabaseUrl::Postgres(text) | DatabaseUrl::Mysql(text)) = url else { return None };
        let (_scheme, rest) = text.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let (user_info, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = user_info.split_once(':').map_or((user_info, None), |(user, word)| (user, Some(word)));
        let mut server = Self {
            user: decoded(user),
            password: password.map(decoded),
            hosts: hosts.split(',').map(without_port).map(decoded).collect(),
        };
        let options = rest.split_once('?').map_or("", |(_place, options)| options);
        for (name, value) in form_urlencoded::parse(options.as_bytes()) {
            match &*name {
                "user" => server.user = value.into_owned(),
                "password" => server.password = Some(value.into_owned()),
                "host" | "hostaddr" => server.hosts.extend(value.split(',').map(str::to_owned)),
                _ => {}
            }
        }
        server.hosts.retain(|host| !host.is_empty());
        Some(server)
    }

    /// Whether its password is one that everyone knows.
    pub(super) fn has_default_password(&self) -> bool {
        self.password.as_ref().is_some_and(|password| strength::is_well_known_password(&self.user, password))
    }

    /// Whether what is said to it leaves this machine. No host, or a path, is a socket.
    pub(super) fn is_remote(&self) -> bool {
        self.hosts.iter().any(|host| !host.starts_with('/') && !is_loopback(host))
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The host of `host:port`; an IPv6 address is in brackets there.
fn without_port(place: &str) -> &str {
    match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
        Some((address, _port)) => address,
        None => place.split_once(':').map_or(place, |(host, _port)| host),
    }
}
