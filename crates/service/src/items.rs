//! What people keep here: looking, making, changing.
//!
//! Everybody with `items:read` sees every item. An item is changed by its owner with `items:write`, or with
//! `items:manage`; whose it is is part of the statement that changes it, so that nobody changes what has just become
//! another's.

use std::sync::Arc;

use keepstone_domain::{Clock, Expected, Item, ItemFilter, ItemId, ItemPatch, NewItem, Page, PageRequest, UserId};
use keepstone_repository::{Store, UnitOfWork};

use crate::{Caller, Error, Receipt, Result, permission};

/// The items, for those who may.
pub struct Items {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl Items {
    /// Puts the parts together.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// One item. Needs `items:read`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions), [`ItemNotFound`](Error::ItemNotFound).
    pub async fn find(&self, caller: &Caller, id: ItemId) -> Result<Item> {
        caller.require(&permission::ITEMS_READ)?;
        self.store.read().await?.items().find(id).await?.ok_or(Error::ItemNotFound)
    }

    /// The items that are meant, newest first. Needs `items:read`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions).
    pub async fn list(&self, caller: &Caller, filter: &ItemFilter, page: &PageRequest) -> Result<Page<Item>> {
        caller.require(&permission::ITEMS_READ)?;
        Ok(self.store.read().await?.items().list(filter, page).await?)
    }

    /// Makes an item, which is the caller's. Needs `items:write`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions).
    pub async fn create(&self, caller: &Caller, item: NewItem, receipt: Receipt<Item>) -> Result<Item> {
        caller.require(&permission::ITEMS_WRITE)?;
        let item = item.into_item(caller.user.id, self.clock.now());
        if receipt.is_wanted() {
            let make = async |tx: &mut UnitOfWork| {
                tx.items().insert(&item).await?;
                receipt.keep(tx, &item).await
            };
            self.store.transaction(make).await?;
            receipt.close();
        } else {
            // One statement needs no transaction, and two messages less to a server.
            self.store.write().await?.items().insert(&item).await?;
        }
        Ok(item)
    }

    /// Changes an item in an expected version, and gives it as it is then.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions), [`ItemNotFound`](Error::ItemNotFound),
    /// [`PreconditionFailed`](Error::PreconditionFailed).
    pub async fn update(&self, caller: &Caller, id: ItemId, expected: &Expected, patch: &ItemPatch) -> Result<Item> {
        let owner = must_own(caller)?;
        let now = self.clock.now();
        let change = async |tx: &mut UnitOfWork| {
            let items = tx.items();
            let is_changed = !patch.is_empty() && items.update(id, owner, expected, patch, now).await?;
            let item = items.find(id).await?.ok_or(Error::ItemNotFound)?;
            if !is_changed {
                refuse(&item, owner, expected)?;
            }
            Ok(item)
        };
        self.store.transaction(change).await
    }

    /// Deletes an item in an expected version.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub async fn delete(&self, caller: &Caller, id: ItemId, expected: &Expected) -> Result<()> {
        let owner = must_own(caller)?;
        let mut repositories = self.store.write().await?;
        if repositories.items().delete(id, owner, expected).await? {
            return Ok(());
        }
        let item = repositories.items().find(id).await?.ok_or(Error::ItemNotFound)?;
        refuse(&item, owner, expected)?;
        // It was the caller's, in an expected version, a moment too late.
        Err(Error::PreconditionFailed)
    }
}

/// Whose item it must be for the caller to change it; `None` is anybody's.
fn must_own(caller: &Caller) -> Result<Option<UserId>> {
    if caller.may(&permission::ITEMS_MANAGE) {
        return Ok(None);
    }
    caller.require(&permission::ITEMS_WRITE)?;
    Ok(Some(caller.user.id))
}

/// Why an item was not changed.
fn refuse(item: &Item, owner: Option<UserId>, expected: &Expected) -> Result<()> {
    if owner.is_some_and(|owner| owner != item.owner_id) {
        Err(Error::InsufficientPermissions)
    } else if expected.is_met_by(item.version) {
        Ok(())
    } else {
        Err(Error::PreconditionFailed)
    }
}
