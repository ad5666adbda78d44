//! Looking for a text inside others, without case. Case is folded here and nowhere else, so that every database finds
//! the same.

use crate::{Invalid, text::is_invisible_control};

/// What somebody looks for: 1 to 100 characters, none of them special.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// The fewest characters.
    pub const MIN_LENGTH: usize = 1;
    /// The most characters.
    pub const MAX_LENGTH: usize = 100;

    /// Reads what was typed; spaces around it are dropped.
    ///
    /// # Errors
    /// [`Invalid`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        // As the query has it, spaces and all.
        Invalid::check_length(text, 0, Self::MAX_LENGTH)?;
        let text = text.trim();
        Invalid::check_length(text, Self::MIN_LENGTH, Self::MAX_LENGTH)?;
        if text.chars().any(|character| is_invisible_control(character) && !matches!(character, '\t' | '\n' | '\r')) {
            return Err(Invalid::Malformed("must not have control characters"));
        }
        Ok(Self(fold(text)))
    }

    /// The text without case: what to look for in texts that were [folded](fold).
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.0
    }
}

/// A text without case: character by character in upper and then in lower case, so that `ß` is `ss` and every sigma
/// `σ`.
#[must_use]
pub fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_in_case_only_are_folded_alike() {
        for (a, b) in [("Ada", "aDA"), ("STRASSE", "straße"), ("ΟΔΟΣ", "οδος"), ("Ёлка", "ёЛКА"), ("\u{212a}", "K")]
        {
            assert_eq!(fold(a), fold(b), "{a}");
        }
        assert_ne!(fold("a"), fold("ä"));
    }

    #[test]
    fn what_can_be_in_no_text_is_not_looked_for() {
        assert_eq!(SearchText::parse("  Ada \t"), Ok(SearchText("ada".to_owned())));
        assert_eq!(SearchText::parse("two\nlines").unwrap().folded(), "two\nlines");
        assert_eq!(SearchText::parse("  "), Err(Invalid::TooShort { min: 1 }));
        assert_eq!(SearchText::parse(&"é".repeat(101)), Err(Invalid::TooLong { max: 100 }));
        for text in ["a\0b", "a\u{1f}b", "\u{85}a\u{85}b", "\u{202e}a"] {
            assert!(SearchText::parse(text).is_err(), "{text:?}");
        }
    }
}
