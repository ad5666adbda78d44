//! User accounts. A password hash is never part of a [`User`]; only [`Credentials`] contains it.

use secrecy::SecretString;

use crate::{DisplayName, Email, RoleName, SearchText, Timestamp, UserId, Username, Version};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The public id.
    pub id: UserId,
    /// The e-mail address; unique among accounts that are not deleted.
    pub email: Email,
    /// The address that replaces `email` once its owner confirms it. It reserves nothing.
    pub pending_email: Option<Email>,
    /// An alternative login name; unique among accounts that are not deleted.
    pub username: Option<Username>,
    /// The display name.
    pub name: Option<DisplayName>,
    /// The role.
    pub role: RoleName,
    /// An inactive user cannot log in and has no live session.
    pub is_active: bool,
    /// Whether the owner has confirmed the address.
    pub email_verified: bool,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change to any member above.
    pub updated_at: Timestamp,
    /// The time of deletion; `None` while the account exists.
    pub deleted_at: Option<Timestamp>,
    /// The version, which counts the changes.
    pub version: Version,
}

impl User {
    /// Whether the user is an administrator who is active and not deleted.
    #[must_use]
    pub fn is_active_admin(&self) -> bool {
        self.role == RoleName::admin() && self.is_active && self.deleted_at.is_none()
    }
}

/// The values of an account that is to be created.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The e-mail address.
    pub email: Email,
    /// An alternative login name.
    pub username: Option<Username>,
    /// The display name.
    pub name: Option<DisplayName>,
    /// The role.
    pub role: RoleName,
    /// Whether the user can log in immediately.
    pub is_active: bool,
}

impl NewUser {
    /// Creates the account, with a new id.
    #[must_use]
    pub fn into_user(self, now: Timestamp) -> User {
        User {
            id: UserId::generate(),
            email: self.email,
            pending_email: None,
            username: self.username,
            name: self.name,
            role: self.role,
            is_active: self.is_active,
            email_verified: false,
            created_at: now,
            updated_at: now,
            deleted_at: None,
            version: Version::FIRST,
        }
    }
}

/// A change to an account. `None` leaves a member unchanged; `Some(None)` clears an optional member.
#[derive(Debug, Clone, Default)]
pub struct UserPatch {
    /// A new address.
    pub email: Option<Email>,
    /// A new user name; `Some(None)` removes it.
    pub username: Option<Option<Username>>,
    /// A new display name; `Some(None)` removes it.
    pub name: Option<Option<DisplayName>>,
    /// A new role.
    pub role: Option<RoleName>,
    /// Whether the user can log in.
    pub is_active: Option<bool>,
}

impl UserPatch {
    /// Returns the user after this change; an empty change returns the user as it is.
    ///
    /// A different address is unverified. The same address in another spelling stays verified.
    #[must_use]
    pub fn apply(self, user: &User) -> User {
        let email = self.email.unwrap_or_else(|| user.email.clone());
        User {
            email_verified: user.email_verified && email.key() == user.email.key(),
            email,
            pending_email: user.pending_email.clone(),
            username: self.username.unwrap_or_else(|| user.username.clone()),
            name: self.name.unwrap_or_else(|| user.name.clone()),
            role: self.role.unwrap_or_else(|| user.role.clone()),
            is_active: self.is_active.unwrap_or(user.is_active),
            ..*user
        }
    }
}

/// A filter for users. All conditions that are set must match.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Only users with this text in their address, user name or display name.
    pub search: Option<SearchText>,
    /// Only users with this role.
    pub role: Option<RoleName>,
}

/// The identifier that a user enters to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// The address of the account.
    Email(Email),
    /// The user name of the account.
    Username(Username),
}

impl Login {
    /// Parses an address if the text contains an `@`, otherwise a user name. `None` if no account can have it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains('@') {
            Email::parse(text).ok().map(Self::Email)
        } else {
            Username::parse(text.trim()).ok().map(Self::Username)
        }
    }
}

/// An account with its password hash, as login needs it. `Debug` does not show the hash.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// The password hash, in PHC or modular crypt format.
    pub password_hash: SecretString,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_an_address_or_a_username() {
        assert!(matches!(Login::parse("ada@example.com"), Some(Login::Email(_))));
        assert!(matches!(Login::parse(" ada "), Some(Login::Username(_))));
        assert_eq!(Login::parse("ada@"), None);
        assert_eq!(Login::parse("x"), None);
    }
}
