//! The origin of a request, and its idempotency key.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header::{HeaderName, USER_AGENT},
};
use keepstone_service::Client;

use crate::{
    client_address::ClientAddress,
    problem::{FieldError, Problem},
    request_id::RequestId,
};

/// The origin of a request: address, user agent and request id.
pub struct Requester(pub Client);

/// The name of the header of [`IdempotencyKey`].
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The header of [`IdempotencyKey`].
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its schema is used; the request is parsed by hand")]
pub struct IdempotencyKeyHeader {
    /// Makes this request safe to retry for 24 hours: it takes effect once, and a retry returns the first response.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    idempotency_key: Option<String>,
}

/// The key with which the client can retry this request and receive the same response, if it sent one.
pub struct IdempotencyKey(pub Option<String>);

impl FromRequest for Requester {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let user_agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        ready(Ok(Self(Client {
            ip: ClientAddress::of(request),
            user_agent: user_agent.map(str::to_owned),
            request_id: request.extensions().get::<RequestId>().map(|id| id.as_str().to_owned()),
        })))
    }
}

impl IdempotencyKey {
    /// Returns the error of an invalid key.
    #[must_use]
    pub fn invalid() -> FieldError {
        let msg = "must be one value of 1 to 255 visible ASCII characters";
        FieldError::at("header", "idempotency-key", msg, "value_error")
    }

    /// Reads the key of a request.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let refusal = || Problem::validation(vec![Self::invalid()]);
        let mut given = request.headers().get_all(IDEMPOTENCY_KEY);
        let Some(key) = given.next() else { return Ok(Self(None)) };
        let bytes = key.as_bytes();
        let fits = (1..=255).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic) && given.next().is_none();
        key.to_str().ok().filter(|_| fits).map(|key| Self(Some(key.to_owned()))).ok_or_else(refusal)
    }
}

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}
