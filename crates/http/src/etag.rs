//! Entity tags (RFC 9110 section 8.8.3): the version of a resource in `ETag`, `If-None-Match` and `If-Match`.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH},
};
use keepstone_domain::{Expected, Version};

use crate::problem::{FieldError, Problem};

/// The strong validator of a representation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// Returns the tag of a resource in this version.
    #[must_use]
    pub fn of(version: Version) -> Self {
        Self(format!("\"{}\"", version.get()))
    }

    /// Returns the tag of the public profile, which is another representation.
    #[must_use]
    pub fn of_public(version: Version) -> Self {
        Self(format!("\"{}{PUBLIC}\"", version.get()))
    }

    /// Returns the value of the header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the client already has this version (`If-None-Match`, compared weakly).
    #[must_use]
    pub fn is_known(&self, headers: &HeaderMap) -> bool {
        tags(headers, &IF_NONE_MATCH)
            .is_some_and(|tags| tags.iter().any(|tag| *tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.0))
    }
}

const PUBLIC: &str = "-public";

/// The header of [`IfMatch`].
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its schema is used; the request is parsed by hand")]
pub struct IfMatchHeader {
    /// Applies the change only if the resource still has one of these entity tags; `*` is any. Otherwise the response
    /// is 412.
    #[param(example = "\"3\"", rename = "If-Match", pattern = r#"^(\*|(W/)?"[^"]*"( *, *(W/)?"[^"]*")*)$"#)]
    if_match: Option<String>,
}

/// The header that [`ETag::is_known`] reads.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its schema is used; the request is parsed by hand")]
pub struct IfNoneMatchHeader {
    /// Responds with 304 if the resource has one of these entity tags.
    #[param(example = "\"3\"", rename = "If-None-Match")]
    if_none_match: Option<String>,
}

/// The versions that a change applies to (`If-Match`, compared strongly).
pub struct IfMatch(pub Expected);

impl IfMatch {
    /// The error of a header that has no entity tags.
    #[must_use]
    pub fn invalid() -> FieldError {
        let msg = "must be * or a list of entity tags, such as \"3\"";
        FieldError::at("header", "if-match", msg, "value_error")
    }
}

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        if !request.headers().contains_key(IF_MATCH) {
            return ready(Ok(Self(Expected::Any)));
        }
        let Some(tags) = tags(request.headers(), &IF_MATCH) else {
            return ready(Err(Problem::validation(vec![Self::invalid()])));
        };
        let expected = if tags.contains(&"*") {
            Expected::Any
        } else {
            Expected::OneOf(tags.into_iter().filter_map(version).collect())
        };
        ready(Ok(Self(expected)))
    }
}

/// Returns the version in a strong tag of this server. Another spelling of the number is a different tag.
fn version(tag: &str) -> Option<Version> {
    let text = tag.strip_prefix('"')?.strip_suffix('"')?;
    let number: i64 = text.strip_suffix(PUBLIC).unwrap_or(text).parse().ok()?;
    let version = Version::from(number);
    let is_ours = number > 0 && (ETag::of(version).0 == tag || ETag::of_public(version).0 == tag);
    is_ours.then_some(version)
}

/// Returns the tags in all headers of this name; `None` if there are none or the list is malformed.
fn tags<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<Vec<&'h str>> {
    let mut tags = Vec::new();
    for value in headers.get_all(name) {
        let mut rest = value.to_str().ok()?.trim();
        while !rest.is_empty() {
            let end = if rest.starts_with('*') { 1 } else { tag_length(rest)? };
            let (tag, after) = rest.split_at(end);
            tags.push(tag);
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(next) => next.trim_start(),
                None if after.is_empty() => after,
                None => return None,
            };
        }
    }
    let is_list = !tags.is_empty() && (tags.len() == 1 || !tags.contains(&"*"));
    is_list.then_some(tags)
}

/// Returns the length of the tag at the start of a text: `"…"` or `W/"…"`. A tag may contain commas.
fn tag_length(text: &str) -> Option<usize> {
    let open = text.find('"')?;
    let is_tag = matches!(&text[..open], "" | "W/");
    let close = text.get(open + 1..)?.find('"')?;
    is_tag.then_some(open + close + 2)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn expected(value: &str) -> Option<Expected> {
        let request = TestRequest::default().insert_header((IF_MATCH, value)).to_http_request();
        IfMatch::from_request(&request, &mut Payload::None).into_inner().ok().map(|given| given.0)
    }

    fn one_of(versions: &[i64]) -> Expected {
        Expected::OneOf(versions.iter().copied().map(Version::from).collect())
    }

    #[test]
    fn versions_are_read_from_strong_tags_of_this_server() {
        assert_eq!(expected("*"), Some(Expected::Any));
        assert_eq!(expected("\"3\""), Some(one_of(&[3])));
        assert_eq!(expected("\"3-public\""), Some(one_of(&[3])));
        assert_eq!(expected(" \"1\" ,\"2\", \"x,y\" "), Some(one_of(&[1, 2])));
        for other in ["W/\"3\"", "\"\"", "\"-3\"", "\"+3\"", "\"3 \"", "\"03\"", "\"99999999999999999999\""] {
            assert_eq!(expected(other), Some(one_of(&[])), "{other}");
        }
    }

    #[test]
    fn a_malformed_list_of_tags_is_rejected() {
        for bad in ["3", "", " ", "\"3", "w/\"3\"", "\"3\" \"4\"", "x\"3\"", "\"3\"x", "\"3\", *", "*, *"] {
            assert_eq!(expected(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_representation_is_known_by_its_own_tag() {
        let is_known = |value: &str| {
            let request = TestRequest::default().insert_header((IF_NONE_MATCH, value)).to_http_request();
            ETag::of(Version::from(3)).is_known(request.headers())
        };
        assert!(is_known("*") && is_known("\"3\"") && is_known("W/\"3\"") && is_known("\"1\", \"3\""));
        assert!(!is_known("\"2\"") && !is_known("\"3-public\"") && !is_known("3") && !is_known(""));
    }
}
