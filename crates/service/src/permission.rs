//! What can be permitted here. Roles are sets of these, and configuration.

use keepstone_auth::permission::Permission;

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
