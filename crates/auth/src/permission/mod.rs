//! Permissions, and roles that group them. Code checks for a permission, never for a role.

mod roles;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

pub use roles::Roles;

use crate::error::PermissionError;

/// The name of a permission: `resource:action`, each part with 1 to 32 characters of `a-z 0-9 _ -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(Cow<'static, str>);

impl Permission {
    /// Creates a permission from a literal. In a `const`, a malformed name is a compile-time error:
    ///
    /// ```
    /// use keepstone_auth::permission::Permission;
    /// const ORDERS_READ: Permission = Permission::new("orders:read");
    /// # assert_eq!(ORDERS_READ.as_str(), "orders:read");
    /// ```
    ///
    /// ```compile_fail
    /// use keepstone_auth::permission::Permission;
    /// const WRONG: Permission = Permission::new("orders.read");
    /// # let _ = WRONG;
    /// ```
    ///
    /// # Panics
    /// Panics outside a `const` if the name is malformed. To validate a name at run time, use [`str::parse`].
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        assert!(is_permission(name.as_bytes()), "a permission is `resource:action`");
        Self(Cow::Borrowed(name))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Permission {
    type Err = PermissionError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if is_permission(name.as_bytes()) {
            Ok(Self(Cow::Owned(name.to_owned())))
        } else {
            Err(PermissionError::Permission(name.to_owned()))
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a name consists of two valid words and a colon. A loop, because a `const fn` cannot use iterators.
const fn is_permission(name: &[u8]) -> bool {
    let mut at = 0;
    while at < name.len() {
        if name[at] == b':' {
            let (resource, rest) = name.split_at(at);
            let (_, action) = rest.split_at(1);
            return is_word(resource) && is_word(action);
        }
        at += 1;
    }
    false
}

/// Whether a word has 1 to 32 characters of `a-z 0-9 _ -`.
const fn is_word(word: &[u8]) -> bool {
    let mut at = 0;
    while at < word.len() {
        if !(word[at].is_ascii_lowercase() || word[at].is_ascii_digit() || word[at] == b'_' || word[at] == b'-') {
            return false;
        }
        at += 1;
    }
    !word.is_empty() && word.len() <= 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_resource_and_action() {
        for good in ["items:read", "a:b", "jobs_2:re-try", &format!("{}:{}", "r".repeat(32), "a".repeat(32))] {
            assert_eq!(good.parse::<Permission>().unwrap().as_str(), good);
        }
        let long = format!("{}:read", "r".repeat(33));
        for bad in [
            "",
            ":",
            "items",
            "items:",
            ":read",
            "Items:read",
            "items:read:all",
            "items:*",
            "items: read",
            "é:read",
            &long,
        ] {
            assert_eq!(bad.parse::<Permission>(), Err(PermissionError::Permission(bad.to_owned())));
        }
    }

    #[test]
    fn a_constant_equals_a_parsed_permission() {
        const READ: Permission = Permission::new("items:read");
        assert_eq!(READ, "items:read".parse().unwrap());
        assert_eq!(READ.to_string(), "items:read");
    }
}
