//! What a request without a good token is told (RFC 6750 §3, RFC 9457). The rule: it learns whether to refresh, to log
//! in or to ask for more, and nothing about what was wrong with its token.

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

/// Why a request is not let in: an answer with a problem for its body.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Challenge {
    /// No token was sent: 401, without an error (RFC 6750 §3.1).
    #[error("Not authenticated")]
    Missing,
    /// The token has expired: 401.
    #[error("The access token has expired")]
    Expired,
    /// The token is no good: 401.
    #[error("The access token is invalid")]
    Invalid,
    /// More than one `Authorization` header: 400.
    #[error("There must be one Authorization header only")]
    Ambiguous,
    /// The token's scope lacks this: 403.
    #[error("The access token lacks the permission `{0}`")]
    Forbidden(Permission),
    /// There are no keys to verify with, and they cannot be fetched: 503, with this `Retry-After`.
    #[error("Access tokens cannot be verified at the moment")]
    Unavailable(Duration),
    /// There is no verifier among the application's data, which is the programmer's mistake: 500.
    #[error("The server is misconfigured")]
    NoVerifier,
    /// There are verifiers of several types among the application's data, and it is unknown which is nearer: 500.
    /// Register them as [`TokenVerifier`](super::TokenVerifier).
    #[error("The server is misconfigured")]
    AmbiguousVerifier,
}

impl From<TokenError> for Challenge {
    /// Logs the fault, which the client does not learn.
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => Self::Expired,
            // Only the issuer can cause this one: its configuration and ours differ.
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
    /// The problem's `code`, for programs.
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

    /// The value of `WWW-Authenticate`. `None` where another token would not help.
    fn www_authenticate(&self) -> Option<String> {
        match self {
            Self::Missing => Some("Bearer".to_owned()),
            Self::Expired | Self::Invalid => {
                Some(format!(r#"Bearer error="invalid_token", error_description="{self}""#))
            }
            Self::Ambiguous => Some(r#"Bearer error="invalid_request""#.to_owned()),
            // A permission has no character that would have to be quoted.
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
