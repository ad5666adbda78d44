//! The extractor of an id in the path.

use std::{
    future::{Ready, ready},
    str::FromStr,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::problem::{FieldError, Problem};

/// The `{id}` of the path; a value that is not a UUID is 422.
#[derive(Debug, Clone, Copy)]
pub struct IdPath<T>(pub T);

/// The error of an id that is not a UUID.
#[must_use]
pub fn not_a_uuid() -> FieldError {
    FieldError::at("path", "id", "must be a UUID", "uuid_parsing")
}

impl<T: FromStr> FromRequest for IdPath<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().query("id");
        // Only the format that the server uses: 36 characters, with hyphens.
        let id = Some(text).filter(|text| text.len() == 36).and_then(|text| text.parse().ok());
        ready(id.map(Self).ok_or_else(|| Problem::validation(vec![not_a_uuid()])))
    }
}
