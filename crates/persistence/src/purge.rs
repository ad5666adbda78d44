//! Permanent removal of deleted users. Rows that belong to a user are removed before the user, so an interrupted
//! removal can be resumed. Reserved addresses stay until they expire: see [`email_change`](crate::email_change).

use diesel::{prelude::*, sql_query, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use keepstone_repository::{Purged, Result};

use crate::{
    connection::{Connection, on},
    repositories::DieselRepositories,
    schema::{items, refresh_tokens, sessions, users},
    types::{Id, Time},
};

/// The number of pages of SQLite's index that are merged at once.
const PAGES: i64 = 500;

/// Removes at most `limit` rows. If another process removes the same rows, fewer rows are removed here, or none.
///
/// Tokens are removed explicitly, because a session may have any number of them and a cascade has no limit.
pub async fn step(repositories: &mut DieselRepositories, user: Id, deleted_before: Time, limit: u32) -> Result<Purged> {
    let deleted: Option<i64> = on!(repositories, |conn| {
        users::table
            .filter(users::public_id.eq(user))
            .filter(users::deleted_at.le(deleted_before))
            .select(users::id)
            .first(conn)
            .await
            .optional()
    })?;
    let Some(user) = deleted else { return Ok(Purged::Nothing) };
    let mut rest = i64::from(limit);
    macro_rules! remove {
        ($table:ident, $theirs:expr) => {
            // Without an order, which would tempt a database to scan the whole table.
            let found: Vec<i64> = on!(repositories, |conn| $theirs.limit(rest).select($table::id).load(conn).await)?;
            if !found.is_empty() {
                let rows = $table::table.filter($table::id.eq_any(&found));
                on!(repositories, |conn| diesel::delete(rows).execute(conn).await)?;
                rest -= i64::try_from(found.len()).unwrap_or(rest);
                if rest == 0 {
                    return Ok(Purged::Partly);
                }
            }
        };
    }
    remove!(items, items::table.filter(items::owner_id.eq(user)));
    remove!(refresh_tokens, refresh_tokens::table.inner_join(sessions::table).filter(sessions::user_id.eq(user)));
    remove!(sessions, sessions::table.filter(sessions::user_id.eq(user)));
    let removed = on!(repositories, |conn| {
        let still_deleted = users::table.filter(users::id.eq(user)).filter(users::deleted_at.le(deleted_before));
        diesel::delete(still_deleted).execute(conn).await
    })?;
    Ok(if removed == 1 { Purged::Wholly } else { Purged::Nothing })
}

/// Merges SQLite's search index, which keeps deleted entries until all of its segments are merged.
pub async fn forget_searches(repositories: &mut DieselRepositories, first: bool) -> Result<bool> {
    if !matches!(repositories.connection(), Connection::Sqlite(_)) {
        return Ok(false);
    }
    let mut changed = false;
    for index in ["users_search", "items_search"] {
        let before = changes(repositories).await?;
        // A negative number starts a merge of all segments, a positive one continues it.
        let pages = if first { -PAGES } else { PAGES };
        let merge = format!("INSERT INTO {index} ({index}, rank) VALUES ('merge', ?)");
        on!(repositories, |conn| sql_query(merge).bind::<BigInt, _>(pages).execute(conn).await)?;
        // According to SQLite's documentation, the command itself counts as one change.
        changed |= changes(repositories).await? - before > 1;
    }
    Ok(changed)
}

/// Returns the number of rows that this connection has changed since it was opened.
async fn changes(repositories: &mut DieselRepositories) -> Result<i64> {
    on!(repositories, |conn| diesel::select(total_changes()).get_result(conn).await)
}

diesel::define_sql_function! {
    /// SQLite's `total_changes()`.
    fn total_changes() -> BigInt;
}
