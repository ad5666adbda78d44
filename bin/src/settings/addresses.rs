//! Addresses of services, scripts, browser origins and proxies. A URL may contain a password, which is never shown.

use std::fmt;
use std::net::IpAddr;

use base64::{Engine, prelude::BASE64_STANDARD};
use regex::Regex;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::problems::{Wrong, quoted};

/// The address of a service, possibly with a password.
#[derive(Clone)]
pub struct ServiceUrl {
    raw: SecretString,
    shown: String,
}

impl ServiceUrl {
    /// Returns the whole address, for connecting.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.raw.expose_secret()
    }

    /// Parses an address with one of these schemes.
    pub(super) fn read(text: &str, schemes: &[&str]) -> Result<Self, Wrong> {
        let fix =
            || format!("write it as {}", schemes.iter().map(|scheme| example(scheme)).collect::<Vec<_>>().join(" or "));
        let scheme = text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default();
        if !schemes.contains(&scheme.as_str()) {
            return Err(Wrong::new("does not start with a known scheme", fix()));
        }
        let raw = SecretString::from(text);
        if let Some(folder) = text.get(..5).filter(|start| start.eq_ignore_ascii_case("file:")).and(text.get(5..)) {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            let named = !folder.is_empty();
            return if named {
                Ok(Self { raw, shown: format!("file:{folder}") })
            } else {
                Err(Wrong::new("does not name a folder", fix()))
            };
        }
        let url = Url::parse(text).ok().filter(|url| url.host_str().is_some_and(|host| !host.is_empty()));
        let url = url.ok_or_else(|| Wrong::new("is not a URL with a host", fix()))?;
        Ok(Self { raw, shown: without_secrets(&url) })
    }
}

fn example(scheme: &str) -> String {
    match scheme {
        "file" => "file:FOLDER".to_owned(),
        "s3" => "s3://BUCKET".to_owned(),
        "http" | "https" => format!("{scheme}://HOST"),
        _ => format!("{scheme}://USER:PASSWORD@HOST:PORT"),
    }
}

fn without_secrets(url: &Url) -> String {
    let behind = [Some(url.path()), url.query(), url.fragment()];
    if behind.into_iter().flatten().any(|part| part.contains('@')) {
        // An `@` this late means that the parser split the password.
        return format!("{}://***", url.scheme());
    }
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceUrl({self})")
    }
}

/// A script that a page loads, with its hash behind a `#`: `https://host/file.js#sha384-…`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// The address without the hash.
    pub url: String,
    /// The hash, as a browser compares it.
    pub integrity: Option<String>,
}

impl Script {
    /// Parses a path of this host, or an address of another host with a hash. The hash is required because the other
    /// host
    /// may be run by someone else.
    pub(super) fn read(text: &str) -> Result<Self, Wrong> {
        let wrong = |why: &str| {
            let fix = "write https://HOST/FILE.js#sha384-HASH, or /FILE.js; `openssl dgst -sha384 -binary FILE.js | openssl \
                        base64 -A` prints the hash";
            Wrong::new(format!("{} {why}", quoted(text)), fix)
        };
        let (address, hash) = text.split_once('#').map_or((text, None), |(address, hash)| (address, Some(hash)));
        if address.contains([';', ',', '\'', '"', '<', '>', '\\']) || address.contains(char::is_whitespace) {
            return Err(wrong("has characters that an address in a page cannot have"));
        }
        let is_local = address.starts_with('/') && !address.starts_with("//");
        let is_remote = Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        match hash {
            _ if !is_local && !is_remote => Err(wrong("is not the address of a script")),
            Some(hash) if !is_hash(hash) => Err(wrong("has no valid hash after the #")),
            None if is_remote => Err(wrong("is on another host, and has no hash")),
            _ => Ok(Self { url: address.to_owned(), integrity: hash.map(str::to_owned) }),
        }
    }
}

/// Returns whether this is `sha256-`, `sha384-` or `sha512-` with the right number of bytes in base64.
fn is_hash(text: &str) -> bool {
    let bytes = |encoded: &str| BASE64_STANDARD.decode(encoded).map_or(0, |bytes| bytes.len());
    match text.split_once('-') {
        Some(("sha256", encoded)) => bytes(encoded) == 32,
        Some(("sha384", encoded)) => bytes(encoded) == 48,
        Some(("sha512", encoded)) => bytes(encoded) == 64,
        _ => false,
    }
}

/// The browser origins that may send requests with credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// `*`: every origin, without credentials.
    Any,
    /// A list of origins, exactly as browsers send them in `Origin`.
    Listed(Vec<String>),
}

impl Origins {
    /// Parses the items of a list, and returns an error for each one that is not an origin.
    pub(super) fn read(items: &[String]) -> (Self, Vec<Wrong>) {
        if let [item] = items
            && item == "*"
        {
            return (Self::Any, Vec::new());
        }
        let (mut origins, mut wrongs) = (Vec::new(), Vec::new());
        for item in items {
            match origin(item.trim()) {
                Ok(origin) if origins.contains(&origin) => {}
                Ok(origin) => origins.push(origin),
                Err(wrong) => wrongs.push(wrong),
            }
        }
        (Self::Listed(origins), wrongs)
    }

    /// Adds the origin of a page with this URL.
    pub(super) fn allow(&mut self, url: &str) {
        let root: Vec<&str> = url.splitn(4, '/').take(3).collect();
        if let (Self::Listed(origins), Ok(origin)) = (self, origin(&root.join("/")))
            && !origins.contains(&origin)
        {
            origins.push(origin);
        }
    }
}

/// Parses a pattern of origins, anchored to match whole origins only.
pub(super) fn origin_regex(text: &str) -> Result<Regex, Wrong> {
    let fix = r"write a regular expression of whole origins, such as https://pr-\d+\.example\.com";
    let wrong = |error: regex::Error| {
        let why = error.to_string();
        Wrong::new(
            format!("{} is not a regular expression: {}", quoted(text), why.lines().last().unwrap_or_default()),
            fix,
        )
    };
    Regex::new(text).map_err(wrong)?;
    Regex::new(&format!("^(?:{text})$")).map_err(wrong)
}

/// Parses `scheme://host[:port]` as browsers write it: lower case, punycode, without a default port.
fn origin(text: &str) -> Result<String, Wrong> {
    let wrong = |why: &str| {
        Wrong::new(
            format!("{} {why}", quoted(text)),
            "write scheme://host or scheme://host:port, such as https://app.example.com",
        )
    };
    match text {
        "*" => return Err(wrong("cannot be combined with other origins")),
        "null" => return Err(wrong("is the origin of sandboxed pages and local files, so any website could send it")),
        _ if text.contains('*') => return Err(wrong("has a wildcard, which no browser sends; list each origin")),
        _ => {}
    }
    if !text.contains("://") {
        return Err(wrong("has no scheme"));
    }
    let url = Url::parse(text).map_err(|_| wrong("is not a URL"))?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("has no host"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("has a user or a password"));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has more than scheme, host and port"));
    }
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    Ok(format!("{}://{host}{port}", url.scheme()))
}

/// An address, or a network in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// An address in the network.
    pub address: IpAddr,
    /// The number of leading bits that count.
    pub prefix: u8,
}

impl Network {
    pub(super) fn read(text: &str) -> Result<Self, Wrong> {
        let wrong = || {
            Wrong::new(
                format!("{} is not an address or network", quoted(text)),
                "write 10.0.0.1, 10.0.0.0/8 or fd00::/8",
            )
        };
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), |prefix| prefix.trim().parse().map_err(|_| wrong()))?;
        if prefix <= longest { Ok(Self { address, prefix }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Parses the public address of this server, and removes a slash at the end. An error does not show the value, because
/// it may contain a password.
pub(super) fn public_url(text: &str) -> Result<String, Wrong> {
    let wrong = |why: &str| Wrong::new(why, "write https://HOST or https://HOST/PATH");
    let url = Url::parse(text).map_err(|_| wrong("is not a URL"))?;
    let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"));
    let host = host.ok_or_else(|| wrong("does not start with https:// or http://"))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has more than scheme, host, port and path"));
    }
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    Ok(format!("{}://{host}{port}{}", url.scheme(), url.path().trim_end_matches('/')))
}

/// Parses an IP address, and removes its brackets, or the name of a host.
pub(super) fn host(text: &str) -> Result<String, Wrong> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let named = !text.contains([':', '/', '@']) && Host::parse(text).is_ok();
    if bare.parse::<IpAddr>().is_ok() || named {
        return Ok(bare.to_owned());
    }
    Err(Wrong::new(
        format!("{} is not an address to listen on", quoted(text)),
        "use an IP address such as 127.0.0.1, 0.0.0.0 or ::1, or localhost; the port is PORT",
    ))
}
