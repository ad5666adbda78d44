//! Storage of items.

use async_trait::async_trait;
use keepstone_domain::{Expected, Item, ItemFilter, ItemId, ItemPatch, Page, PageRequest, Timestamp, UserId};

use crate::Result;

/// The items.
#[async_trait]
pub trait ItemRepository {
    /// Finds an item by its id.
    async fn find(&mut self, id: ItemId) -> Result<Option<Item>>;

    /// Lists the items that match a filter, newest first.
    async fn list(&mut self, filter: &ItemFilter, page: &PageRequest) -> Result<Page<Item>>;

    /// Inserts a new item.
    async fn insert(&mut self, item: &Item) -> Result<()>;

    /// Inserts those items that do not exist yet, and returns their number. For bulk inserts.
    async fn insert_missing(&mut self, items: &[Item]) -> Result<usize>;

    /// Updates an item, provided that it belongs to `owner` (if given) and has an expected version. Returns `false`,
    /// and changes nothing, if there is no such item.
    async fn update(
        &mut self,
        id: ItemId,
        owner: Option<UserId>,
        expected: &Expected,
        patch: &ItemPatch,
        now: Timestamp,
    ) -> Result<bool>;

    /// Rebuilds the search keys of up to `limit` items after this one, in the order of their ids. Returns the last id
    /// if more items may follow. The items keep their versions.
    async fn renew_search_keys(&mut self, after: Option<ItemId>, limit: u32) -> Result<Option<ItemId>>;

    /// Deletes an item, under the conditions of [`update`](Self::update).
    async fn delete(&mut self, id: ItemId, owner: Option<UserId>, expected: &Expected) -> Result<bool>;
}
