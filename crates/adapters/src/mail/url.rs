//! `MAIL_URL`: the destination of e-mails. It may contain a password, which no message or output shows.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr};

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use url::{Host, Url};

/// The destination of e-mails.
#[derive(Clone)]
pub enum MailUrl {
    /// `smtps://user:password@host:465`, `smtp://user:password@host:587`.
    Smtp(SmtpUrl),
    /// `file:FOLDER`.
    File(PathBuf),
}

/// The mail server, and how to connect to it.
#[derive(Clone)]
pub struct SmtpUrl {
    host: Host,
    port: u16,
    encryption: Encryption,
    login: Option<Login>,
}

#[derive(Clone)]
pub(super) struct Login {
    pub user: String,
    pub password: SecretString,
}

/// When TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Before any SMTP command (RFC 8314): `smtps://`.
    FromTheStart,
    /// After STARTTLS (RFC 3207), which is mandatory: `smtp://`.
    StartTls,
    /// Never: `smtp://…?tls=none`, and `smtp://` to the local machine.
    Never,
}

/// Why a text is not a valid `MAIL_URL`. Contains no part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MailUrlError {
    #[error("does not start with smtps:, smtp: or file:")]
    SchemeUnknown,
    #[error("does not name a folder")]
    FolderMissing,
    #[error("is not a URL with a host; in a user and a password, `@ : / ? # %` are written %40 %3A %2F %3F %23 %25")]
    NoHost,
    #[error("has more than user, password, host, port and ?tls=required or ?tls=none, which smtps: does not need")]
    TooMuch,
    #[error("has a user without a password, or a password without a user")]
    HalfALogin,
    #[error("has a user or a password that is not UTF-8 or has control characters")]
    LoginUnreadable,
    #[error("would send its password over a network without encryption")]
    PasswordInClear,
}

impl FromStr for MailUrl {
    type Err = MailUrlError;

    fn from_str(text: &str) -> Result<Self, MailUrlError> {
        let (scheme, rest) = text.split_once(':').ok_or(MailUrlError::SchemeUnknown)?;
        match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                let folder = rest.strip_prefix("//").unwrap_or(rest);
                if folder.is_empty() { Err(MailUrlError::FolderMissing) } else { Ok(Self::File(folder.into())) }
            }
            "smtp" | "smtps" => SmtpUrl::read(&Url::parse(text).map_err(|_| MailUrlError::NoHost)?).map(Self::Smtp),
            _ => Err(MailUrlError::SchemeUnknown),
        }
    }
}

impl SmtpUrl {
    fn read(url: &Url) -> Result<Self, MailUrlError> {
        let host = url.host_str().and_then(|host| Host::parse(host).ok()).ok_or(MailUrlError::NoHost)?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(MailUrlError::TooMuch);
        }
        let encryption = match (url.scheme(), url.query()) {
            ("smtps", None) => Encryption::FromTheStart,
            ("smtp", Some("tls=none")) => Encryption::Never,
            ("smtp", None) if is_here(&host) => Encryption::Never,
            ("smtp", None | Some("tls=required")) => Encryption::StartTls,
            _ => return Err(MailUrlError::TooMuch),
        };
        let port = url.port().unwrap_or(if encryption == Encryption::FromTheStart { 465 } else { 587 });
        let url = Self { login: login(url)?, host, port, encryption };
        if url.login.is_some() && url.is_overheard() { Err(MailUrlError::PasswordInClear) } else { Ok(url) }
    }

    /// Returns whether third parties can read the connection.
    #[must_use]
    pub fn is_overheard(&self) -> bool {
        self.encryption == Encryption::Never && !is_here(&self.host)
    }

    /// Returns when TLS begins.
    #[must_use]
    pub const fn encryption(&self) -> Encryption {
        self.encryption
    }

    /// Returns the host as resolvers and certificates write it: without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) const fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// Returns `host:port`.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl Login {
    /// Returns the forms of the password that a server could quote in a reply.
    pub(super) fn secrets(&self) -> Vec<String> {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let password = self.password.expose_secret();
        let plain = format!("\0{}\0{password}", self.user);
        vec![password.to_owned(), BASE64_STANDARD.encode(password), BASE64_STANDARD.encode(plain)]
    }
}

/// Returns whether connections to this host stay on this machine. A name other than `localhost` may point anywhere.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => IpAddr::from(*address).to_canonical().is_loopback(),
    }
}

fn login(url: &Url) -> Result<Option<Login>, MailUrlError> {
    let decoded = |text: &str| -> Result<String, MailUrlError> {
        let text = percent_decode_str(text).decode_utf8().map_err(|_| MailUrlError::LoginUnreadable)?;
        if text.chars().any(char::is_control) { Err(MailUrlError::LoginUnreadable) } else { Ok(text.into_owned()) }
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) | (_, None | Some("")) => Err(MailUrlError::HalfALogin),
        (user, Some(password)) => Ok(Some(Login { user: decoded(user)?, password: decoded(password)?.into() })),
    }
}

/// Formats the URL without user and password.
impl fmt::Display for MailUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Smtp(url) => url.fmt(f),
            Self::File(folder) => write!(f, "file:{}", folder.display()),
        }
    }
}

/// Formats the URL without user and password.
impl fmt::Display for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.encryption == Encryption::FromTheStart { "smtps" } else { "smtp" };
        write!(f, "{scheme}://{}", self.place())
    }
}

impl fmt::Debug for MailUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailUrl({self})")
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn smtp(text: &str) -> SmtpUrl {
        match text.parse() {
            Ok(MailUrl::Smtp(url)) => url,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_url_defines_server_and_encryption() {
        for (text, shown, encryption) in [
            ("smtps://mail.example.com", "smtps://mail.example.com:465", Encryption::FromTheStart),
            ("SMTPS://u:p@mail.example.com:4650/", "smtps://mail.example.com:4650", Encryption::FromTheStart),
            ("smtp://u:p@Bücher.example", "smtp://xn--bcher-kva.example:587", Encryption::StartTls),
            ("smtp://10.0.0.5:25", "smtp://10.0.0.5:25", Encryption::StartTls),
            ("smtp://relay:25?tls=none", "smtp://relay:25", Encryption::Never),
            ("smtp://u:p@localhost:1025", "smtp://localhost:1025", Encryption::Never),
            ("smtp://u:p@[::1]:1025", "smtp://[::1]:1025", Encryption::Never),
            ("smtp://127.0.0.1?tls=required", "smtp://127.0.0.1:587", Encryption::StartTls),
            ("smtp://localhost.example.com", "smtp://localhost.example.com:587", Encryption::StartTls),
        ] {
            let url = smtp(text);
            assert_eq!((url.to_string(), url.encryption()), (shown.to_owned(), encryption), "{text}");
        }
        assert_eq!(smtp("smtp://[::1]").host(), "::1");
        assert!(smtp("smtp://relay?tls=none").is_overheard() && !smtp("smtp://127.0.0.1?tls=none").is_overheard());
        for (text, folder) in [("file:mails", "mails"), ("file:///var/mails", "/var/mails"), ("FILE:./x", "./x")] {
            assert!(matches!(text.parse(), Ok(MailUrl::File(path)) if path == std::path::Path::new(folder)), "{text}");
        }
    }

    #[test]
    fn a_login_is_decoded_once() {
        for (text, user, password) in [
            ("smtps://ada%40example.com:p%3Aq%2Fr%25@h", "ada@example.com", "p:q/r%"),
            ("smtps://u:p@q@h", "u", "p@q"),
            ("smtps://u:gr%C3%BC%C3%9Fe@h", "u", "grüße"),
        ] {
            let url = smtp(text);
            let login = url.login().unwrap();
            assert_eq!((login.user.as_str(), login.password.expose_secret()), (user, password), "{text}");
        }
    }

    #[test]
    fn invalid_mail_urls_are_rejected() {
        for (text, error) in [
            ("", MailUrlError::SchemeUnknown),
            ("mail.example.com", MailUrlError::SchemeUnknown),
            ("http://mail.example.com", MailUrlError::SchemeUnknown),
            ("file:", MailUrlError::FolderMissing),
            ("file://", MailUrlError::FolderMissing),
            ("smtp:", MailUrlError::NoHost),
            ("smtps:mail.example.com", MailUrlError::NoHost),
            ("smtps://", MailUrlError::NoHost),
            ("smtps://u:p@:465", MailUrlError::NoHost),
            ("smtps://a b", MailUrlError::NoHost),
            ("smtps://h:99999", MailUrlError::NoHost),
            ("smtps://u:pass/word@h", MailUrlError::NoHost),
            ("smtps://u:1/word@h", MailUrlError::TooMuch),
            ("smtps://h/path", MailUrlError::TooMuch),
            ("smtps://h#x", MailUrlError::TooMuch),
            ("smtps://h?tls=none", MailUrlError::TooMuch),
            ("smtp://h?tls=opportunistic", MailUrlError::TooMuch),
            ("smtps://user@h", MailUrlError::HalfALogin),
            ("smtps://user:@h", MailUrlError::HalfALogin),
            ("smtps://:password@h", MailUrlError::HalfALogin),
            ("smtps://u:%FF@h", MailUrlError::LoginUnreadable),
            ("smtps://u:a%00b@h", MailUrlError::LoginUnreadable),
            ("smtps://u%0D%0AQUIT:p@h", MailUrlError::LoginUnreadable),
            ("smtp://u:p@h?tls=none", MailUrlError::PasswordInClear),
        ] {
            assert_eq!(text.parse::<MailUrl>().map(drop), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn passwords_are_never_shown(before in "[ -~]{0,6}", behind in "[ -~]{0,6}", place in "[a-z:/?#@.]{0,8}") {
            if let Ok(url) = format!("smtps://u:{before}canary{behind}@{place}").parse::<MailUrl>() {
                prop_assert!(!format!("{url} {url:?}").contains("canary"), "{:?}", url);
            }
        }
    }
}
