//! The body of every error (RFC 9457). It states the error and its fix; causes go only to the log.

use std::{borrow::Cow, fmt, time::Duration};

use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    body::BoxBody,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use keepstone_service::{Decision, Error};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{closed_list::CodeSchema, code::Code, rate_limit, request_id::RequestId};

/// The result of a handler.
pub type ApiResult<T> = Result<T, Problem>;

/// The default of `Retry-After`.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// An error on its way to the client.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    allow: Option<String>,
    retry_after: Duration,
    decision: Option<Decision>,
    cause: Option<String>,
    /// The error of RFC 6749 section 5.2, if the request was a form of OAuth 2.
    oauth_error: Option<&'static str>,
}

/// An invalid value, in the format of FastAPI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The location: `body`, `query`, `path` or `header`, then the names of the members.
    #[schema(example = json!(["body", "password"]))]
    pub loc: Vec<Cow<'static, str>>,
    /// The error, for people.
    #[schema(example = "must have at least 8 characters")]
    pub msg: String,
    /// The error, for programs.
    #[serde(rename = "type")]
    #[schema(example = "too_short")]
    pub kind: &'static str,
}

/// The body of every error (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemView<'a> {
    /// The page that explains the code.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", example = "/problems/email_already_registered")]
    kind: String,
    /// The summary of the code.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The error of this request.
    #[schema(example = "Email already registered")]
    detail: &'a str,
    #[schema(value_type = CodeSchema)]
    code: &'static str,
    /// The id of this request in the server's log.
    request_id: &'a str,
    /// With `validation_failed`: every invalid value.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
    /// For OAuth 2 forms only: the error of RFC 6749 section 5.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<&'static str>,
    /// For OAuth 2 forms only: the same as `detail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error_description: Option<&'a str>,
}

impl Problem {
    /// Creates a problem with this code.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            allow: None,
            retry_after: RETRY_AFTER,
            decision: None,
            cause: None,
            oauth_error: None,
        }
    }

    /// Creates a problem for invalid values, of which there is at least one.
    #[must_use]
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let list = errors.iter().map(|error| match error.loc.last() {
            Some(name) => format!("{name}: {}", error.msg),
            None => error.msg.clone(),
        });
        let detail = list.collect::<Vec<_>>().join("; ");
        Self { errors, ..Self::new(Code::ValidationFailed, detail) }
    }

    /// Creates a problem for a method that the path does not have; `allow` lists its methods.
    #[must_use]
    pub fn method_not_allowed(allow: String) -> Self {
        Self { allow: Some(allow), ..Self::new(Code::MethodNotAllowed, "Method not allowed") }
    }

    /// Creates a problem for a request that a rate limit rejected.
    #[must_use]
    pub fn too_many_requests(decision: Decision) -> Self {
        Self { decision: Some(decision), ..Self::new(Code::RateLimited, Code::RateLimited.title()) }
    }

    /// Creates the problem for an error of actix with this status.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        let code = Code::ALL.iter().copied().find(|code| code.status() == status);
        match code.filter(|code| *code != Code::MalformedBody) {
            Some(code) => Self::new(code, code.title()),
            None if status.is_client_error() => Self::new(Code::InvalidRequest, Code::InvalidRequest.title()),
            None => Self::new(Code::Internal, Code::Internal.title()),
        }
    }

    /// Creates a problem for an internal error; the cause goes to the log only.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self { cause: Some(cause.to_string()), ..Self::new(Code::Internal, Code::Internal.title()) }
    }

    /// Returns the name of the code.
    #[must_use]
    pub const fn code_name(&self) -> &'static str {
        self.code.name()
    }

    /// Returns the cause, which is logged and not sent.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Converts the problem to an error response for a form of OAuth 2 (RFC 6749 section 5.2). Rejected credentials
    /// become `invalid_grant`, other errors of the request `invalid_request`, both with status 400. Other problems stay
    /// unchanged.
    #[must_use]
    pub fn into_oauth(self) -> Self {
        let (code, error) = match (self.code, self.code.status()) {
            (Code::UserInactive, _) => (self.code, Code::InvalidGrant.name()),
            (_, StatusCode::UNAUTHORIZED) => (Code::InvalidGrant, Code::InvalidGrant.name()),
            (Code::InvalidGrant | Code::UnsupportedGrantType, _) => (self.code, self.code.name()),
            (_, StatusCode::BAD_REQUEST) => (self.code, Code::InvalidRequest.name()),
            (_, StatusCode::UNPROCESSABLE_ENTITY) => (Code::InvalidRequest, Code::InvalidRequest.name()),
            _ => return self,
        };
        Self { code, oauth_error: Some(error), errors: Vec::new(), ..self }
    }

    /// Returns the media type of the body.
    #[must_use]
    pub const fn content_type(&self) -> &'static str {
        // Clients of OAuth 2 accept only this one.
        if self.oauth_error.is_some() { "application/json" } else { CONTENT_TYPE }
    }

    fn status(&self) -> StatusCode {
        if self.oauth_error.is_some() { StatusCode::BAD_REQUEST } else { self.code.status() }
    }

    /// Returns the body for the request with this id.
    #[must_use]
    pub fn body(&self, request_id: &RequestId) -> Vec<u8> {
        let view = ProblemView {
            kind: format!("/problems/{}", self.code.name()),
            title: self.code.title(),
            status: self.status().as_u16(),
            detail: &self.detail,
            code: self.code.name(),
            request_id: request_id.as_str(),
            errors: &self.errors,
            error: self.oauth_error,
            error_description: self.oauth_error.map(|_| &*self.detail),
        };
        // Only strings and numbers, so serialization cannot fail.
        serde_json::to_vec(&view).unwrap_or_default()
    }

    fn set_headers(&self, response: &mut HttpResponseBuilder) {
        response.insert_header((header::CONTENT_TYPE, self.content_type()));
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        match self.status() {
            StatusCode::UNAUTHORIZED => {
                let sent = !matches!(self.code, Code::NotAuthenticated | Code::InvalidCredentials);
                let challenge = if sent { "Bearer error=\"invalid_token\"" } else { "Bearer" };
                response.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge)));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response.insert_header((header::RETRY_AFTER, self.retry_after.as_secs().max(1)));
            }
            _ => {}
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        for told in self.decision.iter().flat_map(rate_limit::headers) {
            response.insert_header(told);
        }
    }
}

/// The message for a password that has to be changed elsewhere.
pub const NO_PASSWORD_HERE: &str = "cannot be changed here: send current_password and new_password to POST /users/me/change-password; \
     another user's password can be set with users:manage";

/// The content type of a problem, except in response to a form of OAuth 2.
pub const CONTENT_TYPE: &str = "application/problem+json";

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::build(self.status());
        self.set_headers(&mut response);
        // `edge` adds the body, because it contains the id of the request.
        response.finish()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::EmailAlreadyRegistered => Code::EmailAlreadyRegistered,
            Error::EmailTaken => Code::EmailTaken,
            Error::UsernameTaken => Code::UsernameTaken,
            Error::Password(violation) => return Self::validation(vec![FieldError::password("password", violation)]),
            Error::UnknownRole => {
                return Self::validation(vec![FieldError::body("role", error.to_string(), "value_error")]);
            }
            Error::PasswordNotChangeable => {
                return Self::validation(vec![FieldError::body("password", NO_PASSWORD_HERE, "value_error")]);
            }
            Error::InvalidCredentials => Code::InvalidCredentials,
            Error::UserInactive => Code::UserInactive,
            Error::TokenInvalid => Code::TokenInvalid,
            Error::TokenExpired => Code::TokenExpired,
            Error::TokenRevoked => Code::TokenRevoked,
            Error::NotAuthenticated => Code::NotAuthenticated,
            Error::RefreshTokenReused => Code::RefreshTokenReused,
            Error::CurrentPasswordInvalid => Code::CurrentPasswordInvalid,
            Error::CurrentPasswordRequired => Code::CurrentPasswordRequired,
            Error::SessionNotFound => Code::SessionNotFound,
            Error::InsufficientPermissions => Code::InsufficientPermissions,
            Error::RegistrationClosed => Code::RegistrationClosed,
            Error::UserNotFound => Code::UserNotFound,
            Error::ItemNotFound => Code::ItemNotFound,
            Error::JobNotFound => Code::JobNotFound,
            Error::JobNotRetryable => Code::JobNotRetryable,
            Error::MailTokenInvalid => Code::EmailTokenInvalid,
            Error::MailOff => Code::EmailUnavailable,
            Error::LastAdmin => Code::LastAdmin,
            Error::PreconditionFailed => Code::PreconditionFailed,
            Error::IdempotencyKeyReused => Code::IdempotencyKeyReused,
            Error::IdempotencyInProgress => Code::IdempotencyInProgress,
            Error::TooManyRequests(decision) => return Self::too_many_requests(*decision),
            Error::Overloaded { retry_after } => {
                return Self { retry_after: *retry_after, ..Self::new(Code::Overloaded, error.to_string()) };
            }
            Error::Unavailable(cause) => {
                return Self { cause: Some(cause.to_string()), ..Self::new(Code::Unavailable, error.to_string()) };
            }
            Error::Internal(cause) => return Self::internal(cause),
        };
        Self::new(code, error.to_string())
    }
}
