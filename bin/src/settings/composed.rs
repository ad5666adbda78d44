//! Values that common templates set in parts: `POSTGRES_*`, `MYSQL_*`, `SMTP_*`, `EMAILS_FROM_*` and `LOG_JSON`. The
//! key itself takes precedence over its parts, wherever either is set.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::net::Ipv6Addr;

use super::layers::Collected;
use super::problems::Wrong;
use super::values::{flag, number};
use super::variables::Variables;

/// The characters that need no encoding in any part of a URL.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The kinds of database servers that can be configured in parts.
const SERVERS: [Server; 2] = [
    Server {
        scheme: "postgres",
        variables: "POSTGRES_*",
        socket: "host",
        host: &["POSTGRES_SERVER", "POSTGRES_HOST"],
        port: "POSTGRES_PORT",
        name: &["POSTGRES_DB"],
        user: "POSTGRES_USER",
        password: "POSTGRES_PASSWORD",
    },
    Server {
        scheme: "mysql",
        variables: "MYSQL_*",
        socket: "unix_socket",
        host: &["MYSQL_SERVER", "MYSQL_HOST"],
        port: "MYSQL_PORT",
        name: &["MYSQL_DB", "MYSQL_DATABASE"],
        user: "MYSQL_USER",
        password: "MYSQL_PASSWORD",
    },
];
const MAIL: [&str; 9] = [
    "SMTP_HOST",
    "SMTP_PORT",
    "SMTP_USER",
    "SMTP_PASSWORD",
    "SMTP_TLS",
    "SMTP_SSL",
    "EMAILS_FROM_EMAIL",
    "EMAILS_FROM_NAME",
    "LOG_JSON",
];
/// The variables that are also read from the file named by `<NAME>_FILE`.
const SECRETS: [&str; 3] = ["POSTGRES_PASSWORD", "MYSQL_PASSWORD", "SMTP_PASSWORD"];

struct Server {
    scheme: &'static str,
    variables: &'static str,
    /// The parameter of a URL that names a folder or a file with a socket.
    socket: &'static str,
    host: &'static [&'static str],
    port: &'static str,
    name: &'static [&'static str],
    user: &'static str,
    password: &'static str,
}

impl Server {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.host.iter().chain(self.name).copied().chain([self.port, self.user, self.password])
    }
}

/// Returns every variable that is read here.
pub(super) fn names() -> impl Iterator<Item = String> {
    let all = SERVERS.iter().flat_map(Server::names).chain(MAIL).map(str::to_owned);
    all.chain(SECRETS.iter().map(|name| format!("{name}_FILE")))
}

/// Composes the values that these places set in parts. Later places take precedence. `is_set` returns whether a key has
/// its own value.
pub(super) fn collect(places: &[&Variables<'_>], is_set: impl Fn(&str) -> bool) -> Collected {
    let mut parts = Parts { places, collected: Collected::default() };
    if !is_set("database.url") {
        parts.compose_database();
    }
    if !is_set("mail.url") {
        parts.compose_mail();
    }
    if !is_set("mail.from") {
        parts.compose_sender();
    }
    if !is_set("log.format")
        && let Some(json) = parts.read("LOG_JSON", flag)
    {
        parts.set("log.format", "LOG_JSON", if json { "json" } else { "text" });
    }
    parts.collected
}

struct Parts<'a> {
    places: &'a [&'a Variables<'a>],
    collected: Collected,
}

impl Parts<'_> {
    fn compose_database(&mut self) {
        let used: Vec<(&Server, &str)> = SERVERS
            .iter()
            .filter_map(|server| Some((server, server.names().find(|name| self.get(name).is_some())?)))
            .collect();
        match used.as_slice() {
            [] => {}
            [(server, first)] => self.compose_server(server, first),
            several => {
                let sets: Vec<&str> = several.iter().map(|(server, _)| server.variables).collect();
                let message = format!("is not set, and {} are both set", sets.join(" and "));
                let wrong =
                    Wrong::new(message, "set DATABASE_URL, or unset the variables of the server you do not use");
                self.refuse("DATABASE_URL", several.last().map_or("", |(_, name)| name), wrong);
            }
        }
    }

    /// Composes the URL of a server that has at least one variable set.
    fn compose_server(&mut self, server: &Server, set: &str) {
        let host = server.host.iter().find_map(|name| self.get(name));
        let (name, user) = (server.name.iter().find_map(|name| self.get(name)), self.get(server.user));
        let password = self.secret(server.password);
        let required = [
            (host.is_some(), server.host.first().copied().unwrap_or_default()),
            (name.is_some(), server.name.first().copied().unwrap_or_default()),
            (user.is_some(), server.user),
            (password.is_some(), server.password),
        ];
        for (_, missing) in required.iter().filter(|(is_set, _)| !is_set) {
            let wrong = Wrong::new(
                format!("is not set, but {set} is"),
                format!("set {missing}, or set DATABASE_URL instead of {}", server.variables),
            );
            self.refuse(missing, set, wrong);
        }
        let port = self.read(server.port, |text| number(text, 1..=u16::MAX));
        let (Some(host), Some(name), Some(user), Some(password)) = (host, name, user, password) else { return };
        let encoded = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
        let login = match password.as_str() {
            "" => encoded(&user),
            password => format!("{}:{}", encoded(&user), encoded(password)),
        };
        let (place, parameter) = if host.starts_with('/') {
            let place = if server.scheme == "mysql" { "localhost".to_owned() } else { String::new() };
            (place, format!("?{}={}", server.socket, encoded(&host)))
        } else if let Some(host) = host_in_url(&host) {
            (port.map_or_else(|| host.clone(), |port| format!("{host}:{port}")), String::new())
        } else {
            let wrong = Wrong::new("is not the name or the address of a host", format!("the port is {}", server.port));
            let variable = server.host.iter().find(|name| self.get(name).is_some()).copied().unwrap_or_default();
            return self.refuse(variable, variable, wrong);
        };
        let url = format!("{}://{login}@{place}/{}{parameter}", server.scheme, encoded(&name));
        let origin = format!("{} {}", self.place(set), server.variables);
        self.collected.layer.set("database.url", &origin, url);
    }

    fn compose_mail(&mut self) {
        let Some(host) = self.get("SMTP_HOST") else {
            if let Some(name) = ["SMTP_USER", "SMTP_PASSWORD"].into_iter().find(|name| self.get(name).is_some()) {
                let wrong = Wrong::new(
                    format!("is not set, but {name} is, so SMTP_* has no effect"),
                    "set SMTP_HOST, or set MAIL_URL instead",
                );
                let origin = self.place(name).to_owned();
                self.collected.warnings.push(wrong.of("SMTP_HOST", origin));
            }
            return;
        };
        let port = self.read("SMTP_PORT", |text| number(text, 1..=u16::MAX));
        let (starts_tls, is_tls) = (self.read("SMTP_TLS", flag), self.read("SMTP_SSL", flag).unwrap_or(false));
        if is_tls && starts_tls == Some(true) {
            let wrong = Wrong::new(
                "is true, and SMTP_TLS is too",
                "set one of them: SMTP_SSL for TLS from the start (port 465), SMTP_TLS for STARTTLS (port 587)",
            );
            return self.refuse("SMTP_SSL", "SMTP_SSL", wrong);
        }
        let Some(host) = host_in_url(&host) else {
            let wrong = Wrong::new("is not the name or the address of a host", "the port is SMTP_PORT");
            return self.refuse("SMTP_HOST", "SMTP_HOST", wrong);
        };
        let (scheme, parameter) = match starts_tls {
            _ if is_tls => ("smtps", ""),
            Some(true) => ("smtp", "?tls=required"),
            Some(false) => ("smtp", "?tls=none"),
            None => ("smtp", ""),
        };
        let encoded = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
        let login = match (self.get("SMTP_USER"), self.secret("SMTP_PASSWORD").filter(|text| !text.is_empty())) {
            (None, None) => String::new(),
            // The parser of the URL rejects an incomplete login.
            (user, password) => {
                let password = password.map_or_else(String::new, |text| format!(":{}", encoded(&text)));
                format!("{}{password}@", encoded(&user.unwrap_or_default()))
            }
        };
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let origin = format!("{} SMTP_*", self.place("SMTP_HOST"));
        self.collected.layer.set("mail.url", &origin, format!("{scheme}://{login}{host}{port}{parameter}"));
    }

    fn compose_sender(&mut self) {
        let Some(address) = self.get("EMAILS_FROM_EMAIL") else { return };
        let sender = match self.get("EMAILS_FROM_NAME") {
            Some(name) => format!("{name} <{address}>"),
            None => address,
        };
        self.set("mail.from", "EMAILS_FROM_EMAIL", &sender);
    }

    /// Returns a variable, unless it is unset or empty.
    fn get(&self, name: &str) -> Option<String> {
        let secret = || SECRETS.contains(&name).then(|| self.raw(&format!("{name}_FILE"))).flatten();
        self.raw(name).filter(|text| !text.is_empty()).or_else(secret)
    }

    /// Returns a variable, or the content of the file named by `<NAME>_FILE`. The result may be empty, and is empty if
    /// it
    /// was rejected.
    fn secret(&mut self, name: &str) -> Option<String> {
        let file_name = format!("{name}_FILE");
        let file = self.places.iter().rev().find_map(|place| {
            let path = place.get(&file_name).filter(|path| !path.is_empty())?;
            Some((*place, path))
        });
        let value = self.raw(name);
        let Some((place, path)) = file else { return value };
        if value.is_some_and(|value| !value.is_empty()) {
            let wrong = Wrong::new(format!("{file_name} is set as well"), format!("unset {name} or {file_name}"));
            self.refuse(name, name, wrong);
            return Some(String::new());
        }
        Some(place.read_file(name, &file_name, path, &mut self.collected).unwrap_or_default())
    }

    fn read<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Wrong>) -> Option<T> {
        let text = self.get(name)?;
        parse(text.trim()).map_err(|wrong| self.refuse(name, name, wrong)).ok()
    }

    fn set(&mut self, path: &str, name: &str, value: &str) {
        let origin = format!("{} {name}", self.place(name));
        self.collected.layer.set(path, &origin, value);
    }

    fn refuse(&mut self, subject: &str, set: &str, wrong: Wrong) {
        let origin = format!("{} {set}", self.place(set));
        self.collected.problem(wrong.of(subject, origin));
    }

    /// Returns a variable as it is. An empty variable counts as unset, except for passwords.
    fn raw(&self, name: &str) -> Option<String> {
        let values = self.places.iter().filter_map(|place| place.get(name));
        // The last place takes precedence.
        values.max_by_key(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Returns the place where a variable is set.
    fn place(&self, name: &str) -> &str {
        let found = self.places.iter().rev().find(|place| place.get(name).is_some_and(|text| !text.is_empty()));
        found.map_or(".env variable", |place| place.place)
    }
}

/// Returns a host as written in URLs; `None` if it is invalid.
fn host_in_url(host: &str) -> Option<String> {
    let host = host.trim();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if bare.parse::<Ipv6Addr>().is_ok() {
        return Some(format!("[{bare}]"));
    }
    let is_name = !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || "-._".contains(c));
    is_name.then(|| host.to_owned())
}
