//! Case-insensitive substring search. Texts are folded only here, not in SQL, so every database finds the same rows.

use unicode_normalization::UnicodeNormalization;

use crate::{Invalid, text::is_invisible_control};

/// The text of a search: 1 to 100 characters. There are no wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// The minimum number of characters.
    pub const MIN_LENGTH: usize = 1;
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 100;

    /// Parses the text of a search. Surrounding white space is removed.
    ///
    /// # Errors
    /// Returns the violated rule as [`Invalid`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        Invalid::check_length(text, Self::MIN_LENGTH, Self::MAX_LENGTH)?;
        if text.chars().any(|character| is_invisible_control(character) && !matches!(character, '\t' | '\n' | '\r')) {
            return Err(Invalid::Malformed("must not contain control characters"));
        }
        Ok(Self(fold(text)))
    }

    /// Returns the folded text, to be searched for in texts that were [folded](fold), too.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.0
    }
}

/// Removes the differences of case and of Unicode composition from a text.
///
/// Each character is converted to upper and then to lower case: `ß` equals `ss`, and all forms of sigma are equal. The
/// result is in NFC. The case is converted in the decomposed form, because a composed character and its parts do not
/// always have the same capital letters.
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
    fn texts_that_differ_only_in_case_fold_to_the_same_text() {
        for (a, b) in [("Ada", "aDA"), ("STRASSE", "straße"), ("ΟΔΟΣ", "οδος"), ("Ёлка", "ёЛКА"), ("\u{212a}", "K")]
        {
            assert_eq!(fold(a), fold(b), "{a}");
        }
        assert_ne!(fold("a"), fold("ä"));
    }

    #[test]
    fn canonically_equivalent_texts_fold_to_the_same_text() {
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
    fn a_search_text_is_trimmed_and_validated() {
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
