//! The names of roles. The permissions of a role are configuration; see `keepstone-auth`'s `permission`.

use std::fmt;

use crate::{Invalid, kept::kept_as_text};

kept_as_text!(RoleName);

/// The name of a role: 1 to 32 characters of `a-z 0-9 _ -`. Parsed case-insensitively; stored and shown in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleName(String);

impl RoleName {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 32;

    /// Parses the name of a role, case-insensitively.
    ///
    /// # Errors
    /// Returns the violated rule as [`Invalid`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Invalid::check_length(text, 1, Self::MAX_LENGTH)?;
        let name = text.to_ascii_lowercase();
        if name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-')) {
            Ok(Self(name))
        } else {
            Err(Invalid::Malformed("must be the name of a role, such as \"editor\""))
        }
    }

    /// Returns the name of the read-only role.
    #[must_use]
    pub fn viewer() -> Self {
        Self("viewer".to_owned())
    }

    /// Returns the name of the role with all permissions.
    #[must_use]
    pub fn admin() -> Self {
        Self("admin".to_owned())
    }

    /// Returns the name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_parsed_case_insensitively() {
        assert_eq!(RoleName::parse("ADMIN").unwrap().as_str(), "admin");
        assert!(RoleName::parse("").is_err());
        assert!(RoleName::parse("super admin").is_err());
    }
}
