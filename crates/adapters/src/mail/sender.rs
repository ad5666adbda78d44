//! `MAIL_FROM`: the sender of e-mails. It is configured, and ASCII on the wire like any other address.

use std::{fmt, str::FromStr};

use lettre::{Address, message::Mailbox};
use thiserror::Error;

const NOWHERE: &str = "localhost";

/// A sender address with an optional name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(Mailbox);

/// Why a text is not a valid sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SenderError {
    #[error("is neither one e-mail address nor Name <address>")]
    NoAddress,
    #[error("has a name with `<`, `>` or control characters")]
    NoName,
}

impl FromStr for Sender {
    type Err = SenderError;

    fn from_str(text: &str) -> Result<Self, SenderError> {
        let (name, address) = match text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, address)) => (name.trim(), address),
            None => ("", text.trim()),
        };
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        if name.contains(['<', '>']) || name.chars().any(char::is_control) {
            return Err(SenderError::NoName);
        }
        let (user, domain) = address.rsplit_once('@').ok_or(SenderError::NoAddress)?;
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| SenderError::NoAddress)?;
        let address = Address::new(user, domain).map_err(|_| SenderError::NoAddress)?;
        if !address.user().is_ascii() || user.contains(['"', ' ']) {
            return Err(SenderError::NoAddress);
        }
        Ok(Self(Mailbox::new((!name.is_empty()).then(|| name.to_owned()), address)))
    }
}

/// A placeholder address without a mailbox.
impl Default for Sender {
    fn default() -> Self {
        Self(Address::new_dangerous("noreply", NOWHERE).into())
    }
}

impl Sender {
    /// Returns whether this is the placeholder: no server has a mailbox for it, and few servers accept its e-mails.
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        self.domain() == NOWHERE
    }

    /// Returns the part after the `@`, in A-labels.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.email.domain()
    }

    pub(super) const fn mailbox(&self) -> &Mailbox {
        &self.0
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_an_address_with_an_optional_name() {
        for (text, name, address) in [
            ("a@example.com", None, "a@example.com"),
            ("<a@example.com>", None, "a@example.com"),
            ("Keepstone <noreply@localhost>", Some("Keepstone"), "noreply@localhost"),
            ("Acme, Inc. <a@example.com>", Some("Acme, Inc."), "a@example.com"),
            ("\"Acme, Inc.\" <a@example.com>", Some("Acme, Inc."), "a@example.com"),
            (" Grüße  <a@Bücher.example> ", Some("Grüße"), "a@xn--bcher-kva.example"),
        ] {
            let sender: Sender = text.parse().unwrap();
            assert_eq!((sender.0.name.as_deref(), sender.0.email.to_string().as_str()), (name, address), "{text}");
        }
    }

    #[test]
    fn invalid_senders_are_rejected() {
        for text in [
            "",
            "nowhere",
            "@example.com",
            "a@",
            "a@b@example.com",
            "a@example.com, b@example.com",
            "a@example.com b@example.com",
            "Ada <a@example.com>, Bob <b@example.com>",
            "<a@example.com> <b@example.com>",
            "Ada\r\nBcc: x <a@example.com>",
            "a\r\n@example.com",
            "a@example.com\r\nBcc: b@example.com",
            "ä@example.com",
            "\"a b\"@example.com",
            "a@exa mple.com",
            "Ada <a@example.com",
        ] {
            assert!(text.parse::<Sender>().is_err(), "{text:?}");
        }
    }
}
