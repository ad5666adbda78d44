//! Removing deleted users for good. What is a user's goes before the user, so that whoever is interrupted finds the rest again.

use diesel::{prelude::*, sql_query, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use keepstone_repository::{Purged, Result};

use crate::{
    connection::{Connection, on},
    repositories::DieselRepositories,
    schema::{items, refresh_tokens, sessions, users},
    types::Time,
};

/// How many pages of SQLite's index are written at once.
const PAGES: i64 = 500;

/// Removes `limit` rows at most. Others may be removing the same ones: then fewer are removed here, or none.
///
/// A session has as many tokens as it was refreshed, so they are not left to the foreign key, which knows no limit.
pub async fn step(repositories: &mut DieselRepositories, deleted_before: Time, limit: u32) -> Result<Purged> {
    let deleted: Vec<i64> = on!(repositories, |conn| {
        users::table
            .filter(users::deleted_at.le(deleted_before))
            .order(users::deleted_at)
            .limit(limit.into())
            .select(users::id)
            .load(conn)
            .await
    })?;
    if deleted.is_empty() {
        return Ok(Purged { users: 0, is_done: true });
    }
    let mut rest = i64::from(limit);
    macro_rules! remove {
        ($table:ident, $found:expr) => {
            if rest > 0 {
                // In no order: one would tempt a database to look through the whole table.
                let found: Vec<i64> = on!(repositories, |conn| $found.limit(rest).select($table::id).load(conn).await)?;
                rest -= i64::try_from(found.len()).unwrap_or(i64::MAX);
                let rows = $table::table.filter($table::id.eq_any(&found));
                on!(repositories, |conn| diesel::delete(rows).execute(conn).await)?;
            }
        };
    }
    remove!(items, items::table.filter(items::owner_id.eq_any(&deleted)));
    let tokens = refresh_tokens::table.inner_join(sessions::table);
    remove!(refresh_tokens, tokens.filter(sessions::user_id.eq_any(&deleted)));
    remove!(sessions, sessions::table.filter(sessions::user_id.eq_any(&deleted)));
    // Nothing is left of any of them, or else there would be no rows to spare.
    let gone: Vec<i64> = deleted.into_iter().take(usize::try_from(rest).unwrap_or_default()).collect();
    let users = on!(repositories, |conn| {
        let still_deleted = users::table.filter(users::id.eq_any(&gone)).filter(users::deleted_at.le(deleted_before));
        diesel::delete(still_deleted).execute(conn).await
    })?;
    Ok(Purged { users, is_done: false })
}

/// SQLite's index keeps what was deleted, and a note that it is, until its parts are merged into one.
pub async fn forget_searches(repositories: &mut DieselRepositories, first: bool) -> Result<bool> {
    if !matches!(repositories.connection(), Connection::Sqlite(_)) {
        return Ok(false);
    }
    let mut changed = false;
    for index in ["users_search", "items_search"] {
        let before = changes(repositories).await?;
        // A negative number makes one merge of all parts, a positive one goes on with it.
        let pages = if first { -PAGES } else { PAGES };
        let merge = format!("INSERT INTO {index} ({index}, rank) VALUES ('merge', ?)");
        on!(repositories, |conn| sql_query(merge).bind::<BigInt, _>(pages).execute(conn).await)?;
        // As SQLite's documentation has it: one change is the command itself.
        changed |= changes(repositories).await? - before > 1;
    }
    Ok(changed)
}

/// How many rows this connection has ever changed.
async fn changes(repositories: &mut DieselRepositories) -> Result<i64> {
    on!(repositories, |conn| diesel::select(total_changes()).get_result(conn).await)
}

diesel::define_sql_function! {
    /// SQLite's own.
    fn total_changes() -> BigInt;
}
