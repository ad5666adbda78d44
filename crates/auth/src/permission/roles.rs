//! The permissions of each role. Role names are case-insensitive and stored in lower case. An unknown role has no
//! permissions.

use std::collections::{BTreeMap, BTreeSet};

use super::{Permission, is_word};
use crate::error::PermissionError;

/// A validated table of roles and their permissions.
///
/// There are no wildcards: a role with all permissions lists each of them.
///
/// ```
/// use keepstone_auth::permission::{Permission, Roles};
/// const READ: Permission = Permission::new("orders:read");
/// const WRITE: Permission = Permission::new("orders:write");
///
/// let roles = Roles::new([("clerk", vec![READ]), ("manager", vec![READ, WRITE])])?;
/// assert!(roles.permits("Manager", &WRITE) && !roles.permits("clerk", &WRITE));
/// assert_eq!(roles.scope("MANAGER"), Some("orders:read orders:write"));
/// # Ok::<(), keepstone_auth::error::PermissionError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles(BTreeMap<String, Role>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Role {
    permissions: BTreeSet<Permission>,
    scope: String,
}

impl Roles {
    /// Creates the table. A permission listed twice counts once.
    ///
    /// # Errors
    /// The first role with an invalid name, a repeated name or no permissions.
    pub fn new<N, P>(roles: impl IntoIterator<Item = (N, P)>) -> Result<Self, PermissionError>
    where
        N: AsRef<str>,
        P: IntoIterator<Item = Permission>,
    {
        let mut table = BTreeMap::new();
        for (name, permissions) in roles {
            let name = role_name(name.as_ref())?;
            let permissions: BTreeSet<_> = permissions.into_iter().collect();
            if permissions.is_empty() {
                return Err(PermissionError::EmptyRole(name));
            }
            let scope = permissions.iter().map(Permission::as_str).collect::<Vec<_>>().join(" ");
            if table.insert(name.clone(), Role { permissions, scope }).is_some() {
                return Err(PermissionError::DuplicateRole(name));
            }
        }
        Ok(Self(table))
    }

    /// Whether the role has this permission. An unknown role has none.
    #[must_use]
    pub fn permits(&self, role: &str, permission: &Permission) -> bool {
        self.find(role).is_some_and(|(_, role)| role.permissions.contains(permission))
    }

    /// Returns the `scope` of a token: the role's permissions, sorted and separated by spaces. `None` for an unknown
    /// role.
    #[must_use]
    pub fn scope(&self, role: &str) -> Option<&str> {
        self.find(role).map(|(_, role)| role.scope.as_str())
    }

    /// Returns the role's name in lower case. `None` for an unknown role.
    #[must_use]
    pub fn canonical(&self, role: &str) -> Option<&str> {
        self.find(role).map(|(name, _)| name)
    }

    /// Returns the role's permissions, sorted. Empty for an unknown role.
    pub fn permissions(&self, role: &str) -> impl Iterator<Item = &Permission> {
        self.find(role).into_iter().flat_map(|(_, role)| &role.permissions)
    }

    /// Returns the names of all roles, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn find(&self, role: &str) -> Option<(&str, &Role)> {
        // The table is small: comparing with every name is cheaper than a lower-case copy of the name.
        self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(role)).map(|(name, role)| (name.as_str(), role))
    }
}

fn role_name(name: &str) -> Result<String, PermissionError> {
    let lower = name.to_ascii_lowercase();
    if is_word(lower.as_bytes()) { Ok(lower) } else { Err(PermissionError::RoleName(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Permission = Permission::new("items:read");
    const WRITE: Permission = Permission::new("items:write");

    fn roles() -> Roles {
        Roles::new([("Admin", vec![WRITE, READ, WRITE]), ("viewer", vec![READ])]).unwrap()
    }

    #[test]
    fn a_role_permits_what_it_lists_and_nothing_else() {
        assert!(roles().permits("admin", &WRITE));
        assert!(roles().permits("viewer", &READ));
        assert!(!roles().permits("viewer", &WRITE));
        assert!(!roles().permits("", &READ) && !roles().permits("root", &READ));
    }

    #[test]
    fn role_names_are_case_insensitive_and_stored_in_lower_case() {
        assert_eq!(roles().canonical("ADMIN"), Some("admin"));
        assert!(roles().permits("Viewer", &READ));
        assert_eq!(roles().names().collect::<Vec<_>>(), ["admin", "viewer"]);
        assert_eq!(roles().canonical("root"), None);
    }

    #[test]
    fn a_scope_is_sorted_and_without_repetition() {
        assert_eq!(roles().scope("admin"), Some("items:read items:write"));
        assert_eq!(roles().scope("unknown"), None);
        assert_eq!(roles().permissions("admin").collect::<Vec<_>>(), [&READ, &WRITE]);
        assert_eq!(roles().permissions("unknown").count(), 0);
    }

    #[test]
    fn invalid_tables_are_rejected() {
        let build =
            |rows: &[(&'static str, &[Permission])]| Roles::new(rows.iter().map(|(name, list)| (*name, list.to_vec())));
        assert_eq!(build(&[("a", &[])]), Err(PermissionError::EmptyRole("a".to_owned())));
        assert_eq!(build(&[("a", &[READ]), ("A", &[READ])]), Err(PermissionError::DuplicateRole("a".to_owned())));
        for bad in ["", "a b", "é", "a:b", "abcdefghijklmnopqrstuvwxyz0123456"] {
            assert_eq!(build(&[(bad, &[READ])]), Err(PermissionError::RoleName(bad.to_owned())));
        }
        assert!(build(&[]).unwrap().names().next().is_none());
    }
}
