//! The permissions of this application. The configuration defines roles as sets of permissions.

use keepstone_auth::permission::Permission;

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        $($(#[$doc])* pub const $name: Permission = Permission::new($text);)+

        /// All permissions.
        pub const ALL: &[Permission] = &[$($name),+];
    };
}

permissions! {
    /// View every user, with address and state.
    USERS_READ = "users:read";
    /// Create users of any role.
    USERS_CREATE = "users:create";
    /// Change other users' names and addresses.
    USERS_UPDATE = "users:update";
    /// Change roles and states, edit administrators, and delete users.
    USERS_MANAGE = "users:manage";
    /// View items.
    ITEMS_READ = "items:read";
    /// Create items and change one's own.
    ITEMS_WRITE = "items:write";
    /// Change any user's items.
    ITEMS_MANAGE = "items:manage";
    /// Send e-mails.
    EMAIL_SEND = "email:send";
    /// View and retry background jobs.
    JOBS_MANAGE = "jobs:manage";
    /// View the audit log.
    AUDIT_READ = "audit:read";
}
