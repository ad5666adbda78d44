//! Case-insensitive substring search. Texts are folded here and nowhere else, so that every database finds the same
//! rows.

use unicode_normalization::UnicodeNormalization;

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

/// Removes the differences of case and of Unicode composition from a text.
///
/// Each character is converted to upper and then to lower case, so that `ß` equals `ss` and every sigma `σ`. The result
/// is in NFC. The case is converted in the decomposed form, because a composed character and its parts do not always
/// have the same capital letters.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
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
    fn texts_that_are_canonically_equivalent_are_folded_alike() {
        for (a, b) in [
            ("Café", "cafe\u{301}"),
            ("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
            ("Việt", "Vie\u{323}\u{302}t"),
            ("Việt", "Vie\u{302}\u{323}t"),
            ("q\u{307}\u{323}", "Q\u{323}\u{307}"),
            ("Å", "\u{212b}"),
            ("Ångström", "A\u{30a}ngstro\u{308}m"),
            ("ᾳ", "Α\u{345}"),
            ("ΐ", "Ι\u{308}\u{301}"),
            ("が", "か\u{3099}"),
            ("क़", "क\u{93c}"),
            ("İ", "I\u{307}"),
        ] {
            assert_eq!(fold(a), fold(b), "{a}");
            assert_eq!(SearchText::parse(a).unwrap(), SearchText::parse(b).unwrap(), "{a}");
            assert_eq!(fold(&fold(a)), fold(a), "{a}");
        }
        for (a, b) in [("e", "é"), ("ﬁ", "fl"), ("①", "1"), ("한", "하")] {
            assert_ne!(fold(a), fold(b), "{a}");
        }
    }

    #[test]
    fn what_can_be_in_no_text_is_not_looked_for() {
        assert_eq!(SearchText::parse("  Ada \t"), Ok(SearchText("ada".to_owned())));
        assert_eq!(SearchText::parse("two\nlines").unwrap().folded(), "two\nlines");
        assert_eq!(SearchText::parse("  "), Err(Invalid::TooShort { min: 1 }));
        assert_eq!(SearchText::parse(&"é".repeat(101)), Err(Invalid::TooLong { max: 100 }));
        assert!(SearchText::parse(&format!(" {} ", "é".repeat(100))).is_ok());
        for text in ["a\0b", "a\u{1f}b", "\u{85}a\u{85}b", "\u{202e}a"] {
            assert!(SearchText::parse(text).is_err(), "{text:?}");
        }
    }
}
