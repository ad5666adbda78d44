//! The parts of an e-mail that users may write: a subject of one line and a text body. Neither can end a header, and no
//! other header contains text of a user.

use crate::{Invalid, kept::kept_as_text, text::one_line};

kept_as_text!(Subject, MailText);

/// The subject of an e-mail: 1 to 200 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// The minimum number of characters.
    pub const MIN_LENGTH: usize = 1;
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 200;

    /// Parses a subject. Surrounding white space is removed.
    ///
    /// # Errors
    /// Returns the violated rule as [`Invalid`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line(text, Self::MIN_LENGTH, Self::MAX_LENGTH).map(Self)
    }

    /// Returns the subject, without surrounding white space.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text of an e-mail: 1 to 20,000 characters, on any number of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailText(String);

impl MailText {
    /// The minimum number of characters.
    pub const MIN_LENGTH: usize = 1;
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 20_000;

    /// Parses a text, without changing it.
    ///
    /// # Errors
    /// Returns the violated rule as [`Invalid`]. Control characters other than tabs and line ends are rejected.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Invalid::check_length(text, Self::MIN_LENGTH, Self::MAX_LENGTH)?;
        if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')) {
            return Err(Invalid::Malformed("must not contain control characters other than tabs and line ends"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_cannot_end_its_header() {
        assert_eq!(Subject::parse(" Grüße 👋 ").unwrap().as_str(), "Grüße 👋");
        for subject in ["", " ", "x\r\nBcc: evil@example.com", "x\ny", "x\0y", "\u{202e}x"] {
            assert!(Subject::parse(subject).is_err(), "{subject:?}");
        }
        assert_eq!(Subject::parse(&"x".repeat(201)), Err(Invalid::TooLong { max: 200 }));
    }

    #[test]
    fn a_text_may_have_lines_but_no_other_control_characters() {
        assert_eq!(MailText::parse("a\r\n.\r\n\tb").unwrap().as_str(), "a\r\n.\r\n\tb");
        assert!(MailText::parse("a\0b").is_err() && MailText::parse("").is_err());
    }

    #[test]
    fn a_stored_value_is_validated_when_it_is_read() {
        assert!(serde_json::from_str::<Subject>(r#""x\r\nBcc: y""#).is_err());
        assert_eq!(serde_json::from_str::<Subject>(r#""x""#).unwrap().as_str(), "x");
    }
}
