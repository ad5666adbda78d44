//! Why a mail server failed: the cause in a sentence, and how to fix it.

use std::{error::Error, fmt, io, time::Duration};

use rustls::Error as TlsError;

use super::{certificate::CertificateFault, reply::Step};

/// The cause of a failure.
#[derive(Debug)]
pub enum Cause {
    /// The name of the host has no address.
    NameUnknown(String),
    /// No program listens on the port.
    Refused,
    /// There is no network route to the host.
    Unreachable(String),
    /// The host did not respond.
    NoConnection,
    /// The server accepted the connection and sent no greeting.
    NoGreeting(Duration),
    /// The server closed the connection.
    Closed,
    /// The server speaks another protocol, with this first line.
    NotSmtp(String),
    /// `smtp://`, but the server speaks TLS from the start.
    TlsFromTheStart,
    /// `smtps://`, but the server speaks SMTP without TLS.
    NoTls,
    /// TLS is required, and the server does not offer STARTTLS.
    StartTlsMissing,
    /// The certificate of the server is rejected.
    Certificate(CertificateFault),
    /// No TLS connection could be agreed upon.
    Handshake(String),
    /// The server offers no supported login mechanism.
    LoginNotOffered,
    /// The server offers a login only after STARTTLS.
    LoginNeedsTls,
    /// The server rejected a command.
    Reply { code: u16, text: String },
    /// The server did not respond within this time.
    Silence(Duration),
    /// The whole attempt took too long.
    Late(Duration),
    /// The response of the server cannot be parsed.
    Garbled(String),
    /// Any other cause.
    Other(String),
}

impl Cause {
    /// Returns the cause of an error of lettre.
    pub fn of(error: &lettre::transport::smtp::Error) -> Self {
        if let Some(code) = error.status() {
            let text = error.source().map_or_else(String::new, ToString::to_string);
            return Self::Reply { code: code.into(), text };
        }
        let mut next: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return Self::of_io(error);
            }
            next = error.source();
        }
        match innermost(error) {
            text if text == INCOMPLETE => Self::Closed,
            text if error.is_response() => Self::Garbled(text),
            text => Self::Other(text),
        }
    }

    /// Returns the cause of an error of the network, or of TLS.
    pub fn of_io(error: &io::Error) -> Self {
        if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
            return Self::of_tls(error);
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::NoConnection,
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Closed,
            io::ErrorKind::InvalidData => Self::Garbled(error.to_string()),
            _ => Self::Unreachable(error.to_string()),
        }
    }

    fn of_tls(error: &TlsError) -> Self {
        match error {
            TlsError::InvalidCertificate(error) => Self::Certificate(CertificateFault::of(error)),
            TlsError::InvalidMessage(_) => Self::Garbled("it is not TLS".to_owned()),
            other => Self::Handshake(other.to_string()),
        }
    }

    /// Returns whether another address of the same host may work.
    pub const fn is_unconnected(&self) -> bool {
        matches!(self, Self::Refused | Self::Unreachable(_) | Self::NoConnection)
    }

    /// Returns whether the server may speak another protocol.
    pub const fn is_puzzling(&self) -> bool {
        matches!(self, Self::NoGreeting(_) | Self::Closed | Self::Garbled(_))
    }

    /// Returns how to fix the cause, unless it concerns only the server and this e-mail.
    pub fn fix(&self, step: Step) -> Option<&'static str> {
        if let Self::Reply { code, text } = self {
            return super::reply::fix(step, *code, text);
        }
        matches!(step, Step::Connect | Step::StartTls | Step::Login).then(|| self.setup_fix())
    }

    const fn setup_fix(&self) -> &'static str {
        match self {
            Self::NameUnknown(_) => "check the host in MAIL_URL or SMTP_HOST, and the DNS of this machine",
            Self::Refused => {
                "check that the server runs, and the port in MAIL_URL or SMTP_PORT: usually 587 for smtp:, 465 for smtps:"
            }
            Self::Unreachable(_) => "check the host in MAIL_URL or SMTP_HOST, and the network of this machine",
            Self::NoConnection => {
                "check host and port in MAIL_URL, and firewalls in between: many hosters block port 25, so use 587 or 465"
            }
            Self::NoGreeting(_) => {
                "check that the port in MAIL_URL is the mail server's; a proxy or firewall may take its connections instead"
            }
            Self::Closed => "check host and port in MAIL_URL; the server, or a proxy, may not let this machine in",
            Self::NotSmtp(_) => "check host and port in MAIL_URL: another program listens there",
            Self::TlsFromTheStart => {
                "write smtps:// instead of smtp:// in MAIL_URL (SMTP_SSL=true); or use the server's port for STARTTLS, usually 587"
            }
            Self::NoTls => {
                "write smtp:// instead of smtps:// in MAIL_URL (SMTP_TLS=true), which uses STARTTLS; or use the server's port for \
                 TLS, usually 465"
            }
            Self::StartTlsMissing => {
                "turn STARTTLS on in the server, or use smtps:// if it has a port for TLS (465); where the network is \
                 trusted and no password is sent, write ?tls=none"
            }
            Self::Certificate(fault) => fault.fix(),
            Self::Handshake(_) => "check that the server speaks TLS 1.2 or 1.3",
            Self::LoginNotOffered => {
                "remove user and password from MAIL_URL if the server needs none; else turn PLAIN or LOGIN on in the server, \
                 or use its port for submission, usually 587 or 465"
            }
            Self::LoginNeedsTls => "add ?tls=required to MAIL_URL (SMTP_TLS=true)",
            Self::Reply { .. } | Self::Silence(_) | Self::Late(_) | Self::Garbled(_) | Self::Other(_) => LOOK_THERE,
        }
    }
}

/// The fix for causes that this client cannot explain.
pub const LOOK_THERE: &str = "check what the server says, and its log";
/// The text of lettre's error when the connection ends before a reply does.
const INCOMPLETE: &str = "incomplete response";

/// Shows the cause, without the fix.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameUnknown(words) => {
                write!(f, "the name of the host cannot be resolved (DNS: {})", one_line(words))
            }
            Self::Refused => f.write_str("the connection was refused: nothing listens there"),
            Self::Unreachable(words) => write!(f, "the server cannot be reached: {}", one_line(words)),
            Self::NoConnection => f.write_str("timeout: the host did not accept a connection in time"),
            Self::NoGreeting(time) => {
                write!(f, "timeout: the server accepted the connection, but sent no greeting within {time:?}")
            }
            Self::Closed => f.write_str("the server closed the connection"),
            Self::NotSmtp(words) => write!(f, "this is not a mail server: it answered {:?}", one_line(words)),
            Self::TlsFromTheStart => f.write_str("the server speaks TLS from the start, which smtp:// does not"),
            Self::NoTls => f.write_str("the server does not speak TLS from the start, which smtps:// does"),
            Self::StartTlsMissing => f.write_str("TLS is required, but the server does not offer STARTTLS"),
            Self::Certificate(fault) => {
                write!(f, "the certificate of the server is rejected: {}", one_line(&fault.to_string()))
            }
            Self::Handshake(words) => write!(f, "no TLS connection could be agreed upon: {}", one_line(words)),
            Self::LoginNotOffered => f.write_str("the server does not offer a login with a password (PLAIN or LOGIN)"),
            Self::LoginNeedsTls => f.write_str("the server offers a login only after STARTTLS"),
            Self::Reply { code, text } => write!(f, "{code} {}", one_line(text)),
            Self::Silence(time) => write!(f, "no answer within {time:?}"),
            Self::Late(time) => write!(f, "not done within {time:?}"),
            Self::Garbled(words) => write!(f, "what the server sent cannot be understood: {}", one_line(words)),
            Self::Other(words) => f.write_str(&one_line(words)),
        }
    }
}

/// Returns the innermost error: the outer ones only refer to it.
fn innermost(error: &dyn Error) -> String {
    std::iter::successors(Some(error), |error| (*error).source()).last().unwrap_or(error).to_string()
}

fn one_line(text: &str) -> String {
    const LONGEST: usize = 300;
    let line: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    line.join(" ").chars().take(LONGEST).collect()
}
