//! Looking at accounts and changing them.

use std::sync::Arc;

use keepstone_domain::{RoleName, User, UserId};
use keepstone_repository::Store;

use crate::{Accounts, Caller, Client, Error, Registration, Result, permission};

/// How much of a user a caller may see.
#[derive(Debug, Clone)]
pub enum Sight {
    /// Everything that is shown at all.
    Whole(User),
    /// Who it is, but neither address nor state.
    Public(User),
}

/// The users, for those who may.
pub struct Users {
    store: Arc<dyn Store>,
    accounts: Arc<Accounts>,
}

impl Users {
    /// Puts the parts together.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>, accounts: Arc<Accounts>) -> Self {
        Self { store, accounts }
    }

    /// One user, as far as the caller may see them: oneself, and with `users:read` everybody, as a whole.
    ///
    /// # Errors
    /// [`UserNotFound`](Error::UserNotFound).
    pub async fn find(&self, caller: &Caller, id: UserId) -> Result<Sight> {
        if caller.user.id == id {
            return Ok(Sight::Whole(User::clone(&caller.user)));
        }
        let user = self.store.read().await?.users().find(id).await?.ok_or(Error::UserNotFound)?;
        Ok(if caller.may(&permission::USERS_READ) { Sight::Whole(user) } else { Sight::Public(user) })
    }

    /// Makes an account of any role and state, `viewer` and active if nothing else is asked for. Needs `users:create`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions), and as [`Accounts::provision`].
    pub async fn create(&self, caller: &Caller, registration: Registration, client: &Client) -> Result<User> {
        caller.require(&permission::USERS_CREATE)?;
        let (user, password) = registration.into_parts(RoleName::viewer);
        self.accounts.provision(user, password, client).await
    }
}
