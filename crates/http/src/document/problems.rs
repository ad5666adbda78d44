//! An example of each problem, created by the same code as real ones.

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderValue};
use keepstone_service::Error;
use serde_json::Value;

use crate::{
    code::Code,
    problem::Problem,
    request_id::{HEADER, RequestId},
};

/// Returns the body of a problem with this code.
pub fn example(code: Code) -> Value {
    body(&of(code))
}

/// Returns the body of this problem.
pub fn body(problem: &Problem) -> Value {
    let id = (HEADER, HeaderValue::from_static("019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b"));
    let id = RequestId::of(&HeaderMap::from_iter([id]));
    serde_json::from_slice(&problem.body(&id)).unwrap_or_default()
}

fn of(code: Code) -> Problem {
    let error = match code {
        Code::EmailAlreadyRegistered => Error::EmailAlreadyRegistered,
        Code::EmailTokenInvalid => Error::MailTokenInvalid,
        Code::CurrentPasswordInvalid => Error::CurrentPasswordInvalid,
        Code::NotAuthenticated => Error::NotAuthenticated,
        Code::TokenInvalid => Error::TokenInvalid,
        Code::TokenExpired => Error::TokenExpired,
        Code::TokenRevoked => Error::TokenRevoked,
        Code::InvalidCredentials => Error::InvalidCredentials,
        Code::RefreshTokenReused => Error::RefreshTokenReused,
        Code::InsufficientPermissions => Error::InsufficientPermissions,
        Code::UserInactive => Error::UserInactive,
        Code::RegistrationClosed => Error::RegistrationClosed,
        Code::UserNotFound => Error::UserNotFound,
        Code::ItemNotFound => Error::ItemNotFound,
        Code::JobNotFound => Error::JobNotFound,
        Code::SessionNotFound => Error::SessionNotFound,
        Code::EmailTaken => Error::EmailTaken,
        Code::UsernameTaken => Error::UsernameTaken,
        Code::LastAdmin => Error::LastAdmin,
        Code::JobNotRetryable => Error::JobNotRetryable,
        Code::IdempotencyInProgress => Error::IdempotencyInProgress,
        Code::PreconditionFailed => Error::PreconditionFailed,
        Code::IdempotencyKeyReused => Error::IdempotencyKeyReused,
        Code::Overloaded => Error::Overloaded { retry_after: Duration::from_secs(1) },
        Code::EmailUnavailable => Error::MailOff,
        Code::InvalidGrant => return Problem::from(Error::InvalidCredentials).into_oauth(),
        Code::MethodNotAllowed => return Problem::method_not_allowed(String::new()),
        other => return Problem::new(other, of_http(other)),
    };
    Problem::from(error)
}

/// Returns the detail of an error that only the HTTP layer causes.
fn of_http(code: Code) -> &'static str {
    match code {
        Code::MalformedBody => "The body is not well-formed JSON: line 1, column 13",
        Code::MalformedUrl => "The query is not percent-encoded text (UTF-8)",
        Code::InvalidRequest => "There must be only one Authorization header",
        Code::UnsupportedGrantType => "grant_type must be \"password\" or \"refresh_token\"",
        Code::NotAcceptable => "The response would be application/json",
        Code::RequestTimeout => "The body did not arrive in time",
        Code::UriTooLong => "The query may have at most 8192 bytes",
        Code::UnsupportedMediaType => "Content-Type must be application/json",
        Code::Unavailable => "The database is not available",
        Code::Timeout => "The server took too long",
        // The detail of the others is their title.
        other => other.title(),
    }
}
