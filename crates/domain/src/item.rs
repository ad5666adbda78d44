//! Items: a title, an optional description and an owner.

use std::fmt;

use crate::{Invalid, ItemId, SearchText, Timestamp, UserId, Version, text::one_line};

/// An item of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The public id.
    pub id: ItemId,
    /// The title.
    pub title: Title,
    /// The description, if any.
    pub description: Option<Description>,
    /// The owner.
    pub owner_id: UserId,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change to title, description or owner.
    pub updated_at: Timestamp,
    /// The version, which counts the changes.
    pub version: Version,
}

/// The values of an item that is to be created.
#[derive(Debug, Clone)]
pub struct NewItem {
    /// The title.
    pub title: Title,
    /// The description, if any.
    pub description: Option<Description>,
}

impl NewItem {
    /// Creates the item, with a new id.
    #[must_use]
    pub fn into_item(self, owner_id: UserId, now: Timestamp) -> Item {
        Item {
            id: ItemId::generate(),
            title: self.title,
            description: self.description,
            owner_id,
            created_at: now,
            updated_at: now,
            version: Version::FIRST,
        }
    }
}

/// A change to an item. `None` leaves a member unchanged; `Some(None)` clears an optional member.
#[derive(Debug, Clone, Default)]
pub struct ItemPatch {
    /// A new title.
    pub title: Option<Title>,
    /// A new description; `Some(None)` removes it.
    pub description: Option<Option<Description>>,
}

impl ItemPatch {
    /// Whether the patch changes nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.title.is_none() && self.description.is_none()
    }
}

/// A filter for items. All conditions that are set must match.
#[derive(Debug, Clone, Default)]
pub struct ItemFilter {
    /// Only items of this owner.
    pub owner_id: Option<UserId>,
    /// Only items with this text in their title or description.
    pub search: Option<SearchText>,
}

/// The title of an item: 1 to 255 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title(String);

impl Title {
    /// The minimum number of characters.
    pub const MIN_LENGTH: usize = 1;
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 255;

    /// Parses a title. Surrounding white space is removed.
    ///
    /// # Errors
    /// Returns the violated rule as [`Invalid`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line(text, Self::MIN_LENGTH, Self::MAX_LENGTH).map(Self)
    }

    /// Returns the title, without surrounding white space.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The description of an item: at most 10,000 characters, on any number of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 10_000;

    /// Parses a description, without changing it.
    ///
    /// # Errors
    /// Returns the violated rule as [`Invalid`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Invalid::check_length(text, 0, Self::MAX_LENGTH)?;
        if text.chars().any(|character| character.is_control() && !matches!(character, '\t' | '\n' | '\r')) {
            return Err(Invalid::Malformed("must not contain control characters other than tabs and line breaks"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_a_line_in_any_script() {
        assert_eq!(Title::parse(" 漢字 \n").unwrap().as_str(), "漢字");
        assert_eq!(Title::parse(" "), Err(Invalid::TooShort { min: 1 }));
        assert_eq!(Title::parse(&"é".repeat(256)), Err(Invalid::TooLong { max: 255 }));
        for text in ["a\nb", "a\0b", "\u{202e}a"] {
            assert!(Title::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_description_may_have_lines_and_is_not_trimmed() {
        assert_eq!(Description::parse(" a\r\n\tb ").unwrap().as_str(), " a\r\n\tb ");
        assert_eq!(Description::parse("").unwrap().as_str(), "");
        assert!(Description::parse(&"é".repeat(10_000)).is_ok());
        assert_eq!(Description::parse(&"é".repeat(10_001)), Err(Invalid::TooLong { max: 10_000 }));
        assert!(Description::parse("a\0b").is_err());
    }
}
