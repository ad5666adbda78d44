//! Request bodies: read once, within a size limit, according to their `Content-Type`, and validated.

use std::pin::Pin;

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header,
    web::{Bytes, BytesMut, Data},
};
use futures_util::StreamExt;
use keepstone_service::Accounts;

use super::requester::IdempotencyKey;
use crate::{
    code::Code,
    extract::json::parse_json,
    field::{Checker, Input},
    problem::{ApiResult, Problem},
};

/// The maximum size of a body in bytes: application data of the scope around a handler, or else the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimit(pub usize);

impl BodyLimit {
    /// 64 KiB, for routes that unauthenticated clients can call.
    pub const SMALL: Self = Self(64 * 1024);
    /// 1 MiB, for all other routes.
    pub const DEFAULT: Self = Self(1024 * 1024);

    /// The error of a body that is larger.
    #[must_use]
    pub fn exceeded(self) -> Problem {
        Problem::new(Code::BodyTooLarge, format!("The body may have at most {} bytes", self.0))
    }
}

pub(super) const JSON: &str = "application/json";

/// A valid JSON body. All errors of an invalid one are reported at once, as 422.
pub struct Valid<T: Input>(pub T::Output);

/// A valid JSON body, as [`Valid`], of a request that creates or sends something. With an idempotency key the request
/// can be retried and takes effect once.
pub struct Making<T: Input> {
    /// The validated body.
    pub body: T::Output,
    /// The idempotency key, and the bytes of the body.
    pub key: Option<(String, Bytes)>,
}

/// The future of an asynchronous extractor.
pub type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl<T: Input + 'static> FromRequest for Valid<T> {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { read_json::<T>(&request, payload).await.map(|(body, _)| Self(body)) })
    }
}

impl<T: Input + 'static> FromRequest for Making<T> {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let (body, bytes) = read_json::<T>(&request, payload).await?;
            let IdempotencyKey(key) = IdempotencyKey::of(&request)?;
            Ok(Self { body, key: key.map(|key| (key, bytes)) })
        })
    }
}

/// Reads and validates a JSON body; returns it and its bytes.
async fn read_json<T: Input>(request: &HttpRequest, payload: Payload) -> ApiResult<(T::Output, Bytes)> {
    if media_type(request) != JSON {
        return Err(unsupported(JSON));
    }
    let bytes = read(request, payload).await?;
    let body = check::<T>(request, parse_json(&bytes)?)?;
    Ok((body, bytes))
}

/// Returns the media type in lower case; empty if there is none, or if the character set is not UTF-8.
pub(super) fn media_type(request: &HttpRequest) -> String {
    let is_utf8 = request.encoding().is_ok_and(|encoding| encoding.name() == "UTF-8");
    if is_utf8 { request.content_type().to_ascii_lowercase() } else { String::new() }
}

pub(super) fn unsupported(expected: &str) -> Problem {
    Problem::new(Code::UnsupportedMediaType, format!("Content-Type must be {expected}"))
}

pub(super) async fn read(request: &HttpRequest, mut payload: Payload) -> ApiResult<Bytes> {
    if request.headers().get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Problem::new(Code::UnsupportedMediaType, "Content-Encoding is not supported"));
    }
    let limit = request.app_data().copied().unwrap_or(BodyLimit::DEFAULT);
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit.0) {
        return Err(limit.exceeded());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::MalformedBody, "The body ended early"))?;
        if body.len() + chunk.len() > limit.0 {
            return Err(limit.exceeded());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

pub(super) fn check<T: Input>(request: &HttpRequest, input: T) -> ApiResult<T::Output> {
    let accounts = request
        .app_data::<Data<Accounts>>()
        .ok_or_else(|| Problem::internal("Accounts is missing from the application data"))?;
    let mut checker = Checker::new(accounts.rules().password_policy);
    let output = input.check(&mut checker);
    let errors = checker.into_errors();
    match output {
        Some(output) if errors.is_empty() => Ok(output),
        _ => Err(Problem::validation(errors)),
    }
}
