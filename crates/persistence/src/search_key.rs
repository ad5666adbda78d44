//! Rebuilding of search keys after the rules of the search have changed. Rows that change meanwhile are written with a
//! new key anyway.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use keepstone_domain::fold;
use keepstone_repository::Result;
use uuid::Uuid;

use crate::{
    connection::on,
    repositories::DieselRepositories,
    schema::{items, users},
    types::Id,
};

/// The separator between the texts of a user. A search text cannot contain it, so no match spans two texts.
const SEPARATOR: &str = "\u{1f}";

/// Returns the search key of a user.
pub fn of_user(email: &str, username: Option<&str>, name: Option<&str>) -> String {
    fold(&[email, username.unwrap_or_default(), name.unwrap_or_default()].join(SEPARATOR))
}

type UserTexts = (Id, i64, String, Option<String>, Option<String>, String);

pub async fn renew_users(repositories: &mut DieselRepositories, after: Option<Id>, limit: u32) -> Result<Option<Id>> {
    let after = after.unwrap_or(Id::of(Uuid::nil()));
    let rows: Vec<UserTexts> = on!(repositories, |conn| {
        let texts = (users::email, users::username, users::name, users::search_key);
        users::table
            .filter(users::public_id.gt(after))
            .order(users::public_id)
            .limit(limit.into())
            .select((users::public_id, users::version, texts.0, texts.1, texts.2, texts.3))
            .load(conn)
            .await
    })?;
    for (id, version, email, username, name, old) in &rows {
        let new = of_user(email, username.as_deref(), name.as_deref());
        if new != *old {
            on!(repositories, |conn| {
                let row = users::table.filter(users::public_id.eq(*id)).filter(users::version.eq(*version));
                diesel::update(row).set(users::search_key.eq(&new)).execute(conn).await
            })?;
        }
    }
    Ok(last_of_many(rows.iter().map(|row| row.0), limit))
}

type ItemTexts = (Id, i64, String, Option<String>, String, Option<String>);

pub async fn renew_items(repositories: &mut DieselRepositories, after: Option<Id>, limit: u32) -> Result<Option<Id>> {
    let after = after.unwrap_or(Id::of(Uuid::nil()));
    let rows: Vec<ItemTexts> = on!(repositories, |conn| {
        let texts = (items::title, items::description, items::title_key, items::description_key);
        items::table
            .filter(items::public_id.gt(after))
            .order(items::public_id)
            .limit(limit.into())
            .select((items::public_id, items::version, texts.0, texts.1, texts.2, texts.3))
            .load(conn)
            .await
    })?;
    for (id, version, title, description, old_title, old_description) in &rows {
        let (title, description) = (fold(title), description.as_deref().map(fold));
        if title != *old_title || description != *old_description {
            on!(repositories, |conn| {
                let row = items::table.filter(items::public_id.eq(*id)).filter(items::version.eq(*version));
                let keys = (items::title_key.eq(&title), items::description_key.eq(&description));
                diesel::update(row).set(keys).execute(conn).await
            })?;
        }
    }
    Ok(last_of_many(rows.iter().map(|row| row.0), limit))
}

/// Returns the last id if the batch is full, so more rows may follow.
fn last_of_many(ids: impl ExactSizeIterator<Item = Id>, limit: u32) -> Option<Id> {
    let is_full = u32::try_from(ids.len()).is_ok_and(|count| count >= limit);
    ids.last().filter(|_| is_full)
}
