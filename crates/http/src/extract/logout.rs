//! The body of a logout: empty, a refresh token as JSON, or a token as a form (RFC 7009).

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    body::{self, Extraction, JSON},
    form::{self, Parameters},
    json::parse_json,
};
use crate::{
    field::{Checker, Field, Input},
    problem::Problem,
};

const EXPECTED: &str = "application/json, application/x-www-form-urlencoded or multipart/form-data";

/// The session to end, in addition to that of the request's access token.
pub enum LogoutRequest {
    /// The session of this refresh token, if one was sent.
    Json(Option<String>),
    /// The session of this access or refresh token.
    Form(String),
}

/// A logout request as JSON.
#[derive(Deserialize, ToSchema)]
#[schema(as = LogoutRequest)]
pub struct LogoutJson {
    /// The refresh token of the session to end; `refreshToken` is accepted too.
    #[serde(default, alias = "refreshToken")]
    #[schema(value_type = Option<String>)]
    refresh_token: Field<String>,
}

/// A logout request as a form (RFC 7009 section 2.1).
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used; the request is parsed by hand")]
pub struct LogoutForm {
    /// The access or refresh token of the session to end.
    token: String,
    /// Ignored: the token has its type.
    #[schema(example = "refresh_token")]
    token_type_hint: Option<String>,
}

impl Input for LogoutJson {
    type Output = LogoutRequest;

    fn check(self, checker: &mut Checker) -> Option<LogoutRequest> {
        checker.optional("refresh_token", self.refresh_token, Ok).map(LogoutRequest::Json)
    }
}

impl FromRequest for LogoutRequest {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let media_type = body::media_type(&request);
            if form::is_form(&media_type) {
                let form = Parameters::read(&request, payload).await;
                let token = form.and_then(|mut form| form.require("token"));
                return token.map(Self::Form).map_err(Problem::into_oauth);
            }
            let bytes = body::read(&request, payload).await?;
            match media_type.as_str() {
                _ if bytes.is_empty() => Ok(Self::Json(None)),
                JSON => body::check::<LogoutJson>(&request, parse_json(&bytes)?),
                _ => Err(body::unsupported(EXPECTED)),
            }
        })
    }
}
