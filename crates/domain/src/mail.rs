//! What an e-mail is made of that strangers may write: one line for the subject, text for the body. Neither can end a
//! header, and nothing else of a header is ever anybody's text.

use crate::{Invalid, kept::kept_as_text, text::one_line};

kept_as_text!(Subject, MailText);

/// The subject of an e-mail: 1 to 200 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// The fewest characters.
    pub const MIN_LENGTH: usize = 1;
    /// The most characters.
    pub const MAX_LENGTH: usize = 200;

    /// Reads a subject; spaces around it are dropped.
    ///
    /// # Errors
    /// [`Invalid`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line(text, Self::MIN_LENGTH, Self::MAX_LENGTH).map(Self)
    }

    /// The subject, without spaces around it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text of an e-mail: 1 to 20,000 characters, lines and all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailText(String);

impl MailText {
    /// The fewest characters.
    pub const MIN_LENGTH: usize = 1;
    /// The most characters.
    pub const MAX_LENGTH: usize = 20_000;

    /// Reads a text, exactly as given.
    ///
    /// # Errors
    /// [`Invalid`] says which rule was broken: control characters other than tab and line ends are refused.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Invalid::check_length(text, Self::MIN_LENGTH, Self::MAX_LENGTH)?;
        if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')) {
            return Err(Invalid::Malformed("must not have control characters but tabs and line ends"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
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
    fn a_text_has_lines_and_no_other_controls() {
        assert_eq!(MailText::parse("a\r\n.\r\n\tb").unwrap().as_str(), "a\r\n.\r\n\tb");
        assert!(MailText::parse("a\0b").is_err() && MailText::parse("").is_err());
    }

    #[test]
    fn what_is_kept_is_checked_again_when_it_is_read() {
        assert!(serde_json::from_str::<Subject>(r#""x\r\nBcc: y""#).is_err());
        assert_eq!(serde_json::from_str::<Subject>(r#""x""#).unwrap().as_str(), "x");
    }
}
