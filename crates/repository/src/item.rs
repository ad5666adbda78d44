//! What storage can do with items.

use async_trait::async_trait;
use keepstone_domain::{Expected, Item, ItemFilter, ItemId, ItemPatch, Page, PageRequest, Timestamp, UserId};

use crate::Result;

/// The items.
#[async_trait]
pub trait ItemRepository {
    /// The item with this id.
    async fn find(&mut self, id: ItemId) -> Result<Option<Item>>;

    /// The items that are meant, newest first.
    async fn list(&mut self, filter: &ItemFilter, page: &PageRequest) -> Result<Page<Item>>;

    /// Keeps a new item.
    async fn insert(&mut self, item: &Item) -> Result<()>;

    /// Keeps those of these items that are not there yet, and gives how many there were: for many at once.
    async fn insert_missing(&mut self, items: &[Item]) -> Result<usize>;

    /// Changes an item: that of `owner` if there is one, and only in an expected version. `false`, and nothing is
    /// changed, if there is no such item.
    async fn update(
        &mut self,
        id: ItemId,
        owner: Option<UserId>,
        expected: &Expected,
        patch: &ItemPatch,
        now: Timestamp,
    ) -> Result<bool>;

    /// Renews what items are searched by, `limit` of them in the order of their ids, beginning after this one. Returns
    /// the last of them if there may be more. The items count as unchanged.
    async fn renew_search_keys(&mut self, after: Option<ItemId>, limit: u32) -> Result<Option<ItemId>>;

    /// Deletes an item, under the conditions of [`update`](Self::update).
    async fn delete(&mut self, id: ItemId, owner: Option<UserId>, expected: &Expected) -> Result<bool>;
}
