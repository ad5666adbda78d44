//! A sign-up that waits to be finished: what it takes to make the account, once nobody can learn anything from how long
//! it takes.

use std::{fmt, net::IpAddr};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{DisplayName, Email, NewUser, RoleName, Username};

/// An account that is to be made, if its address and user name are free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingUser {
    /// Where mail goes.
    pub email: Email,
    /// The other name to log in with.
    pub username: Option<Username>,
    /// What the person is called.
    pub name: Option<DisplayName>,
    /// What the person may do.
    pub role: RoleName,
    /// The hash of the password.
    pub password_hash: KeptHash,
    /// Where the sign-up came from.
    pub ip: Option<IpAddr>,
    /// The request that it was.
    pub request_id: Option<String>,
}

impl PendingUser {
    /// The account that is to be made.
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

/// A password's hash that is written down with a job, and never shown.
#[derive(Clone)]
pub struct KeptHash(SecretString);

impl KeptHash {
    /// The hash.
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
    /// Somebody with this address.
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
    fn a_hash_is_written_down_and_not_shown() {
        let user = PendingUser::example(Email::parse("ada@example.com").unwrap());
        assert!(!format!("{user:?}").contains("canary"));
        assert!(serde_json::to_string(&user).unwrap().contains("canary"));
    }
}
