//! The columns that an import knows, under the names that other systems give them. Others are ignored, and named once.

use std::collections::BTreeSet;

/// What a column tells.
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
    /// Only Firebase has it. Its hashes cannot be verified without a key of the project.
    FirebaseId,
}

/// Where a column stands in [`NAMES`].
pub type Place = usize;

/// Of several columns with one meaning, the first here that is not empty counts.
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

/// More names than these are told as "others".
const MOST_IGNORED: usize = 20;
const LONGEST_NAME: usize = 40;

/// The place of the column with this name, written in any case: `password_hash` is also `passwordHash` and
/// `Password Hash`.
pub fn place(name: &str) -> Option<Place> {
    let letters = |name: &str| -> String {
        name.trim().chars().filter(|letter| !matches!(letter, '_' | ' ')).flat_map(char::to_lowercase).collect()
    };
    let name = letters(name);
    NAMES.iter().position(|(known, _column)| letters(known) == name)
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
        (count < self.names.len()).then(|| format!("ignored, not known to import-users: {all}"))
    }
}
