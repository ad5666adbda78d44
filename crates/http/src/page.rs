//! Lists: the parameters for filtering and paging, and the envelope of their responses.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use keepstone_domain::{Page, PageRequest, Start};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    cursor::Cursors,
    problem::{FieldError, Problem},
    query::Query,
};

const DEFAULT_PAGE_SIZE: u32 = 20;
const MAX_PAGE_SIZE: u32 = 100;
/// The last row that page numbers reach: skipping rows takes longer the more there are, unlike a cursor.
const MAX_REACH: u32 = 10_000;

/// The query of a list: its filter, and the requested page.
pub struct Listing<F = ()> {
    /// The filter.
    pub filter: F,
    /// The requested page.
    pub page: PageRequest,
    number: Option<u32>,
    cursors: Data<Cursors>,
    words: Words,
}

/// The filter of a list.
pub trait Filter: Sized {
    /// The names of its parameters: a cursor is valid only for the same values.
    const NAMES: &'static [&'static str];

    /// Reads the parameters. Returns `None` only after recording an error in the query.
    fn read(query: &mut Query<'_>) -> Option<Self>;
}

impl Filter for () {
    const NAMES: &'static [&'static str] = &[];

    fn read(_: &mut Query<'_>) -> Option<Self> {
        Some(())
    }
}

/// The paging parameters of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its schema is used; the request is parsed by hand")]
pub struct PagingQuery {
    /// The page, from 1. Pages reach row 10,000; use `cursor` beyond it.
    #[param(minimum = 1, maximum = 10_000, default = 1)]
    page: Option<u32>,
    /// Rows per page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    page_size: Option<u32>,
    /// Instead of `page`: the number of rows to skip.
    #[param(minimum = 0, maximum = 9_999)]
    skip: Option<u32>,
    /// Instead of `page_size`: the maximum number of rows.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// Instead of `page`: the `next_cursor` of the previous response to the same query. Costs the same at any depth and
    /// is stable while rows are being inserted.
    #[param(min_length = 54, max_length = 54, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// Whether the response has `total`: true by default with pages, false with `cursor`.
    with_total: Option<bool>,
}

/// A page of a list, newest first.
#[derive(Serialize, ToSchema)]
pub struct PageView<T> {
    /// The rows.
    items: Vec<T>,
    /// The number of rows in the whole list; absent with `with_total=false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    total: Option<u64>,
    /// The page, from 1; absent with `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    page: Option<u32>,
    /// Rows per page.
    #[schema(example = 20)]
    page_size: u32,
    /// The value of `cursor` for the next page; null at the end of the list.
    next_cursor: Option<String>,
}

impl<F: Filter + 'static> FromRequest for Listing<F> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(cursors) = request.app_data::<Data<Cursors>>() else {
            return ready(Err(Problem::internal("Cursors is missing from the application data")));
        };
        ready(Self::parse(request.path(), request.query_string(), cursors).map_err(Problem::validation))
    }
}

impl<F: Filter> Listing<F> {
    fn parse(path: &str, query: &str, cursors: &Data<Cursors>) -> Result<Self, Vec<FieldError>> {
        let mut query = Query::new(query);
        let words = Words::new::<F>(path, &mut query);
        let filter = F::read(&mut query);
        let (page, number) = part(&mut query, |cursor| cursors.read(&words.as_bytes(), cursor).map(Start::After));
        match filter {
            Some(filter) if query.is_right() => Ok(Self { filter, page, number, cursors: cursors.clone(), words }),
            _ => Err(query.into_errors()),
        }
    }

    /// Returns the response for a page, with each row converted by `view`.
    pub fn answer<T, U>(&self, part: Page<T>, view: impl FnMut(T) -> U) -> PageView<U> {
        PageView {
            next_cursor: part.next.map(|position| self.cursors.write(&self.words.as_bytes(), position)),
            total: part.total,
            page: self.number,
            page_size: self.page.limit,
            items: part.items.into_iter().map(view).collect(),
        }
    }
}

/// Reads the requested page, and its number if it has one.
fn part(query: &mut Query<'_>, read_cursor: impl FnOnce(&str) -> Option<Start>) -> (PageRequest, Option<u32>) {
    let page = query.number("page", 1, MAX_REACH);
    let page_size = query.number("page_size", 1, MAX_PAGE_SIZE);
    let skip = query.number("skip", 0, u32::MAX);
    let limit = query.number("limit", 1, MAX_PAGE_SIZE);
    let cursor = query.text("cursor");
    let with_total = query.flag("with_total").unwrap_or(cursor.is_none());
    if (page.is_some() && (skip.is_some() || limit.is_some())) || (page_size.is_some() && limit.is_some()) {
        query.refuse("skip", "must not be used together with page and page_size", "value_error");
    }
    let rows = page_size.or(limit).unwrap_or(DEFAULT_PAGE_SIZE);
    let (start, number) = match cursor {
        Some(_) if page.is_some() || skip.is_some() => {
            query.refuse("cursor", "must not be used together with page or skip", "value_error");
            (None, None)
        }
        Some(cursor) => {
            let start = read_cursor(&cursor);
            if start.is_none() {
                query.refuse("cursor", "is not a cursor of this list; start again without it", "value_error");
            }
            (start, None)
        }
        None => {
            let passed = skip.unwrap_or_else(|| (page.unwrap_or(1) - 1).saturating_mul(rows));
            if passed.saturating_add(rows) > MAX_REACH {
                let name = if skip.is_some() { "skip" } else { "page" };
                query.refuse(name, "must not reach beyond row 10000; continue with next_cursor", "less_than_equal");
            }
            (Some(Start::Skip(passed)), Some(page.unwrap_or(passed / rows + 1)))
        }
    };
    (PageRequest { start: start.unwrap_or(Start::Skip(0)), limit: rows, with_total }, number)
}

/// The identity of a list: its path, and the values of its filter.
struct Words(Vec<String>);

impl Words {
    fn new<F: Filter>(path: &str, query: &mut Query<'_>) -> Self {
        let values = F::NAMES.iter().flat_map(|name| [(*name).to_owned(), query.peek(name)]);
        Self([path.to_owned()].into_iter().chain(values).collect())
    }

    fn as_bytes(&self) -> Vec<&[u8]> {
        self.0.iter().map(String::as_bytes).collect()
    }
}

#[cfg(test)]
mod tests {
    use keepstone_auth::token::Secret;
    use keepstone_domain::{Position, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn cursors() -> Data<Cursors> {
        Data::new(Cursors::new(Secret::new("k".repeat(32)).unwrap()))
    }

    fn parse(query: &str) -> Result<Listing, Vec<FieldError>> {
        Listing::parse("/api/v1/users", query, &cursors())
    }

    #[test]
    fn a_page_is_requested_by_number_or_by_rows() {
        for (query, page, page_size, skip) in [
            ("", 1, 20, 0),
            ("page=3", 3, 20, 40),
            ("page=2&page_size=100&other=x", 2, 100, 100),
            ("page=100&page_size=100", 100, 100, 9_900),
            ("skip=40", 3, 20, 40),
            ("skip=5&limit=10", 1, 10, 5),
            ("skip=5&page_size=10", 1, 10, 5),
            ("limit=1", 1, 1, 0),
        ] {
            let listing = parse(query).unwrap();
            assert_eq!(listing.number, Some(page), "{query}");
            let asked = PageRequest { start: Start::Skip(skip), limit: page_size, with_total: true };
            assert_eq!(listing.page, asked, "{query}");
        }
    }

    #[test]
    fn invalid_parameters_are_rejected_by_name() {
        for (query, name) in [
            ("page=0", "page"),
            ("page=-1", "page"),
            ("page=1.5", "page"),
            ("page=0x10", "page"),
            ("page=1e9", "page"),
            ("page=", "page"),
            ("page=%2B1", "page"),
            ("page=9223372036854775807", "page"),
            ("page=101&page_size=100", "page"),
            ("page_size=101", "page_size"),
            ("page_size=0", "page_size"),
            ("page=1&page=2", "page"),
            ("skip=-1", "skip"),
            ("skip=9981", "skip"),
            ("skip=4294967295&limit=100", "skip"),
            ("limit=101", "limit"),
            ("page=1&skip=0", "skip"),
            ("page_size=5&limit=5", "skip"),
            ("cursor=abc", "cursor"),
            ("cursor=", "cursor"),
            ("with_total=1", "with_total"),
        ] {
            let errors = parse(query).err().unwrap();
            assert_eq!(errors[0].loc, ["query", name], "{query}");
        }
    }

    #[test]
    fn a_cursor_is_valid_only_for_its_list() {
        struct Named(Option<String>);

        impl Filter for Named {
            const NAMES: &'static [&'static str] = &["name"];

            fn read(query: &mut Query<'_>) -> Option<Self> {
                Some(Self(query.text("name")))
            }
        }

        let parse = |path: &str, query: &str| Listing::<Named>::parse(path, query, &cursors());
        let position = Position { created_at: Timestamp::UNIX_EPOCH, id: Uuid::max() };
        let page = Page { items: vec![()], total: None, next: Some(position) };
        let first = parse("/users", "name=ada&page_size=1&colour=red").unwrap();
        assert_eq!(first.filter.0.as_deref(), Some("ada"));
        let cursor = first.answer(page, |()| ()).next_cursor.unwrap();
        let next = parse("/users", &format!("name=ada&cursor={cursor}&page_size=7")).unwrap();
        assert_eq!(next.page, PageRequest { start: Start::After(position), limit: 7, with_total: false });
        assert_eq!(next.number, None);
        for (path, query) in [
            ("/users", format!("cursor={cursor}")),
            ("/users", format!("name=bob&cursor={cursor}")),
            ("/items", format!("name=ada&cursor={cursor}")),
            ("/users", format!("name=ada&cursor={cursor}&page=2")),
            ("/users", format!("name=ada&cursor={cursor}&skip=2")),
            ("/users", format!("name=ada&cursor={cursor}A")),
        ] {
            let errors = parse(path, &query).err().unwrap();
            assert_eq!(errors[0].loc, ["query", "cursor"], "{path} {query}");
        }
    }
}
