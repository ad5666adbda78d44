//! Items: reading, creating and changing them.
//!
//! Callers with `items:read` see every item. An item can be changed by its owner with `items:write`, or by any caller
//! with `items:manage`. Each statement that changes an item checks its owner, so an item that has just been transferred
//! is safe from its previous owner.

use std::sync::Arc;

use keepstone_domain::{Clock, Expected, Item, ItemFilter, ItemId, ItemPatch, NewItem, Page, PageRequest, UserId};
use keepstone_repository::{Store, UnitOfWork};

use crate::{Caller, Error, Receipt, Result, permission};

/// The items, for callers with permission.
pub struct Items {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl Items {
    /// Creates the service.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Returns an item. Requires `items:read`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions), [`ItemNotFound`](Error::ItemNotFound).
    pub async fn find(&self, caller: &Caller, id: ItemId) -> Result<Item> {
        caller.require(&permission::ITEMS_READ)?;
        self.store.read().await?.items().find(id).await?.ok_or(Error::ItemNotFound)
    }

    /// Lists the items that match a filter, newest first. Requires `items:read`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions).
    pub async fn list(&self, caller: &Caller, filter: &ItemFilter, page: &PageRequest) -> Result<Page<Item>> {
        caller.require(&permission::ITEMS_READ)?;
        Ok(self.store.read().await?.items().list(filter, page).await?)
    }

    /// Creates an item owned by the caller. Requires `items:write`.
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
            // A single statement needs no transaction, which saves two messages to a database server.
            self.store.write().await?.items().insert(&item).await?;
        }
        Ok(item)
    }

    /// Updates an item of an expected version, and returns its new state.
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

    /// Deletes an item of an expected version.
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
        // The item belonged to the caller and had an expected version, but a concurrent change came first.
        Err(Error::PreconditionFailed)
    }
}

/// Returns the owner that an item must have for the caller to change it; `None` for any owner.
fn must_own(caller: &Caller) -> Result<Option<UserId>> {
    if caller.may(&permission::ITEMS_MANAGE) {
        return Ok(None);
    }
    caller.require(&permission::ITEMS_WRITE)?;
    Ok(Some(caller.user.id))
}

/// Returns the error that explains why an item was not changed.
fn refuse(item: &Item, owner: Option<UserId>, expected: &Expected) -> Result<()> {
    if owner.is_some_and(|owner| owner != item.owner_id) {
        Err(Error::InsufficientPermissions)
    } else if expected.is_met_by(item.version) {
        Ok(())
    } else {
        Err(Error::PreconditionFailed)
    }
}
