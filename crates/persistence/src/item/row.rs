//! Items as rows: what is read of one, and what is written.
#![expect(clippy::ref_option_ref, reason = "the derives of Insertable and AsChangeset make them")]

use diesel::{dsl::Eq, prelude::*};
use keepstone_domain::{Description, Invalid, Item, ItemId, ItemPatch, Timestamp, Title, Version, fold};
use keepstone_repository::{Result, StorageError};

use crate::{
    schema::items,
    types::{Id, Time},
};

/// A row without what is there for the database only. Whose it is comes from the user's row.
#[derive(Queryable, Selectable)]
#[diesel(table_name = items)]
pub struct ItemRow {
    public_id: Id,
    title: String,
    description: Option<String>,
    version: i64,
    created_at: Time,
    updated_at: Time,
}

impl ItemRow {
    pub fn into_item((row, owner): (Self, Id)) -> Result<Item> {
        let id: ItemId = row.public_id.get();
        let corrupt = |error: Invalid| StorageError::Corrupt(format!("item {id} {error}"));
        Ok(Item {
            id,
            title: Title::parse(&row.title).map_err(corrupt)?,
            description: row.description.as_deref().map(Description::parse).transpose().map_err(corrupt)?,
            owner_id: owner.get(),
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            version: Version::from(row.version),
        })
    }
}

/// A row to insert, without its owner.
#[derive(Insertable)]
#[diesel(table_name = items, treat_none_as_default_value = false)]
pub struct NewItemRow<'a> {
    public_id: Id,
    title: &'a str,
    title_key: String,
    description: Option<&'a str>,
    description_key: Option<String>,
    version: i64,
    created_at: Time,
    updated_at: Time,
}

impl<'a> From<&'a Item> for NewItemRow<'a> {
    fn from(item: &'a Item) -> Self {
        let description = item.description.as_ref().map(Description::as_str);
        Self {
            public_id: Id::of(item.id),
            title: item.title.as_str(),
            title_key: fold(item.title.as_str()),
            description,
            description_key: description.map(fold),
            version: item.version.get(),
            created_at: Time(item.created_at),
            updated_at: Time(item.updated_at),
        }
    }
}

/// A row to insert, with its owner's integer.
pub fn owned_row((item, owner): &(Item, i64)) -> (NewItemRow<'_>, Eq<items::owner_id, i64>) {
    (NewItemRow::from(item), items::owner_id.eq(*owner))
}

#[derive(AsChangeset)]
#[diesel(table_name = items)]
pub struct ItemChanges<'a> {
    title: Option<&'a str>,
    title_key: Option<String>,
    description: Option<Option<&'a str>>,
    description_key: Option<Option<String>>,
    updated_at: Time,
}

impl<'a> ItemChanges<'a> {
    pub fn new(patch: &'a ItemPatch, now: Timestamp) -> Self {
        let description = patch.description.as_ref().map(|text| text.as_ref().map(Description::as_str));
        Self {
            title: patch.title.as_ref().map(Title::as_str),
            title_key: patch.title.as_ref().map(|title| fold(title.as_str())),
            description,
            description_key: description.map(|text| text.map(fold)),
            updated_at: Time(now),
        }
    }
}
