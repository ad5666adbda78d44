//! Shared code of all lists: order, start of a page, totals and search.
//!
//! Lists are ordered by time, newest first, and then by public id. Every list has an index of both columns.

use std::collections::BTreeSet;

use diesel::{
    ExpressionMethods, QueryDsl, define_sql_function,
    sql_types::{Nullable, Text},
};
use diesel_async::RunQueryDsl;
use keepstone_domain::{PageRequest, Position, SearchText};
use keepstone_repository::Result;

use crate::{connection::Connection, connection::on, repositories::DieselRepositories, schema::row_counts};

/// Restricts a boxed query to the requested page, plus one row that shows whether more rows follow.
macro_rules! part {
    ($query:expr, $page:expr, $created_at:expr, $public_id:expr) => {{
        let query = $query.order(($created_at.desc(), $public_id.desc())).limit(i64::from($page.limit) + 1);
        match $page.start {
            keepstone_domain::Start::Skip(rows) => query.offset(rows.into()),
            keepstone_domain::Start::After(position) => {
                let (time, id) = $crate::list::place(position);
                // Written in this form, every database starts in the middle of the index; none does for a row-value
                // comparison.
                query.filter($created_at.le(time)).filter($created_at.lt(time).or($public_id.lt(id)))
            }
        }
    }};
}
pub(crate) use part;

/// Restricts a boxed query to the newest rows of this table that follow the start of the page.
macro_rules! recent {
    ($query:expr, $rows:expr, $page:expr, $created_at:expr) => {{
        let rows = $rows.select($created_at).order($created_at.desc()).offset(RECENT).limit(1).into_boxed();
        let newest = match $page.start {
            keepstone_domain::Start::Skip(_) => rows,
            keepstone_domain::Start::After(position) => rows.filter($created_at.le($crate::list::place(position).0)),
        };
        // In a smaller table this time is NULL and no row matches; the full search follows then.
        $query.filter($created_at.ge(newest.single_value().assume_not_null()))
    }};
}
pub(crate) use recent;

define_sql_function! {
    /// Returns the text, or the second argument if it is NULL.
    fn coalesce(text: Nullable<Text>, other: Text) -> Text;
}

/// The number of rows that count as recent.
pub const RECENT: i64 = 1_000;

/// Converts a position to column values.
pub fn place(position: Position) -> (crate::types::Time, crate::types::Id) {
    (crate::types::Time(position.created_at), crate::types::Id::of(position.id))
}

/// The part of a list that is searched.
///
/// Searching the newest rows first is cheap and finds frequent texts. A text that is not found there is rare, so an
/// index pays off. Neither way suits the other case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The newest rows that follow the start of the page.
    Recent,
    /// All rows.
    Everything,
}

impl Reach {
    /// Returns the reaches to search, one after the other, until there are enough rows.
    pub const fn of(search: Option<&SearchText>) -> &'static [Self] {
        if search.is_some() { &[Self::Recent, Self::Everything] } else { &[Self::Everything] }
    }

    /// Whether these rows fill the page and show that more follow, or nothing else remains to be searched.
    pub fn is_enough(self, rows: usize, page: &PageRequest) -> bool {
        self == Self::Everything || u32::try_from(rows).is_ok_and(|rows| rows > page.limit)
    }
}

/// The escape character of patterns. Not the backslash, which is also an escape character in MySQL's literals.
pub const ESCAPE: char = '!';

/// Returns the `LIKE` pattern for texts that contain this text.
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

/// Returns the query for SQLite's trigram index: rows that contain all trigrams of this text are candidates. `None` if
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

/// Whether to scan all rows in storage order. MariaDB has no index for substring search, and reading all rows in the
/// order of another index takes five times as long.
pub fn is_scan(repositories: &DieselRepositories, search: Option<&SearchText>, reach: Reach) -> bool {
    search.is_some() && reach == Reach::Everything && matches!(repositories.connection(), Connection::Mysql(_))
}

/// Returns the number of rows of a table, as maintained by triggers. Deleted users do not count.
pub async fn count(repositories: &mut DieselRepositories, table: &str) -> Result<u64> {
    let parts: Vec<i64> = on!(repositories, |conn| {
        row_counts::table.filter(row_counts::counted.eq(table)).select(row_counts::count).load(conn).await
    })?;
    Ok(as_count(parts.iter().sum()))
}

/// Converts a count of the database.
pub fn as_count(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_are_escaped_in_a_pattern() {
        assert_eq!(pattern(&SearchText::parse("100%_!\\a").unwrap()), "%100!%!_!!\\a%");
    }
}
