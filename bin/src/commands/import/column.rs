//! The columns that an import knows, under the names that other systems give them. Others are ignored, and named once.

use std::collections::BTreeSet;

/// What a column tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Email,
    Username,
    Hash,
    Name,
    Role,
    IsAdmin,
    IsActive,
    EmailVerified,
    CreatedAt,
}

/// Where a column stands in [`NAMES`].
pub type Place = usize;

/// Of several columns that tell the same, the first here that is not empty counts.
pub const NAMES: [(&str, Column); 15] = [
    ("email", Column::Email),
    ("username", Column::Username),
    ("hashed_password", Column::Hash),
    ("password_hash", Column::Hash),
    ("password", Column::Hash),
    ("name", Column::Name),
    ("full_name", Column::Name),
    ("role", Column::Role),
    ("is_superuser", Column::IsAdmin),
    ("is_admin", Column::IsAdmin),
    ("is_active", Column::IsActive),
    ("email_verified", Column::EmailVerified),
    ("is_verified", Column::EmailVerified),
    ("is_email_verified", Column::EmailVerified),
    ("created_at", Column::CreatedAt),
];

/// More names than these are told as "others".
const MOST_IGNORED: usize = 20;
const LONGEST_NAME: usize = 40;

/// The place of the column with this name, written in any case.
pub fn place(name: &str) -> Option<Place> {
    NAMES.iter().position(|(known, _column)| known.eq_ignore_ascii_case(name.trim()))
}

/// The name of the column at this place.
pub fn name(place: Place) -> &'static str {
    NAMES.get(place).map_or("", |(name, _column)| name)
}

/// The columns that nothing is done with.
#[derive(Default)]
pub struct Ignored {
    names: BTreeSet<String>,
    told: usize,
}

impl Ignored {
    /// Takes note of one more, however it is called.
    pub fn note(&mut self, name: &str) {
        if self.names.len() < MOST_IGNORED && !self.names.contains(name) {
            let short: String = name.trim().chars().take(LONGEST_NAME).flat_map(char::escape_debug).collect();
            self.names.insert(short);
        } else if self.names.len() == MOST_IGNORED && !self.names.contains(name) {
            self.names.insert("others".to_owned());
        }
    }

    /// All of them.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// A line that names them, if there are more than when it was asked for before.
    pub fn news(&mut self) -> Option<String> {
        let count = std::mem::replace(&mut self.told, self.names.len());
        let all = self.names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        (count < self.names.len()).then(|| format!("ignored, because nothing here knows these columns: {all}"))
    }
}
