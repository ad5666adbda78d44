//! Pages of lists, newest first.

use uuid::Uuid;

use crate::Timestamp;

/// The position of a row in a list. Lists are ordered by these two values, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The time at which the row was created.
    pub created_at: Timestamp,
    /// The public id of the row, which orders rows of the same time.
    pub id: Uuid,
}

/// The start of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// After this many rows. The cost grows with their number.
    Skip(u32),
    /// After the row that is, or was, at this position. The cost is the same at any depth.
    After(Position),
}

/// A request for a page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// The start of the page.
    pub start: Start,
    /// The maximum number of rows.
    pub limit: u32,
    /// Whether to also return the total number of rows.
    pub with_total: bool,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows of this page, newest first.
    pub items: Vec<T>,
    /// The total number of rows of the list, if requested.
    pub total: Option<u64>,
    /// The position of the last row of this page, if more rows follow.
    pub next: Option<Position>,
}

impl PageRequest {
    /// Creates a request for the first rows and the total.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { start: Start::Skip(0), limit, with_total: true }
    }

    /// Returns the number of rows to skip.
    #[must_use]
    pub const fn skip(&self) -> u32 {
        match self.start {
            Start::Skip(rows) => rows,
            Start::After(_) => 0,
        }
    }
}

impl<T> Page<T> {
    /// Creates a page from the rows at its start. The query reads one row more than the limit, which shows whether more
    /// rows follow. `total` is set only if it is known from these rows.
    #[must_use]
    pub fn of(mut rows: Vec<T>, request: &PageRequest, place: impl Fn(&T) -> Position) -> Self {
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let goes_on = rows.len() > limit;
        rows.truncate(limit);
        let total = match request.start {
            Start::Skip(skip) if request.with_total && !goes_on && (skip == 0 || !rows.is_empty()) => {
                u64::try_from(rows.len()).ok().map(|rows| rows + u64::from(skip))
            }
            _ => None,
        };
        let next = if goes_on { rows.last().map(place) } else { None };
        Self { items: rows, total, next }
    }

    /// Converts each row.
    #[must_use]
    pub fn map<U>(self, view: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(view).collect(), total: self.total, next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn place(id: u128) -> Position {
        Position { created_at: Timestamp::UNIX_EPOCH, id: Uuid::from_u128(id) }
    }

    fn part(rows: &[u128], request: PageRequest) -> (usize, Option<u64>, Option<Position>) {
        let page = Page::of(rows.to_vec(), &request, |row| place(*row));
        (page.items.len(), page.total, page.next)
    }

    #[test]
    fn an_extra_row_shows_that_more_rows_follow() {
        assert_eq!(part(&[1, 2, 3], PageRequest::first(2)), (2, None, Some(place(2))));
        assert_eq!(part(&[1, 2], PageRequest::first(2)), (2, Some(2), None));
        assert_eq!(part(&[], PageRequest::first(2)), (0, Some(0), None));
    }

    #[test]
    fn the_last_page_of_a_list_determines_its_length() {
        let skip = |rows| PageRequest { start: Start::Skip(rows), ..PageRequest::first(2) };
        assert_eq!(part(&[1], skip(5)), (1, Some(6), None));
        assert_eq!(part(&[], skip(5)), (0, None, None), "the list may be shorter");
        let after = PageRequest { start: Start::After(place(1)), ..PageRequest::first(2) };
        assert_eq!(part(&[1], after), (1, None, None));
        assert_eq!(part(&[1], PageRequest { with_total: false, ..skip(0) }), (1, None, None));
    }
}
