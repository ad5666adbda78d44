//! Database access to items. The owner is written by a subselect and read by a join.

mod row;

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use diesel::{
    alias,
    dsl::sql,
    prelude::*,
    sql_types::{Bool, Text},
};
use diesel_async::RunQueryDsl;
use keepstone_domain::{
    Expected, Item, ItemFilter, ItemId, ItemPatch, Page, PageRequest, Position, Timestamp, UserId, Version,
};
use keepstone_repository::{ItemRepository, Result, StorageError};
use uuid::Uuid;

use row::{ItemChanges, ItemRow, NewItemRow, owned_row};

use crate::{
    connection::on,
    list::{self, ESCAPE, RECENT, Reach, coalesce, part, recent},
    repositories::DieselRepositories,
    schema::{items, users},
    search_key,
    types::{Id, UtcDateTime},
};

/// Selects the integer id of a user.
macro_rules! user_id {
    ($id:expr) => {
        users::table.filter(users::public_id.eq(Id::of($id))).select(users::id).single_value().assume_not_null()
    };
}

// A second alias of the users, for queries that already join them.
alias!(const OWNERS: Alias<Owners> = users as owners);

/// Applies a filter to a select of items, as a boxed query.
macro_rules! meant {
    ($select:expr, $filter:expr, $reach:expr, $trigrams:expr) => {{
        let mut query = $select.into_boxed();
        if let Some(owner) = $filter.owner_id {
            let is_owner = OWNERS.field(users::public_id).eq(Id::of(owner));
            let owner = OWNERS.filter(is_owner).select(OWNERS.field(users::id));
            query = query.filter(items::owner_id.eq(owner.single_value().assume_not_null()));
        }
        if let Some(search) = &$filter.search {
            let pattern = list::pattern(search);
            query = match $reach {
                // `coalesce` keeps the planner from using an index of these columns: the recent rows are few, so it
                // should read them.
                Reach::Recent => {
                    let title = coalesce(items::title_key.nullable(), "").like(pattern.clone()).escape(ESCAPE);
                    query.filter(title.or(coalesce(items::description_key, "").like(pattern).escape(ESCAPE)))
                }
                Reach::Everything => {
                    let title = items::title_key.like(pattern.clone()).escape(ESCAPE);
                    query.filter(title.or(items::description_key.like(pattern).escape(ESCAPE).assume_not_null()))
                }
            };
        }
        if let Some(trigrams) = $trigrams {
            let candidates = sql::<Bool>("items.id IN (SELECT rowid FROM items_search WHERE items_search MATCH ");
            query = query.filter(candidates.bind::<Text, _>(trigrams).sql(")"));
        }
        query
    }};
}

impl DieselRepositories {
    /// Selects the rows of a page within this reach, and one more if it exists.
    async fn items(&mut self, filter: &ItemFilter, page: &PageRequest, reach: Reach) -> Result<Vec<Item>> {
        let trigrams = list::trigrams(self, filter.search.as_ref(), reach);
        let is_scan = list::is_scan(self, filter.search.as_ref(), reach);
        let rows: Vec<(ItemRow, Id)> = on!(self, |conn| {
            // An outer join, because for an inner join MariaDB starts from the users and sorts all their items.
            let owner = users::public_id.nullable().assume_not_null();
            let select = items::table.left_join(users::table).select((ItemRow::as_select(), owner));
            let mut query = meant!(select, filter, reach, trigrams);
            if reach == Reach::Recent {
                query = recent!(query, items::table, page, items::created_at);
            }
            let mut part = part!(query, page, items::created_at, items::public_id);
            if is_scan {
                let time = sql::<UtcDateTime>("items.created_at + INTERVAL 0 SECOND");
                part = part.order((time.desc(), items::public_id.desc()));
            }
            part.load(conn).await
        })?;
        rows.into_iter().map(ItemRow::into_item).collect()
    }

    async fn count_items(&mut self, filter: &ItemFilter) -> Result<u64> {
        if filter.owner_id.is_none() && filter.search.is_none() {
            return list::count(self, "items").await;
        }
        let trigrams = list::trigrams(self, filter.search.as_ref(), Reach::Everything);
        let select = items::table.count();
        let count = on!(self, |conn| meant!(select, filter, Reach::Everything, trigrams).get_result(conn).await)?;
        Ok(list::as_count(count))
    }
}

#[async_trait]
impl ItemRepository for DieselRepositories {
    async fn find(&mut self, id: ItemId) -> Result<Option<Item>> {
        let row = on!(self, |conn| {
            items::table
                .inner_join(users::table)
                .filter(items::public_id.eq(Id::of(id)))
                .select((ItemRow::as_select(), users::public_id))
                .first(conn)
                .await
                .optional()
        })?;
        row.map(ItemRow::into_item).transpose()
    }

    async fn list(&mut self, filter: &ItemFilter, page: &PageRequest) -> Result<Page<Item>> {
        let mut rows = Vec::new();
        for reach in Reach::of(filter.search.as_ref()) {
            rows = self.items(filter, page, *reach).await?;
            if reach.is_enough(rows.len(), page) {
                break;
            }
        }
        let mut found = Page::of(rows, page, |item| Position { created_at: item.created_at, id: item.id.into() });
        if page.with_total && found.total.is_none() {
            found.total = Some(self.count_items(filter).await?);
        }
        Ok(found)
    }

    async fn insert(&mut self, item: &Item) -> Result<()> {
        let row = (NewItemRow::from(item), items::owner_id.eq(user_id!(item.owner_id)));
        on!(self, |conn| diesel::insert_into(items::table).values(row).execute(conn).await).map(drop)
    }

    async fn insert_missing(&mut self, items: &[Item]) -> Result<usize> {
        let ids: Vec<Id> = items.iter().map(|item| Id::of(item.id)).collect();
        let there: Vec<Id> = on!(self, |conn| {
            items::table.filter(items::public_id.eq_any(&ids)).select(items::public_id).load(conn).await
        })?;
        let there: HashSet<Uuid> = there.into_iter().map(Id::get).collect();
        let owners: HashSet<UserId> = items.iter().map(|item| item.owner_id).collect();
        let owners: Vec<Id> = owners.into_iter().map(Id::of).collect();
        let owners: Vec<(Id, i64)> = on!(self, |conn| {
            users::table.filter(users::public_id.eq_any(&owners)).select((users::public_id, users::id)).load(conn).await
        })?;
        let owners: HashMap<UserId, i64> = owners.into_iter().map(|(id, integer)| (id.get(), integer)).collect();
        let missing = items.iter().filter(|item| !there.contains(&item.id.into())).map(|item| {
            let owner = owners.get(&item.owner_id).copied();
            let no_owner = || StorageError::Corrupt(format!("item {} has no owner", item.id));
            Ok((item.clone(), owner.ok_or_else(no_owner)?))
        });
        let missing: Vec<(Item, i64)> = missing.collect::<Result<_>>()?;
        let count = missing.len();
        if count > 0 {
            on!(
                self,
                |conn| {
                    let insert = move |conn: &mut SqliteConnection| {
                        missing.iter().try_for_each(|row| {
                            let insert = diesel::insert_into(items::table).values(owned_row(row));
                            diesel::RunQueryDsl::execute(insert, conn).map(drop)
                        })
                    };
                    conn.spawn_blocking(insert).await
                },
                |conn| {
                    let rows: Vec<_> = missing.iter().map(owned_row).collect();
                    diesel::insert_into(items::table).values(&rows).execute(conn).await.map(drop)
                }
            )?;
        }
        Ok(count)
    }

    async fn update(
        &mut self,
        id: ItemId,
        owner: Option<UserId>,
        expected: &Expected,
        patch: &ItemPatch,
        now: Timestamp,
    ) -> Result<bool> {
        let changed = on!(self, |conn| {
            let mut query = diesel::update(items::table)
                .filter(items::public_id.eq(Id::of(id)))
                .set((ItemChanges::new(patch, now), items::version.eq(items::version + 1)))
                .into_boxed();
            if let Some(owner) = owner {
                query = query.filter(items::owner_id.eq(user_id!(owner)));
            }
            if let Expected::OneOf(versions) = expected {
                query = query.filter(items::version.eq_any(numbers(versions)));
            }
            query.execute(conn).await
        })?;
        Ok(changed == 1)
    }

    async fn renew_search_keys(&mut self, after: Option<ItemId>, limit: u32) -> Result<Option<ItemId>> {
        Ok(search_key::renew_items(self, after.map(Id::of), limit).await?.map(Id::get))
    }

    async fn delete(&mut self, id: ItemId, owner: Option<UserId>, expected: &Expected) -> Result<bool> {
        let deleted = on!(self, |conn| {
            let mut query = diesel::delete(items::table).filter(items::public_id.eq(Id::of(id))).into_boxed();
            if let Some(owner) = owner {
                query = query.filter(items::owner_id.eq(user_id!(owner)));
            }
            if let Expected::OneOf(versions) = expected {
                query = query.filter(items::version.eq_any(numbers(versions)));
            }
            query.execute(conn).await
        })?;
        Ok(deleted == 1)
    }
}

fn numbers(versions: &[Version]) -> Vec<i64> {
    versions.iter().map(|version| version.get()).collect()
}
