//! The forms of OAuth 2, read according to RFC 6749 section 3.2: a parameter without a value counts as omitted, none
//! may be repeated, and unknown ones are ignored. Browsers send them as `multipart/form-data`, too.

use std::{convert::Infallible, future::ready};

use actix_web::{HttpRequest, dev::Payload, http::header::CONTENT_TYPE, web::Bytes};
use futures_util::stream;
use multer::Multipart;
use percent_encoding::percent_decode;

use super::body;
use crate::{
    code::Code,
    problem::{ApiResult, Problem},
};

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// The parameters that must not be repeated. Others are not part of the standard and are not checked.
const KNOWN: [&str; 9] = [
    "grant_type",
    "username",
    "password",
    "scope",
    "client_id",
    "client_secret",
    "refresh_token",
    "token",
    "token_type_hint",
];

/// The parameters of a form, without those that have no value.
pub struct Parameters(Vec<(String, String)>);

/// Returns whether a media type is that of a form.
#[must_use]
pub fn is_form(media_type: &str) -> bool {
    matches!(media_type, URLENCODED | MULTIPART)
}

impl Parameters {
    /// Reads the form in the body of a request.
    pub async fn read(request: &HttpRequest, payload: Payload) -> ApiResult<Self> {
        let bytes = body::read(request, payload).await?;
        let pairs = if body::media_type(request) == MULTIPART {
            let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            multipart(content_type.unwrap_or_default(), bytes).await?
        } else {
            urlencoded(&bytes)?
        };
        Self::new(pairs)
    }

    fn new(mut pairs: Vec<(String, String)>) -> ApiResult<Self> {
        for (name, _) in &mut pairs {
            if name == "refreshToken" {
                "refresh_token".clone_into(name);
            }
        }
        let count = |known: &&&str| pairs.iter().filter(|(name, _)| name == **known).count();
        if let Some(name) = KNOWN.iter().find(|known| count(known) > 1) {
            return Err(Problem::new(Code::InvalidRequest, format!("The parameter {name} must appear only once")));
        }
        pairs.retain(|(_, value)| !value.is_empty());
        Ok(Self(pairs))
    }

    /// Removes a parameter and returns its value.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(given, _)| given == name)?;
        Some(self.0.swap_remove(index).1)
    }

    /// Removes a required parameter and returns its value.
    pub fn require(&mut self, name: &str) -> ApiResult<String> {
        self.take(name).ok_or_else(|| Problem::new(Code::InvalidRequest, format!("The form has no {name}")))
    }
}

fn malformed(why: impl std::fmt::Display) -> Problem {
    Problem::new(Code::MalformedBody, format!("The form cannot be read: {why}"))
}

fn urlencoded(bytes: &[u8]) -> ApiResult<Vec<(String, String)>> {
    // `serde_urlencoded` replaces invalid UTF-8, which would make different passwords equal.
    percent_decode(bytes).decode_utf8().map_err(|_| malformed("it is not UTF-8"))?;
    serde_urlencoded::from_bytes(bytes).map_err(malformed)
}

async fn multipart(content_type: &str, bytes: Bytes) -> ApiResult<Vec<(String, String)>> {
    let boundary = multer::parse_boundary(content_type).map_err(malformed)?;
    let mut form = Multipart::new(stream::once(ready(Ok::<_, Infallible>(bytes))), boundary);
    let mut pairs = Vec::new();
    while let Some(part) = form.next_field().await.map_err(malformed)? {
        let name = part.name().ok_or_else(|| malformed("a part has no name"))?.to_owned();
        if part.file_name().is_some() {
            return Err(Problem::new(Code::InvalidRequest, format!("The parameter {name} must be text, not a file")));
        }
        let value = part.bytes().await.map_err(malformed)?;
        let value = String::from_utf8(value.into()).map_err(|_| malformed("it is not UTF-8"))?;
        pairs.push((name, value));
    }
    Ok(pairs)
}
