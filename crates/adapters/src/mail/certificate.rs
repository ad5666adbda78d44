//! The faults of a mail server's certificate.

use std::fmt;

use chrono::{DateTime, Utc};
use rustls::{CertificateError, pki_types::UnixTime};

/// Why a certificate is rejected.
#[derive(Debug)]
pub enum CertificateFault {
    /// It was not signed by a known authority.
    AuthorityUnknown,
    /// It is its own authority.
    SelfSigned,
    /// It is for these other names.
    OtherName(String),
    /// It expired at this time.
    Expired(Option<UnixTime>),
    /// It is not valid before this time.
    NotYetValid(Option<UnixTime>),
    /// Anything else.
    Other(String),
}

impl CertificateFault {
    pub fn of(error: &CertificateError) -> Self {
        use CertificateError as E;
        match error {
            // Another authority with the same name has another key.
            E::UnknownIssuer | E::BadSignature => Self::AuthorityUnknown,
            E::NotValidForName => Self::OtherName("another name".to_owned()),
            E::NotValidForNameContext { presented, .. } => Self::OtherName(names(presented)),
            E::Expired => Self::Expired(None),
            E::ExpiredContext { not_after, .. } => Self::Expired(Some(*not_after)),
            E::NotValidYet => Self::NotYetValid(None),
            E::NotValidYetContext { not_before, .. } => Self::NotYetValid(Some(*not_before)),
            // The verifier reports this case only by this text.
            E::Other(error) if error.to_string() == "CaUsedAsEndEntity" => Self::SelfSigned,
            other => Self::Other(other.to_string()),
        }
    }

    pub const fn fix(&self) -> &'static str {
        match self {
            Self::AuthorityUnknown => {
                "set MAIL_CA_FILE to a file with the certificate of its authority (PEM); the server has to send its \
                 intermediate certificates"
            }
            Self::SelfSigned => {
                "install a server certificate that is not an authority's (CA:FALSE), and set MAIL_CA_FILE to the file \
                 of its authority"
            }
            Self::OtherName(_) => "use a host in MAIL_URL that the certificate is for, or renew the certificate",
            Self::Expired(_) => "renew the certificate of the server, and check the clock of this machine",
            Self::NotYetValid(_) => "check the clocks of this machine and of the one that created the certificate",
            Self::Other(_) => "install a server certificate of an authority that this machine, or MAIL_CA_FILE, has",
        }
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthorityUnknown => f.write_str("no known authority has signed it"),
            Self::SelfSigned => f.write_str("it is self-signed, and an authority's instead of a server's"),
            Self::OtherName(names) => write!(f, "it is for {names}, not for the host of MAIL_URL"),
            Self::Expired(time) => write!(f, "it has expired{}", on(*time)),
            Self::NotYetValid(time) => write!(f, "it is not valid yet{}", on(*time)),
            Self::Other(words) => f.write_str(words),
        }
    }
}

/// Returns the names in a certificate, which the verifier writes as `DnsName("…")`.
fn names(presented: &[String]) -> String {
    const MOST: usize = 5;
    let quoted = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
    match presented {
        [] => "no name".to_owned(),
        names => names.iter().take(MOST).map(quoted).collect::<Vec<_>>().join(", "),
    }
}

fn on(time: Option<UnixTime>) -> String {
    let seconds = time.and_then(|time| i64::try_from(time.as_secs()).ok());
    let time: Option<DateTime<Utc>> = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    time.map_or_else(String::new, |time| format!(" ({})", time.format("%Y-%m-%d")))
}
