//! The names of roles. What a role may do is configuration; see `keepstone-auth`'s `permission`.

use std::fmt;

use crate::{Invalid, kept::kept_as_text};

kept_as_text!(RoleName);

/// A role's name: 1 to 32 of `a-z 0-9 _ -`. Read in any case, kept and written in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleName(String);

impl RoleName {
    /// The most characters.
    pub const MAX_LENGTH: usize = 32;

    /// Reads a role's name in any case.
    ///
    /// # Errors
    /// [`Invalid`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Invalid::check_length(text, 1, Self::MAX_LENGTH)?;
        let name = text.to_ascii_lowercase();
        if name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-')) {
            Ok(Self(name))
        } else {
            Err(Invalid::Malformed("must be the name of a role, such as \"editor\""))
        }
    }

    /// The role that may only look.
    #[must_use]
    pub fn viewer() -> Self {
        Self("viewer".to_owned())
    }

    /// The role that may do everything.
    #[must_use]
    pub fn admin() -> Self {
        Self("admin".to_owned())
    }

    /// The name in lower case.
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
    fn a_role_is_read_in_any_case() {
        assert_eq!(RoleName::parse("ADMIN").unwrap().as_str(), "admin");
        assert!(RoleName::parse("").is_err());
        assert!(RoleName::parse("super admin").is_err());
    }
}
