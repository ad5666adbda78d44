//! What people keep here: a title, perhaps a description, and an owner.

use std::fmt;

use crate::{Invalid, ItemId, SearchText, Timestamp, UserId, Version, text::one_line};

/// Something that somebody keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The public id.
    pub id: ItemId,
    /// What it is called.
    pub title: Title,
    /// What else there is to say.
    pub description: Option<Description>,
    /// Whose it is.
    pub owner_id: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of the above last changed.
    pub updated_at: Timestamp,
    /// How often it has changed.
    pub version: Version,
}

/// What it takes to make an item.
#[derive(Debug, Clone)]
pub struct NewItem {
    /// What it is called.
    pub title: Title,
    /// What else there is to say.
    pub description: Option<Description>,
}

impl NewItem {
    /// The item that this makes, with a new id.
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

/// A change to an item. `None` leaves a member as it is; `Some(None)` clears one that may be empty.
#[derive(Debug, Clone, Default)]
pub struct ItemPatch {
    /// A new title.
    pub title: Option<Title>,
    /// A new description, or none.
    pub description: Option<Option<Description>>,
}

impl ItemPatch {
    /// Whether it changes nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.title.is_none() && self.description.is_none()
    }
}

/// Which items are meant.
#[derive(Debug, Clone, Default)]
pub struct ItemFilter {
    /// Those of this owner only.
    pub owner_id: Option<UserId>,
    /// Those with this in their title or description only.
    pub search: Option<SearchText>,
}

/// What an item is called: 1 to 255 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title(String);

impl Title {
    /// The fewest characters.
    pub const MIN_LENGTH: usize = 1;
    /// The most characters.
    pub const MAX_LENGTH: usize = 255;

    /// Reads a title; spaces around it are dropped.
    ///
    /// # Errors
    /// [`Invalid`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line(text, Self::MIN_LENGTH, Self::MAX_LENGTH).map(Self)
    }

    /// The title, without spaces around it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What there is to say about an item: at most 10,000 characters, on any number of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    /// The most characters.
    pub const MAX_LENGTH: usize = 10_000;

    /// Reads a description, exactly as given.
    ///
    /// # Errors
    /// [`Invalid`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Invalid::check_length(text, 0, Self::MAX_LENGTH)?;
        if text.chars().any(|character| character.is_control() && !matches!(character, '\t' | '\n' | '\r')) {
            return Err(Invalid::Malformed("must not have control characters but tabs and line breaks"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
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
    fn a_title_is_one_line_of_any_script() {
        assert_eq!(Title::parse(" 漢字 \n").unwrap().as_str(), "漢字");
        assert_eq!(Title::parse(" "), Err(Invalid::TooShort { min: 1 }));
        assert_eq!(Title::parse(&"é".repeat(256)), Err(Invalid::TooLong { max: 255 }));
        for text in ["a\nb", "a\0b", "\u{202e}a"] {
            assert!(Title::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_description_has_lines_and_keeps_its_spaces() {
        assert_eq!(Description::parse(" a\r\n\tb ").unwrap().as_str(), " a\r\n\tb ");
        assert_eq!(Description::parse("").unwrap().as_str(), "");
        assert!(Description::parse(&"é".repeat(10_000)).is_ok());
        assert_eq!(Description::parse(&"é".repeat(10_001)), Err(Invalid::TooLong { max: 10_000 }));
        assert!(Description::parse("a\0b").is_err());
    }
}
