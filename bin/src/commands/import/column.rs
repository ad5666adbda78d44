//! The columns that an import knows, by their names in other systems. Other columns are ignored, and listed once.

use std::collections::BTreeSet;

/// The meaning of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Email,
    Username,
    Hash,
    Name,
    FirstName,
    LastName,
    Role,
    IsAdmin,
    IsActive,
    IsBlocked,
    BlockedUntil,
    DeletedAt,
    EmailVerified,
    EmailVerifiedAt,
    CreatedAt,
    /// Only in exports of Firebase, whose hashes cannot be verified without a key of the project.
    FirebaseId,
}

/// The index of a column in [`NAMES`].
pub type Place = usize;

/// The known columns. Of several columns with the same meaning, the first here that is not empty counts.
pub const NAMES: [(&str, Column); 30] = [
    ("email", Column::Email),
    ("username", Column::Username),
    ("hashed_password", Column::Hash),
    ("password_hash", Column::Hash),
    ("encrypted_password", Column::Hash),
    ("password", Column::Hash),
    ("name", Column::Name),
    ("full_name", Column::Name),
    ("display_name", Column::Name),
    ("first_name", Column::FirstName),
    ("given_name", Column::FirstName),
    ("last_name", Column::LastName),
    ("family_name", Column::LastName),
    ("role", Column::Role),
    ("is_superuser", Column::IsAdmin),
    ("is_admin", Column::IsAdmin),
    ("is_active", Column::IsActive),
    ("blocked", Column::IsBlocked),
    ("disabled", Column::IsBlocked),
    ("banned_until", Column::BlockedUntil),
    ("deleted_at", Column::DeletedAt),
    ("email_verified", Column::EmailVerified),
    ("is_verified", Column::EmailVerified),
    ("is_email_verified", Column::EmailVerified),
    ("email_verified_at", Column::EmailVerifiedAt),
    ("email_confirmed_at", Column::EmailVerifiedAt),
    ("confirmed_at", Column::EmailVerifiedAt),
    ("created_at", Column::CreatedAt),
    ("date_joined", Column::CreatedAt),
    ("local_id", Column::FirebaseId),
];

/// The columns of Firebase's CSV, which has no header, by their indexes.
pub const FIREBASE: [(usize, &str); 7] = [
    (0, "local_id"),
    (1, "email"),
    (2, "email_verified"),
    (3, "password_hash"),
    (5, "display_name"),
    (23, "created_at"),
    (26, "disabled"),
];

/// The number of ignored columns that are listed; the rest is listed as "others".
const MOST_IGNORED: usize = 20;
const LONGEST_NAME: usize = 40;

/// Returns the place of the column with this name, in any case: `passwordHash` and `Password Hash` are
/// `password_hash`.
pub fn place(name: &str) -> Option<Place> {
    let letters = |name: &str| -> String {
        name.trim().chars().filter(|letter| !matches!(letter, '_' | ' ')).flat_map(char::to_lowercase).collect()
    };
    let name = letters(name);
    NAMES.iter().position(|(known, _column)| letters(known) == name)
}

/// Returns the name of the column at this place.
pub fn name(place: Place) -> &'static str {
    NAMES.get(place).map_or("", |(name, _column)| name)
}

/// The names of the columns that are ignored.
#[derive(Default)]
pub struct Ignored {
    names: BTreeSet<String>,
    told: usize,
}

impl Ignored {
    /// Adds a name of any length and content.
    pub fn note(&mut self, name: &str) {
        if self.names.len() < MOST_IGNORED && !self.names.contains(name) {
            let short: String = name.trim().chars().take(LONGEST_NAME).flat_map(char::escape_debug).collect();
            self.names.insert(short);
        } else if self.names.len() == MOST_IGNORED && !self.names.contains(name) {
            self.names.insert("others".to_owned());
        }
    }

    /// Returns all names.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// Returns a line that lists them, if there are more than at the previous call.
    pub fn news(&mut self) -> Option<String> {
        let count = std::mem::replace(&mut self.told, self.names.len());
        let all = self.names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        (count < self.names.len()).then(|| format!("ignored, not known to import-users: {all}"))
    }
}
