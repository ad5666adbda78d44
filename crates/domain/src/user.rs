//! Who has an account. A password hash is never part of a user: it travels as [`Credentials`] or not at all.

use secrecy::SecretString;

use crate::{DisplayName, Email, RoleName, SearchText, Timestamp, UserId, Username, Version};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The public id.
    pub id: UserId,
    /// Where mail goes; unique among accounts that are not deleted.
    pub email: Email,
    /// The address that replaces `email` once its owner confirms it. It reserves nothing.
    pub pending_email: Option<Email>,
    /// The other name to log in with; unique among accounts that are not deleted.
    pub username: Option<Username>,
    /// What the person is called.
    pub name: Option<DisplayName>,
    /// What the person may do.
    pub role: RoleName,
    /// An inactive user cannot log in and has no live session.
    pub is_active: bool,
    /// Whether the owner of the address has shown that it is theirs.
    pub email_verified: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When anything of the above last changed.
    pub updated_at: Timestamp,
    /// When the account was deleted; `None` while it lives.
    pub deleted_at: Option<Timestamp>,
    /// How often any of this has changed.
    pub version: Version,
}

impl User {
    /// Whether this is one of those who may do everything, and can.
    #[must_use]
    pub fn is_active_admin(&self) -> bool {
        self.role == RoleName::admin() && self.is_active && self.deleted_at.is_none()
    }
}

/// What it takes to make an account.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Where mail goes.
    pub email: Email,
    /// The other name to log in with.
    pub username: Option<Username>,
    /// What the person is called.
    pub name: Option<DisplayName>,
    /// What the person may do.
    pub role: RoleName,
    /// Whether the person can log in at once.
    pub is_active: bool,
}

impl NewUser {
    /// The account that this makes, with a new id.
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

/// A change to an account. `None` leaves a member as it is; `Some(None)` clears one that may be empty.
#[derive(Debug, Clone, Default)]
pub struct UserPatch {
    /// A new address.
    pub email: Option<Email>,
    /// A new user name, or none.
    pub username: Option<Option<Username>>,
    /// A new name, or none.
    pub name: Option<Option<DisplayName>>,
    /// A new role.
    pub role: Option<RoleName>,
    /// Whether the person can log in.
    pub is_active: Option<bool>,
}

impl UserPatch {
    /// The user after this change; the same as before if it changes nothing. Only an address that is another one is not
    /// verified any more: the same in other letters is.
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

/// Which users are meant.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Those with this in their address, user name or name only.
    pub search: Option<SearchText>,
    /// Those of this role only.
    pub role: Option<RoleName>,
}

/// What somebody types to say who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// The address of the account.
    Email(Email),
    /// The user name of the account.
    Username(Username),
}

impl Login {
    /// Reads an address if there is an `@`, else a user name; `None` if it can be neither, so that no account has it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains('@') {
            Email::parse(text).ok().map(Self::Email)
        } else {
            Username::parse(text.trim()).ok().map(Self::Username)
        }
    }
}

/// An account with the hash of its password, as login needs them. Shows no hash when debugged.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Whose they are.
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
