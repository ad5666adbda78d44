//! E-mail addresses. Two addresses belong to the same account if their keys are equal, byte for byte, on every
//! database.

use std::fmt;

use idna::AsciiDenyList;

use crate::{Invalid, kept::kept_as_text};

kept_as_text!(Email);

/// An e-mail address as its owner wrote it, with the canonical form that must be unique.
///
/// A domain that is not in the normal form of UTS 46 is converted to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    address: String,
    key: String,
}

impl Email {
    /// The maximum length of a whole address, in bytes (RFC 5321 section 4.5.3.1.3, less the angle brackets).
    pub const MAX_LENGTH: usize = 254;
    const MAX_LOCAL_LENGTH: usize = 64;

    /// Parses an address. Surrounding white space is removed; the case of letters is preserved.
    ///
    /// The local part is a dot-atom of ASCII characters (RFC 5322 section 3.2.3). The domain has at least two labels
    /// and may be internationalized: all spellings that UTS 46 maps to the same A-labels are the same domain.
    ///
    /// # Errors
    /// Returns the violated rule as [`Invalid`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let address = text.trim_matches([' ', '\t', '\r', '\n']);
        if address.len() > Self::MAX_LENGTH {
            return Err(Invalid::TooLong { max: Self::MAX_LENGTH });
        }
        let (local, domain) =
            address.rsplit_once('@').ok_or(Invalid::Malformed("must be an e-mail address, such as ada@example.com"))?;
        if !is_local_part(local) {
            return Err(Invalid::Malformed("the part before the @ is not valid in an e-mail address"));
        }
        let domain = Domain::parse(domain).ok_or(Invalid::Malformed("the part after the @ is not a domain name"))?;
        let (address, key) =
            (format!("{local}@{}", domain.shown), format!("{}@{}", local.to_ascii_lowercase(), domain.ascii));
        if address.len() > Self::MAX_LENGTH || key.len() > Self::MAX_LENGTH {
            return Err(Invalid::TooLong { max: Self::MAX_LENGTH });
        }
        Ok(Self { address, key })
    }

    /// Returns the address as its owner wrote it: for sending mail and for display.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// Returns the canonical form: lower case, with the domain in A-labels (RFC 5890). Equal keys are the same address.
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

/// The domain of an address.
struct Domain {
    /// Lower-case A-labels.
    ascii: String,
    /// As written if that is the normal form, otherwise the normal form. Look-alikes are therefore never shown: UTS 46
    /// maps `K` (U+212A) to `k`.
    shown: String,
}

impl Domain {
    /// Parses a domain; `None` if it is not a host name of two or more labels.
    fn parse(domain: &str) -> Option<Self> {
        let ascii = idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::STD3).ok()?;
        let (unicode, valid) = idna::domain_to_unicode(&ascii);
        valid.ok()?;
        let is_label =
            |label: &str| !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-');
        let top = ascii.rsplit('.').next()?;
        let is_host =
            ascii.contains('.') && ascii.split('.').all(is_label) && !top.bytes().all(|byte| byte.is_ascii_digit());
        let lower = domain.to_ascii_lowercase();
        let shown = if unicode == lower || ascii == lower { domain.to_owned() } else { unicode };
        is_host.then(|| Self { ascii: ascii.into_owned(), shown })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        Email::parse(text).unwrap().key
    }

    #[test]
    fn an_address_is_compared_case_insensitively_and_shown_as_written() {
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
    fn all_spellings_that_uts_46_maps_to_one_domain_are_equal() {
        for (normal, spellings) in [
            (
                "x@münchen.de",
                &[
                    "x@MÜNCHEN.de",
                    "x@München.DE",
                    "x@mu\u{308}nchen.de",
                    "X@MU\u{308}NCHEN.DE",
                    "x@xn--mnchen-3ya.de",
                    "x@XN--MNCHEN-3YA.DE",
                    "x@ｍünchen.de",
                    "x@mün\u{ad}chen.de",
                    "x@münchen。de",
                ][..],
            ),
            ("x@한글.kr", &["x@\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}.kr", "x@xn--bj0bj06e.kr"]),
            ("x@ångström.example", &["x@ÅNGSTRÖM.example", "x@\u{212b}ngstro\u{308}m.example"]),
            ("x@kelvin.example", &["x@\u{212a}elvin.example", "x@KELVIN.example"]),
            ("x@fish.example", &["x@ﬁsh.example"]),
        ] {
            for spelling in spellings {
                assert_eq!(key(spelling), key(normal), "{spelling}");
            }
        }
        assert_ne!(key("x@straße.example"), key("x@strasse.example"), "UTS 46, not transitional");
    }

    #[test]
    fn a_domain_is_shown_in_its_normal_form() {
        for (written, shown) in [
            ("X@MÜNCHEN.de", "X@münchen.de"),
            ("x@mu\u{308}nchen.de", "x@münchen.de"),
            ("x@\u{212a}elvin.example", "x@kelvin.example"),
            ("x@münchen.DE", "x@münchen.DE"),
            ("x@xn--mnchen-3ya.de", "x@xn--mnchen-3ya.de"),
            ("Ada@Example.COM", "Ada@Example.COM"),
        ] {
            assert_eq!(Email::parse(written).unwrap().as_str(), shown, "{written}");
        }
    }

    #[test]
    fn a_local_part_that_is_not_ascii_is_rejected() {
        for address in ["\u{212a}@x.example", "ı@x.example", "ﬁ@x.example", "ä@x.example"] {
            assert!(Email::parse(address).is_err(), "{address}");
        }
    }

    #[test]
    fn an_invalid_address_is_rejected() {
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
            "a@xn--a.example",
            "a@\u{301}a.example",
            "a@a\u{200b}\u{2028}b.example",
            "a@１２７.０.０.１",
            "a@exa\u{2003}mple.com",
            "a@ⅰ/ⅱ.example",
            "a\r\nBcc: b@example.com",
            &long_local,
            &long,
        ] {
            assert!(Email::parse(address).is_err(), "{address:?}");
        }
    }
}
