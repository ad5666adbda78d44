//! Bodies: read once, within a limit, in the format they claim to be, and checked.

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

/// The maximum number of bytes of a body: data of the routes around a handler, or else the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimit(pub usize);

impl BodyLimit {
    /// The limit of routes for anonymous clients, which need no more.
    pub const SMALL: Self = Self(64 * 1024);
    /// The limit of all other routes.
    pub const DEFAULT: Self = Self(1024 * 1024);

    /// The error of a body that is larger.
    #[must_use]
    pub fn exceeded(self) -> Problem {
        Problem::new(Code::BodyTooLarge, format!("The body may have at most {} bytes", self.0))
    }
}

pub(super) const JSON: &str = "application/json";

/// A JSON body without faults. Everything that is wrong with another is told at once, as 422.
pub struct Valid<T: Input>(pub T::Output);

/// A JSON body without faults, as [`Valid`], of a request that makes something: with an idempotency key, it may be sent
/// again and is done once.
pub struct Making<T: Input> {
    /// What is to be made.
    pub body: T::Output,
    /// The key, and the body as it was sent.
    pub key: Option<(String, Bytes)>,
}

/// What an extractor that waits for something gives.
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

/// A checked JSON body, and its bytes.
async fn read_json<T: Input>(request: &HttpRequest, payload: Payload) -> ApiResult<(T::Output, Bytes)> {
    if media_type(request) != JSON {
        return Err(unsupported(JSON));
    }
    let bytes = read(request, payload).await?;
    let body = check::<T>(request, parse_json(&bytes)?)?;
    Ok((body, bytes))
}

/// The media type in lower case; empty if there is none, or one in another character set than UTF-8.
pub(super) fn media_type(request: &HttpRequest) -> String {
    let is_utf8 = request.encoding().is_ok_and(|encoding| encoding.name() == "UTF-8");
    if is_utf8 { request.content_type().to_ascii_lowercase() } else { String::new() }
}

pub(super) fn unsupported(expected: &str) -> Problem {
    Problem::new(Code::UnsupportedMediaType, format!("Content-Type must be {expected}"))
}

pub(super) async fn read(request: &HttpRequest, mut payload: Payload) -> ApiResult<Bytes> {
    if request.headers().get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Problem::new(Code::UnsupportedMediaType, "Content-Encoding must be left out"));
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
        .ok_or_else(|| Problem::internal("no accounts among the application's data"))?;
    let mut checker = Checker::new(accounts.rules().password_policy);
    let output = input.check(&mut checker);
    let errors = checker.into_errors();
    match output {
        Some(output) if errors.is_empty() => Ok(output),
        _ => Err(Problem::validation(errors)),
    }
}
