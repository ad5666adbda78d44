//! User names and display names. The case of letters is preserved; control characters and bidi overrides are rejected.

use std::fmt;

use crate::{Invalid, kept::kept_as_text};

kept_as_text!(Username, DisplayName);

/// A login name: 3 to 50 characters of `A-Z a-z 0-9 _ . -`, unique case-insensitively.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// The minimum number of characters.
    pub const MIN_LENGTH: usize = 3;
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 50;

    /// Parses a user name, without changing it.
    ///
    /// # Errors
    /// Returns the violated rule as [`Invalid`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Invalid::check_length(text, Self::MIN_LENGTH, Self::MAX_LENGTH)?;
        if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::Malformed("may contain only letters a to z, digits, '_', '.' and '-'"))
        }
    }

    /// Returns the name as its owner wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the canonical form: equal keys are the same name.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// The display name of a person: 1 to 100 characters of any script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// The minimum number of characters.
    pub const MIN_LENGTH: usize = 1;
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 100;

    /// Parses a name. Surrounding white space is removed.
    ///
    /// # Errors
    /// Returns the violated rule as [`Invalid`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line(text, Self::MIN_LENGTH, Self::MAX_LENGTH).map(Self)
    }

    /// Returns the name, without surrounding white space.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Trims white space, then checks the number of characters and rejects invisible control characters.
pub(crate) fn one_line(text: &str, min: usize, max: usize) -> Result<String, Invalid> {
    let text = text.trim();
    Invalid::check_length(text, min, max)?;
    if text.chars().any(is_invisible_control) {
        return Err(Invalid::Malformed("must not contain control characters"));
    }
    Ok(text.to_owned())
}

/// Whether this is a C0 or C1 control, or a bidi embedding, override or isolate, which can disguise a text.
pub(crate) fn is_invisible_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_is_compared_case_insensitively_and_shown_as_written() {
        let name = Username::parse("Ada_L.1-x").unwrap();
        assert_eq!(name.as_str(), "Ada_L.1-x");
        assert_eq!(name.key(), "ada_l.1-x");
    }

    #[test]
    fn an_invalid_username_is_rejected() {
        assert_eq!(Username::parse("ab"), Err(Invalid::TooShort { min: 3 }));
        assert_eq!(Username::parse(&"a".repeat(51)), Err(Invalid::TooLong { max: 50 }));
        for name in ["a b c", " ada", "ädä", "ada@x", "ada\0", "\u{212a}elvin"] {
            assert!(Username::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_display_name_allows_any_script_but_no_control_characters() {
        assert_eq!(DisplayName::parse("  Ада Лавлейс 👩🏽‍💻 ").unwrap().as_str(), "Ада Лавлейс 👩🏽‍💻");
        assert_eq!(DisplayName::parse("   "), Err(Invalid::TooShort { min: 1 }));
        assert_eq!(DisplayName::parse(&"é".repeat(101)), Err(Invalid::TooLong { max: 100 }));
        let (longest, space) = ("é".repeat(100), " \u{a0}\t\r\n".repeat(50));
        assert_eq!(DisplayName::parse(&format!("{space}{longest}{space}")).unwrap().as_str(), longest);
        for name in ["a\0b", "a\r\nBcc: x", "a\u{85}b", "\u{202e}evil"] {
            assert!(DisplayName::parse(name).is_err(), "{name:?}");
        }
    }
}
