//! The input of a sign-up.

use keepstone_auth::{error::PolicyViolation, password::Policy};
use keepstone_domain::{DisplayName, Email, NewUser, RoleName, Username};
use secrecy::{ExposeSecret, SecretString};

/// A password that satisfies the policy.
#[derive(Debug, Clone)]
pub struct NewPassword(SecretString);

impl NewPassword {
    /// Checks a password against the policy, without trimming it.
    ///
    /// # Errors
    /// The first violated rule.
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

/// The input of a sign-up.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The e-mail address.
    pub email: Email,
    /// The password.
    pub password: NewPassword,
    /// The user name, an alternative login.
    pub username: Option<Username>,
    /// The display name.
    pub name: Option<DisplayName>,
    /// The requested role; `None` for the default.
    pub role: Option<RoleName>,
    /// Whether the account is active; `None` for the default, `true`.
    pub is_active: Option<bool>,
}

impl Registration {
    /// Returns the requested account and its password.
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
