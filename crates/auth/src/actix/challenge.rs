//! The response to a request without a valid token (RFC 6750 §3, RFC 9457). It says whether to refresh, log in or
//! request more permissions. It never says why a token is invalid.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use thiserror::Error;

#[cfg(feature = "jwks")]
use crate::error::RemoteError;
use crate::error::{TokenError, TokenFault};
use crate::permission::Permission;

/// The reason for rejecting a request. As a response, its body is `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Challenge {
    /// The request has no token: 401, without an error code (RFC 6750 §3.1).
    #[error("Not authenticated")]
    Missing,
    /// The token has expired: 401.
    #[error("The access token has expired")]
    Expired,
    /// The token is invalid: 401.
    #[error("The access token is invalid")]
    Invalid,
    /// The request has more than one `Authorization` header: 400.
    #[error("The request must have only one Authorization header")]
    Ambiguous,
    /// The token's scope lacks this permission: 403.
    #[error("The access token lacks the permission `{0}`")]
    Forbidden(Permission),
    /// There are no verifying keys, and they cannot be fetched: 503, with this `Retry-After`.
    #[error("Access tokens cannot be verified at the moment")]
    Unavailable(Duration),
    /// The application data contains no verifier, which is a programming error: 500.
    #[error("The server is misconfigured")]
    NoVerifier,
    /// The application data contains verifiers of several types, and their order is unknown: 500. Register them as
    /// [`TokenVerifier`](super::TokenVerifier).
    #[error("The server is misconfigured")]
    AmbiguousVerifier,
}

impl From<TokenError> for Challenge {
    /// Converts a token error, and logs the fault, which is not sent to the client.
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => Self::Expired,
            // A warning, because only the issuer can cause this fault: its configuration differs from ours.
            TokenError::Invalid(fault @ TokenFault::LifetimeTooLong { .. }) => {
                tracing::warn!("rejected an access token: {fault}");
                Self::Invalid
            }
            TokenError::Invalid(fault) => {
                tracing::debug!("rejected an access token: {fault}");
                Self::Invalid
            }
        }
    }
}

#[cfg(feature = "jwks")]
impl From<RemoteError> for Challenge {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::Token(error) => error.into(),
            RemoteError::Unavailable { retry_after } => Self::Unavailable(retry_after),
        }
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    status: u16,
    detail: String,
    code: &'static str,
}

impl Challenge {
    /// Returns the machine-readable `code` of the problem.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "not_authenticated",
            Self::Expired => "token_expired",
            Self::Invalid => "invalid_token",
            Self::Ambiguous => "invalid_request",
            Self::Forbidden(_) => "insufficient_scope",
            Self::Unavailable(_) => "keys_unavailable",
            Self::NoVerifier | Self::AmbiguousVerifier => "internal_error",
        }
    }

    /// Returns the value of `WWW-Authenticate`, or `None` if another token would not help.
    fn www_authenticate(&self) -> Option<String> {
        match self {
            Self::Missing => Some("Bearer".to_owned()),
            Self::Expired | Self::Invalid => {
                Some(format!(r#"Bearer error="invalid_token", error_description="{self}""#))
            }
            Self::Ambiguous => Some(r#"Bearer error="invalid_request""#.to_owned()),
            // A permission contains no character that needs escaping in a quoted string.
            Self::Forbidden(needed) => Some(format!(r#"Bearer error="insufficient_scope", scope="{needed}""#)),
            Self::Unavailable(_) | Self::NoVerifier | Self::AmbiguousVerifier => None,
        }
    }
}

impl ResponseError for Challenge {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Missing | Self::Expired | Self::Invalid => StatusCode::UNAUTHORIZED,
            Self::Ambiguous => StatusCode::BAD_REQUEST,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoVerifier | Self::AmbiguousVerifier => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        response.insert_header((CACHE_CONTROL, "no-store"));
        if let Some(challenge) = self.www_authenticate() {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        if let Self::Unavailable(after) = self {
            response.insert_header((RETRY_AFTER, after.as_secs().max(1).to_string()));
        }
        let title = status.canonical_reason().unwrap_or_default();
        let (detail, code) = (self.to_string(), self.code());
        let problem = Problem { kind: "about:blank", title, status: status.as_u16(), detail, code };
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        response.body(serde_json::to_vec(&problem).unwrap_or_default())
    }
}
