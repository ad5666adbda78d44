//! A refresh token on its own: to be exchanged, or to be logged out with.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    body::{self, Extraction, Form, JSON},
    json::parse_json,
};
use crate::{
    code::Code,
    field::{Checker, Field, Input},
    problem::{ApiResult, Problem},
};

/// A refresh token to be exchanged, by JSON or by OAuth 2's form.
pub struct RefreshRequest {
    /// The token as it was sent.
    pub refresh_token: String,
    /// Whether it came by the form, whose errors are those of RFC 6749.
    pub is_form: bool,
}

/// Somebody who wants out; the token may be left out, and the body with it.
pub struct LogoutRequest(pub Option<String>);

/// What a refresh sends as JSON.
#[derive(Deserialize, ToSchema)]
#[schema(as = RefreshRequest)]
pub struct RefreshJson {
    /// The refresh token; `refreshToken` is accepted too.
    #[serde(default, alias = "refreshToken")]
    #[schema(required = true, value_type = String)]
    refresh_token: Field<String>,
}

/// What a refresh sends as a form (RFC 6749 section 6).
#[derive(Deserialize, ToSchema)]
pub struct RefreshForm {
    /// The refresh token; `refreshToken` is accepted too.
    #[serde(alias = "refreshToken")]
    #[schema(required = true, value_type = String)]
    refresh_token: Option<String>,
    /// `refresh_token`, or left out.
    #[schema(value_type = String, required = false, pattern = "^refresh_token$")]
    grant_type: Option<String>,
}

/// What a logout sends as JSON.
#[derive(Deserialize, ToSchema)]
#[schema(as = LogoutRequest)]
pub struct LogoutJson {
    /// The refresh token of the session to end; `refreshToken` is accepted too.
    #[serde(default, alias = "refreshToken")]
    #[schema(value_type = Option<String>)]
    refresh_token: Field<String>,
}

impl Input for RefreshJson {
    type Output = RefreshRequest;

    fn check(self, checker: &mut Checker) -> Option<RefreshRequest> {
        let refresh_token = checker.required("refresh_token", self.refresh_token, Ok)?;
        Some(RefreshRequest { refresh_token, is_form: false })
    }
}

impl Input for LogoutJson {
    type Output = LogoutRequest;

    fn check(self, checker: &mut Checker) -> Option<LogoutRequest> {
        checker.optional("refresh_token", self.refresh_token, Ok).map(LogoutRequest)
    }
}

impl Form for RefreshForm {
    type Output = RefreshRequest;

    fn check(self) -> ApiResult<RefreshRequest> {
        if self.grant_type.is_some_and(|grant| grant != "refresh_token") {
            return Err(Problem::new(Code::UnsupportedGrantType, "grant_type must be \"refresh_token\""));
        }
        let missing = || Problem::new(Code::InvalidRequest, "The form has no refresh_token");
        Ok(RefreshRequest { refresh_token: self.refresh_token.ok_or_else(missing)?, is_form: true })
    }
}

impl FromRequest for RefreshRequest {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        body::json_or_form::<RefreshJson, RefreshForm>(request, payload)
    }
}

impl FromRequest for LogoutRequest {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let bytes = body::read(&request, payload).await?;
            match body::media_type(&request).as_str() {
                _ if bytes.is_empty() => Ok(Self(None)),
                JSON => body::check::<LogoutJson>(&request, parse_json(&bytes)?),
                _ => Err(body::unsupported(JSON)),
            }
        })
    }
}
