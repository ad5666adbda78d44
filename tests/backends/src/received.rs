//! A received e-mail.

use serde::Deserialize;

/// A received e-mail. All fields except `raw` were parsed by Python's e-mail parser.
#[derive(Debug, Clone, Deserialize)]
pub struct Received {
    /// The address in MAIL FROM.
    pub from: String,
    /// The address in each RCPT TO.
    pub to: Vec<String>,
    /// The e-mail as received, with a character for each byte.
    pub raw: String,
    /// The decoded headers.
    pub headers: Vec<(String, String)>,
    /// The plain text, decoded.
    pub text: String,
    /// The HTML, decoded.
    pub html: String,
    /// The defects that the parser found.
    pub defects: Vec<String>,
    /// Whether the server confirmed the e-mail.
    pub answered: bool,
}

impl Received {
    /// Returns the value of a header, which must occur exactly once.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (Some((_, value)), None) => value,
            (found, _) => panic!("{} of {name}: {:?}", if found.is_some() { "several" } else { "none" }, self.headers),
        }
    }
}
