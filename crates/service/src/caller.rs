//! The authenticated caller of a use case.

use std::sync::Arc;

use keepstone_auth::permission::{Permission, Roles};
use keepstone_domain::{SessionId, User};

use crate::{Error, Result};

/// A user whose access token, session and account were all found valid for this request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account in its current state.
    pub user: Arc<User>,
    /// The session that the token belongs to.
    pub session_id: SessionId,
    pub(crate) roles: Arc<Roles>,
}

impl Caller {
    /// Returns whether the caller's current role grants this permission.
    #[must_use]
    pub fn may(&self, permission: &Permission) -> bool {
        self.roles.permits(self.user.role.as_str(), permission)
    }

    /// Rejects a caller whose role does not grant this permission.
    ///
    /// # Errors
    /// [`Error::InsufficientPermissions`].
    pub fn require(&self, permission: &Permission) -> Result<()> {
        if self.may(permission) { Ok(()) } else { Err(Error::InsufficientPermissions) }
    }
}
