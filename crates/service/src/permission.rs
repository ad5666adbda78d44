//! What can be permitted here. Roles are sets of these, and configuration.

use keepstone_auth::{
    error::PermissionError,
    permission::{Permission, Roles},
};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        $($(#[$doc])* pub const $name: Permission = Permission::new($text);)+

        /// Every permission there is.
        pub const ALL: &[Permission] = &[$($name),+];
    };
}

permissions! {
    /// See every user, with address and state.
    USERS_READ = "users:read";
    /// Make users of any role.
    USERS_CREATE = "users:create";
    /// Change other users' names and addresses.
    USERS_UPDATE = "users:update";
    /// Change roles and states, touch administrators, delete.
    USERS_MANAGE = "users:manage";
    /// See items.
    ITEMS_READ = "items:read";
    /// Make items and change one's own.
    ITEMS_WRITE = "items:write";
    /// Change anybody's items.
    ITEMS_MANAGE = "items:manage";
    /// Have mail sent.
    EMAIL_SEND = "email:send";
    /// See background jobs and start them again.
    JOBS_MANAGE = "jobs:manage";
    /// See the audit log.
    AUDIT_READ = "audit:read";
}

/// Builds the table of roles from names of permissions; `*` is every permission.
///
/// # Errors
/// [`PermissionError`] names the first role or permission that is wrong.
pub fn roles<'a, P>(table: impl IntoIterator<Item = (&'a str, P)>) -> Result<Roles, PermissionError>
where
    P: IntoIterator<Item = &'a str>,
{
    let mut roles = Vec::new();
    for (role, names) in table {
        let mut permissions = Vec::new();
        for name in names {
            match name {
                "*" => permissions.extend_from_slice(ALL),
                name => permissions.push(find(name)?),
            }
        }
        roles.push((role, permissions));
    }
    Roles::new(roles)
}

fn find(name: &str) -> Result<Permission, PermissionError> {
    let known = ALL.iter().find(|permission| permission.as_str() == name);
    known.cloned().ok_or_else(|| PermissionError::Permission(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_every_permission() {
        let roles = roles([("admin", ["*"]), ("viewer", ["items:read"])]).unwrap();
        assert!(ALL.iter().all(|permission| roles.permits("admin", permission)));
        assert_eq!(roles.scope("viewer"), Some("items:read"));
    }

    #[test]
    fn a_permission_that_nothing_asks_for_is_refused() {
        assert!(roles([("admin", ["items:destroy"])]).is_err());
    }
}
