//! Sign-ups that are completed by a job. The account is created after the response, so response times reveal nothing
//! about existing accounts.

use std::{fmt, net::IpAddr};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{DisplayName, Email, NewUser, RoleName, Username};

/// An account to create, provided that its address and user name are free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingUser {
    /// The e-mail address.
    pub email: Email,
    /// An alternative login name.
    pub username: Option<Username>,
    /// The display name.
    pub name: Option<DisplayName>,
    /// The role.
    pub role: RoleName,
    /// The password hash.
    pub password_hash: KeptHash,
    /// The network address of the sign-up.
    pub ip: Option<IpAddr>,
    /// The id of the sign-up request.
    pub request_id: Option<String>,
}

impl PendingUser {
    /// Converts the sign-up to the values of a new account.
    #[must_use]
    pub fn to_new_user(&self) -> NewUser {
        NewUser {
            email: self.email.clone(),
            username: self.username.clone(),
            name: self.name.clone(),
            role: self.role.clone(),
            is_active: true,
        }
    }
}

/// A password hash that is stored in a job's payload. `Debug` does not show it.
#[derive(Clone)]
pub struct KeptHash(SecretString);

impl KeptHash {
    /// Returns the hash.
    #[must_use]
    pub const fn as_secret(&self) -> &SecretString {
        &self.0
    }
}

impl From<SecretString> for KeptHash {
    fn from(hash: SecretString) -> Self {
        Self(hash)
    }
}

impl fmt::Debug for KeptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq for KeptHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for KeptHash {}

impl Serialize for KeptHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for KeptHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|hash| Self(hash.into()))
    }
}

#[cfg(test)]
impl PendingUser {
    /// Returns a sign-up with this address.
    pub(crate) fn example(email: Email) -> Self {
        let (username, name) = (Username::parse("ada").ok(), DisplayName::parse("Ada").ok());
        let hash = SecretString::from("$2b$04$canary");
        let ip = Some([192, 0, 2, 1].into());
        Self { email, username, name, role: RoleName::viewer(), password_hash: hash.into(), ip, request_id: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_serialized_but_hidden_from_debug_output() {
        let user = PendingUser::example(Email::parse("ada@example.com").unwrap());
        assert!(!format!("{user:?}").contains("canary"));
        assert!(serde_json::to_string(&user).unwrap().contains("canary"));
    }
}
