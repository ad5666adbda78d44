//! E-mail addresses. Two addresses are one account when their keys are equal, byte for byte, on every database.

use std::fmt;

use idna::AsciiDenyList;

use crate::{Invalid, kept::kept_as_text};

kept_as_text!(Email);

/// An e-mail address as its owner wrote it, and the canonical form under which it is unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    address: String,
    key: String,
}

impl Email {
    /// The largest length of a whole address, in bytes (RFC 5321 section 4.5.3.1.3, less the angle brackets).
    pub const MAX_LENGTH: usize = 254;
    const MAX_LOCAL_LENGTH: usize = 64;

    /// Reads an address: spaces around it are dropped, letters keep their case.
    ///
    /// The local part is a dot-atom of ASCII (RFC 5322 section 3.2.3); the domain has at least two labels and may be
    /// international, written in its normal form.
    ///
    /// # Errors
    /// [`Invalid`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let address = text.trim_matches([' ', '\t', '\r', '\n']);
        if text.len() > Self::MAX_LENGTH {
            return Err(Invalid::TooLong { max: Self::MAX_LENGTH });
        }
        let (local, domain) =
            address.rsplit_once('@').ok_or(Invalid::Malformed("must be an e-mail address, such as ada@example.com"))?;
        if !is_local_part(local) {
            return Err(Invalid::Malformed("the part before the @ is not one that mail servers accept"));
        }
        let domain_key =
            canonical_domain(domain).ok_or(Invalid::Malformed("the part after the @ is not a domain name"))?;
        let key = format!("{}@{domain_key}", local.to_ascii_lowercase());
        if key.len() > Self::MAX_LENGTH {
            return Err(Invalid::TooLong { max: Self::MAX_LENGTH });
        }
        Ok(Self { address: address.to_owned(), key })
    }

    /// The address as its owner wrote it: where mail goes, and what people see.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The canonical form: lower case, the domain in A-labels (RFC 5890). Equal keys are the same address.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

fn is_local_part(local: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    local.len() <= Email::MAX_LOCAL_LENGTH && local.split('.').all(is_atom)
}

/// The domain in lower-case A-labels; `None` if it is no host name, or not written in its normal form: `K` (U+212A)
/// would be read as `k`, and a look-alike must not become somebody else's address.
fn canonical_domain(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::STD3).ok()?;
    let (unicode, valid) = idna::domain_to_unicode(&ascii);
    let lower = domain.to_ascii_lowercase();
    let is_normal = valid.is_ok() && (unicode == lower || ascii == lower);
    let is_label =
        |label: &str| !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-');
    let top = ascii.rsplit('.').next()?;
    let is_host =
        ascii.contains('.') && ascii.split('.').all(is_label) && !top.bytes().all(|byte| byte.is_ascii_digit());
    (is_normal && is_host).then(|| ascii.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        Email::parse(text).unwrap().key
    }

    #[test]
    fn an_address_is_compared_without_case_and_shown_as_written() {
        let email = Email::parse("  Ada.Lovelace@Example.COM ").unwrap();
        assert_eq!(email.as_str(), "Ada.Lovelace@Example.COM");
        assert_eq!(email.key(), "ada.lovelace@example.com");
    }

    #[test]
    fn an_international_domain_equals_its_a_labels() {
        assert_eq!(key("a@bücher.example"), key("a@xn--bcher-kva.example"));
        assert_ne!(key("a@bücher.example"), key("a@bucher.example"));
    }

    #[test]
    fn look_alikes_are_refused() {
        for address in
            ["\u{212a}@x.example", "a@\u{212a}.example", "ı@x.example", "ﬁ@x.example", "a@ﬁ.example", "ä@x.example"]
        {
            assert!(Email::parse(address).is_err(), "{address}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}.com", "b.".repeat(130));
        for address in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "a b@example.com",
            ".a@example.com",
            "a.@example.com",
            "a..b@example.com",
            "a@b@example.com",
            "a@-b.com",
            "a@b-.com",
            "a@exa mple.com",
            "a@127.0.0.1",
            "a@[127.0.0.1]",
            "a@example.com\0",
            "a@example..com",
            "a@.com",
            "a\r\nBcc: b@example.com",
            &long_local,
            &long,
        ] {
            assert!(Email::parse(address).is_err(), "{address:?}");
        }
    }
}
