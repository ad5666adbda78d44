//! What somebody sends to make an account.

use keepstone_auth::{error::PolicyViolation, password::Policy};
use keepstone_domain::{DisplayName, Email, NewUser, RoleName, Username};
use secrecy::{ExposeSecret, SecretString};

/// A password that may be set.
#[derive(Debug, Clone)]
pub struct NewPassword(SecretString);

impl NewPassword {
    /// Judges a password as it is, spaces and all.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn check(password: SecretString, policy: &Policy) -> Result<Self, PolicyViolation> {
        policy.check(password.expose_secret()).map(|()| Self(password))
    }

    pub(crate) fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }

    pub(crate) fn into_secret(self) -> SecretString {
        self.0
    }
}

/// What somebody sends to make an account.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Where mail goes.
    pub email: Email,
    /// The password to log in with.
    pub password: NewPassword,
    /// The other name to log in with.
    pub username: Option<Username>,
    /// What the person is called.
    pub name: Option<DisplayName>,
    /// The role that is asked for.
    pub role: Option<RoleName>,
    /// Whether the person is to be able to log in, as is usual.
    pub is_active: Option<bool>,
}

impl Registration {
    /// The account that this asks for, and its password.
    pub(crate) fn into_parts(self, default_role: impl FnOnce() -> RoleName) -> (NewUser, NewPassword) {
        let user = NewUser {
            email: self.email,
            username: self.username,
            name: self.name,
            role: self.role.unwrap_or_else(default_role),
            is_active: self.is_active.unwrap_or(true),
        };
        (user, self.password)
    }
}
