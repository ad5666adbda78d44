//! What a mail server has received.

use serde::Deserialize;

/// An e-mail that was received. Everything but `raw` was read by Python's own parser.
#[derive(Debug, Clone, Deserialize)]
pub struct Received {
    /// As MAIL FROM said.
    pub from: String,
    /// As each RCPT TO said.
    pub to: Vec<String>,
    /// As it came, a character for each byte.
    pub raw: String,
    /// Decoded.
    pub headers: Vec<(String, String)>,
    /// The plain text, decoded.
    pub text: String,
    /// The HTML, decoded.
    pub html: String,
    /// What the parser found wrong with it.
    pub defects: Vec<String>,
    /// Whether the sender was told that it was received.
    pub answered: bool,
}

impl Received {
    /// The value of a header that there is only once.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (Some((_, value)), None) => value,
            (found, _) => panic!("{} of {name}: {:?}", if found.is_some() { "several" } else { "none" }, self.headers),
        }
    }
}
