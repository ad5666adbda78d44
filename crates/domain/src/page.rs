//! Parts of long lists, newest first.

use uuid::Uuid;

use crate::Timestamp;

/// A row's place in a list: lists are ordered by these two, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// When the row was made.
    pub created_at: Timestamp,
    /// Its public id, which orders rows of the same time.
    pub id: Uuid,
}

/// Where a part of a list begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// After this many rows. The more rows, the longer it takes.
    Skip(u32),
    /// After the row that is, or was, here. Costs the same everywhere.
    After(Position),
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// Where it begins.
    pub start: Start,
    /// How many rows to give at most.
    pub limit: u32,
    /// Whether the length of the whole list is wanted, too.
    pub with_total: bool,
}

/// One part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows of this part, newest first.
    pub items: Vec<T>,
    /// How many rows the whole list has, if that was wanted.
    pub total: Option<u64>,
    /// The last row of this part, if others follow.
    pub next: Option<Position>,
}

impl PageRequest {
    /// The first rows, and how many there are.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { start: Start::Skip(0), limit, with_total: true }
    }

    /// How many rows to pass over.
    #[must_use]
    pub const fn skip(&self) -> u32 {
        match self.start {
            Start::Skip(rows) => rows,
            Start::After(_) => 0,
        }
    }
}

impl<T> Page<T> {
    /// A part of a list, of the rows from where it begins: one more than wanted tells that others follow. `total` is
    /// set if that much is known from the rows alone.
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

    /// The same part, each row as something else.
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
    fn a_row_too_many_tells_that_others_follow() {
        assert_eq!(part(&[1, 2, 3], PageRequest::first(2)), (2, None, Some(place(2))));
        assert_eq!(part(&[1, 2], PageRequest::first(2)), (2, Some(2), None));
        assert_eq!(part(&[], PageRequest::first(2)), (0, Some(0), None));
    }

    #[test]
    fn the_end_of_a_list_tells_its_length() {
        let skip = |rows| PageRequest { start: Start::Skip(rows), ..PageRequest::first(2) };
        assert_eq!(part(&[1], skip(5)), (1, Some(6), None));
        assert_eq!(part(&[], skip(5)), (0, None, None), "it may be shorter");
        let after = PageRequest { start: Start::After(place(1)), ..PageRequest::first(2) };
        assert_eq!(part(&[1], after), (1, None, None));
        assert_eq!(part(&[1], PageRequest { with_total: false, ..skip(0) }), (1, None, None));
    }
}
