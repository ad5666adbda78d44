//! The administrator of a new database.

use keepstone_domain::{Email, NewUser, PageRequest, RoleName, UserFilter};
use keepstone_repository::Store;

use crate::{Accounts, Client, Error, NewPassword, Receipt, Result};

/// The outcome of creating the first administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstAdmin {
    /// This call created the account.
    Created,
    /// The database already has an administrator.
    Exists,
    /// The address belongs to a user who is not an administrator. The role stays unchanged, because anyone may have
    /// signed up with the address.
    AddressTaken,
}

impl FirstAdmin {
    /// Creates an administrator if the database has none. Of several processes that do so at once, exactly one creates
    /// it, because the address is unique.
    ///
    /// # Errors
    /// [`Password`](Error::Password) if the password resembles the address; otherwise only storage errors.
    pub async fn ensure(accounts: &Accounts, store: &dyn Store, email: Email, password: NewPassword) -> Result<Self> {
        if has_admin(store).await? {
            return Ok(Self::Exists);
        }
        let user = NewUser { email, username: None, name: None, role: RoleName::admin(), is_active: true };
        match accounts.provision(user, password, None, &Client::default(), Receipt::none()).await {
            Ok(_) => Ok(Self::Created),
            Err(Error::EmailTaken) if has_admin(store).await? => Ok(Self::Exists),
            Err(Error::EmailTaken) => Ok(Self::AddressTaken),
            Err(error) => Err(error),
        }
    }
}

async fn has_admin(store: &dyn Store) -> Result<bool> {
    let filter = UserFilter { role: Some(RoleName::admin()), search: None };
    let page = PageRequest { with_total: false, ..PageRequest::first(1) };
    // Not a replica, which may lag behind.
    let found = store.write().await?.users().list(&filter, &page).await?;
    Ok(!found.items.is_empty())
}
