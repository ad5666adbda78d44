//! What all lists have in common: their order, where a part of one begins, how long one is, and what is found in one.
//!
//! Newest first, and in the order of their public ids what is of the same time: there is an index of both for every
//! list.

use std::collections::BTreeSet;

use diesel::{
    ExpressionMethods, QueryDsl, define_sql_function,
    sql_types::{Nullable, Text},
};
use diesel_async::RunQueryDsl;
use keepstone_domain::{PageRequest, Position, SearchText};
use keepstone_repository::Result;

use crate::{connection::Connection, connection::on, repositories::DieselRepositories, schema::row_counts};

/// The part of a boxed query that a page request asks for, and one row more, which tells whether others follow.
macro_rules! part {
    ($query:expr, $page:expr, $created_at:expr, $public_id:expr) => {{
        let query = $query.order(($created_at.desc(), $public_id.desc())).limit(i64::from($page.limit) + 1);
        match $page.start {
            keepstone_domain::Start::Skip(rows) => query.offset(rows.into()),
            keepstone_domain::Start::After(position) => {
                let (time, id) = $crate::list::place(position);
                // Said so that every database begins in the middle of the index: none does that with a pair in
                // brackets.
                query.filter($created_at.le(time)).filter($created_at.lt(time).or($public_id.lt(id)))
            }
        }
    }};
}
pub(crate) use part;

/// The rows of a boxed query that are among the newest of those of this table that come after where the part begins.
macro_rules! recent {
    ($query:expr, $rows:expr, $page:expr, $created_at:expr) => {{
        let rows = $rows.select($created_at).order($created_at.desc()).offset(RECENT).limit(1).into_boxed();
        let newest = match $page.start {
            keepstone_domain::Start::Skip(_) => rows,
            keepstone_domain::Start::After(position) => rows.filter($created_at.le($crate::list::place(position).0)),
        };
        // Of a table with fewer rows there is no such time, and no row is newer than none.
        $query.filter($created_at.ge(newest.single_value().assume_not_null()))
    }};
}
pub(crate) use recent;

define_sql_function! {
    /// The text, or the other one if it is NULL.
    fn coalesce(text: Nullable<Text>, other: Text) -> Text;
}

/// How many rows are recent.
pub const RECENT: i64 = 1_000;

/// A position as columns have it.
pub fn place(position: Position) -> (crate::types::Time, crate::types::Id) {
    (crate::types::Time(position.created_at), crate::types::Id::of(position.id))
}

/// How much of a list is searched.
///
/// Looking at the newest rows first is cheap, and finds what is frequent; what is not found there is rare, and for that
/// the index of the database is good. Neither is good for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The newest of those that are asked for.
    Recent,
    /// All.
    Everything,
}

impl Reach {
    /// Where to look, one after the other, until there is enough.
    pub const fn of(search: Option<&SearchText>) -> &'static [Self] {
        if search.is_some() { &[Self::Recent, Self::Everything] } else { &[Self::Everything] }
    }

    /// Whether this many rows are all that a part can have, and one more.
    pub fn is_enough(self, rows: usize, page: &PageRequest) -> bool {
        self == Self::Everything || u32::try_from(rows).is_ok_and(|rows| rows > page.limit)
    }
}

/// Escapes what is special in a pattern. Not the backslash: it also escapes in MySQL's literals.
pub const ESCAPE: char = '!';

/// The pattern of `LIKE` for texts with this inside.
pub fn pattern(search: &SearchText) -> String {
    let mut pattern = String::from("%");
    for character in search.folded().chars() {
        if matches!(character, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// What asks SQLite's trigram index for rows that may have this inside: all three characters in a row of it. `None` if
/// the index cannot help.
pub fn trigrams(repositories: &DieselRepositories, search: Option<&SearchText>, reach: Reach) -> Option<String> {
    let search = search?;
    if reach == Reach::Recent || !matches!(repositories.connection(), Connection::Sqlite(_)) {
        return None;
    }
    let characters: Vec<char> = search.folded().chars().collect();
    let quoted = |trigram: &[char]| format!("\"{}\"", trigram.iter().collect::<String>().replace('"', "\"\""));
    let all: BTreeSet<String> = characters.windows(3).map(quoted).collect();
    if all.is_empty() { None } else { Some(Vec::from_iter(all).join(" AND ")) }
}

/// Whether all rows are to be read as they lie: MariaDB has no index for a search, and reading them in the order of
/// another one takes it five times as long.
pub fn is_scan(repositories: &DieselRepositories, search: Option<&SearchText>, reach: Reach) -> bool {
    search.is_some() && reach == Reach::Everything && matches!(repositories.connection(), Connection::Mysql(_))
}

/// How many rows a table has, as its triggers keep it; deleted users do not count.
pub async fn count(repositories: &mut DieselRepositories, table: &str) -> Result<u64> {
    let parts: Vec<i64> = on!(repositories, |conn| {
        row_counts::table.filter(row_counts::counted.eq(table)).select(row_counts::count).load(conn).await
    })?;
    Ok(as_count(parts.iter().sum()))
}

/// A count, as databases give it.
pub fn as_count(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_special_in_a_pattern() {
        assert_eq!(pattern(&SearchText::parse("100%_!\\a").unwrap()), "%100!%!_!!\\a%");
    }
}
