//! Who asks.

use std::sync::Arc;

use keepstone_auth::permission::{Permission, Roles};
use keepstone_domain::{SessionId, User};

use crate::{Error, Result};

/// A user whose access token, session and account were all found good for this request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account, as it is now.
    pub user: Arc<User>,
    /// The session that the token belongs to.
    pub session_id: SessionId,
    pub(crate) roles: Arc<Roles>,
}

impl Caller {
    /// Whether the caller's role, as it is now, permits this.
    #[must_use]
    pub fn may(&self, permission: &Permission) -> bool {
        self.roles.permits(self.user.role.as_str(), permission)
    }

    /// Refuses a caller whose role does not permit this.
    ///
    /// # Errors
    /// [`Error::InsufficientPermissions`].
    pub fn require(&self, permission: &Permission) -> Result<()> {
        if self.may(permission) { Ok(()) } else { Err(Error::InsufficientPermissions) }
    }
}
