//! Lists: which part of one is asked for, and the envelope that every one comes in.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use keepstone_domain::{Page, PageRequest};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::problem::{FieldError, Problem};

const DEFAULT_PAGE_SIZE: u32 = 20;
const MAX_PAGE_SIZE: u32 = 100;

/// Which part of a list is asked for, by pages or by rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    page: u32,
    page_size: u32,
    skip: u32,
}

/// The query of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is described, and read by hand")]
pub struct PagingQuery {
    /// The page, from 1.
    #[param(minimum = 1, default = 1)]
    page: Option<u32>,
    /// How many rows a page has.
    #[param(minimum = 1, maximum = 100, default = 20)]
    page_size: Option<u32>,
    /// Instead of `page`: how many rows to pass over.
    #[param(minimum = 0)]
    skip: Option<u32>,
    /// Instead of `page_size`: how many rows to give at most.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// A part of a list.
#[derive(Serialize, ToSchema)]
pub struct PageView<T> {
    /// Newest first.
    items: Vec<T>,
    /// How many rows the whole list has.
    total: u64,
    /// Which page this is, from 1.
    page: u32,
    /// How many rows a page has.
    page_size: u32,
    /// Where the next part begins, if the list can be read so.
    next_cursor: Option<String>,
}

impl<T> PageView<T> {
    /// The part that was asked for, each row as it is shown.
    pub fn new<U>(page: Page<U>, paging: Paging, view: impl FnMut(U) -> T) -> Self {
        let Paging { page: number, page_size, .. } = paging;
        let items = page.items.into_iter().map(view).collect();
        Self { items, total: page.total, page: number, page_size, next_cursor: None }
    }
}

impl From<Paging> for PageRequest {
    fn from(paging: Paging) -> Self {
        Self { skip: paging.skip, limit: paging.page_size }
    }
}

impl FromRequest for Paging {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::parse(request.query_string()).map_err(Problem::validation))
    }
}

impl Paging {
    fn parse(query: &str) -> Result<Self, Vec<FieldError>> {
        let mut numbers = Numbers::new(query);
        let page = numbers.take("page", 1, u32::MAX);
        let page_size = numbers.take("page_size", 1, MAX_PAGE_SIZE);
        let skip = numbers.take("skip", 0, u32::MAX);
        let limit = numbers.take("limit", 1, MAX_PAGE_SIZE);
        if (page.is_some() || page_size.is_some()) && (skip.is_some() || limit.is_some()) {
            numbers.refuse("skip", "must not be used together with page", "value_error");
        }
        if numbers.pairs.iter().any(|(name, _)| name == "cursor") {
            numbers.refuse("cursor", "is not one of this list's", "value_error");
        }
        let page_size = page_size.or(limit).unwrap_or(DEFAULT_PAGE_SIZE);
        let skip = skip.or_else(|| (page.unwrap_or(1) - 1).checked_mul(page_size));
        if skip.is_none() {
            numbers.refuse("page", "is out of range", "less_than_equal");
        }
        match skip {
            Some(skip) if numbers.errors.is_empty() => {
                Ok(Self { page: page.unwrap_or(skip / page_size + 1), page_size, skip })
            }
            _ => Err(numbers.errors),
        }
    }
}

/// The query's numbers, and what is wrong with them.
struct Numbers {
    pairs: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

impl Numbers {
    fn new(query: &str) -> Self {
        Self { pairs: serde_urlencoded::from_str(query).unwrap_or_default(), errors: Vec::new() }
    }

    fn take(&mut self, name: &'static str, min: u32, max: u32) -> Option<u32> {
        let mut given = self.pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        let text = given.next()?;
        if given.next().is_some() {
            self.refuse(name, "must be given once only", "value_error");
            return None;
        }
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(number) if is_number && (min..=max).contains(&number) => return Some(number),
            _ if !is_number => self.refuse(name, "must be a whole number", "int_parsing"),
            Ok(number) if number < min => self.refuse(name, &format!("must be at least {min}"), "greater_than_equal"),
            _ => self.refuse(name, &format!("must be at most {max}"), "less_than_equal"),
        }
        None
    }

    fn refuse(&mut self, name: &'static str, msg: &str, kind: &'static str) {
        self.errors.push(FieldError { loc: vec!["query".into(), name.into()], msg: msg.to_owned(), kind });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_asked_for_by_pages_or_by_rows() {
        for (query, page, page_size, skip) in [
            ("", 1, 20, 0),
            ("page=3", 3, 20, 40),
            ("page=2&page_size=100&other=x", 2, 100, 100),
            ("skip=40", 3, 20, 40),
            ("skip=5&limit=10", 1, 10, 5),
            ("limit=1", 1, 1, 0),
        ] {
            assert_eq!(Paging::parse(query), Ok(Paging { page, page_size, skip }), "{query}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused_with_its_place() {
        for (query, name) in [
            ("page=0", "page"),
            ("page=-1", "page"),
            ("page=1.5", "page"),
            ("page=0x10", "page"),
            ("page=", "page"),
            ("page=%2B1", "page"),
            ("page=9223372036854775807", "page"),
            ("page=4294967295&page_size=100", "page"),
            ("page_size=101", "page_size"),
            ("page_size=0", "page_size"),
            ("page=1&page=2", "page"),
            ("skip=-1", "skip"),
            ("limit=101", "limit"),
            ("page=1&skip=0", "skip"),
            ("cursor=abc", "cursor"),
        ] {
            let errors = Paging::parse(query).unwrap_err();
            assert_eq!(errors[0].loc, ["query", name], "{query}");
        }
    }
}
