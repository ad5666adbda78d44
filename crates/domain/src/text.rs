//! The names people give themselves. Letters keep their case; control characters and bidi overrides are refused.

use std::fmt;

use crate::{Invalid, kept::kept_as_text};

kept_as_text!(Username, DisplayName);

/// A name to log in with: 3 to 50 of `A-Z a-z 0-9 _ . -`, unique without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// The fewest characters.
    pub const MIN_LENGTH: usize = 3;
    /// The most characters.
    pub const MAX_LENGTH: usize = 50;

    /// Reads a user name, exactly as given.
    ///
    /// # Errors
    /// [`Invalid`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Invalid::check_length(text, Self::MIN_LENGTH, Self::MAX_LENGTH)?;
        if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::Malformed("may have letters a to z, digits, '_', '.' and '-' only"))
        }
    }

    /// The name as its owner wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The canonical form: equal keys are the same name.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// What a person is called: 1 to 100 characters of any script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// The fewest characters.
    pub const MIN_LENGTH: usize = 1;
    /// The most characters.
    pub const MAX_LENGTH: usize = 100;

    /// Reads a name; spaces around it are dropped.
    ///
    /// # Errors
    /// [`Invalid`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line(text, Self::MIN_LENGTH, Self::MAX_LENGTH).map(Self)
    }

    /// The name, without spaces around it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Removes white space at both ends, and refuses another number of characters or an invisible control character.
pub(crate) fn one_line(text: &str, min: usize, max: usize) -> Result<String, Invalid> {
    let text = text.trim();
    Invalid::check_length(text, min, max)?;
    if text.chars().any(is_invisible_control) {
        return Err(Invalid::Malformed("must not have control characters"));
    }
    Ok(text.to_owned())
}

/// C0 and C1 controls, and the bidi embeddings, overrides and isolates that can make a text read as another.
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
    fn a_username_is_compared_without_case_and_shown_as_written() {
        let name = Username::parse("Ada_L.1-x").unwrap();
        assert_eq!(name.as_str(), "Ada_L.1-x");
        assert_eq!(name.key(), "ada_l.1-x");
    }

    #[test]
    fn what_is_no_username_is_refused() {
        assert_eq!(Username::parse("ab"), Err(Invalid::TooShort { min: 3 }));
        assert_eq!(Username::parse(&"a".repeat(51)), Err(Invalid::TooLong { max: 50 }));
        for name in ["a b c", " ada", "ädä", "ada@x", "ada\0", "\u{212a}elvin"] {
            assert!(Username::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_name_may_be_in_any_script_but_not_hide_what_it_says() {
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
