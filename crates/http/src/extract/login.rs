//! A login: JSON, or the form of OAuth 2's password grant.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use keepstone_domain::Login;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{self, Extraction, Form};
use crate::{
    code::Code,
    field::{Checker, Field, Input},
    problem::{ApiResult, Problem},
};

/// Somebody who wants in, by JSON or by the form of OAuth 2's password grant.
pub struct LoginRequest {
    /// Whose account; `None` if nobody can have this name.
    pub login: Option<Login>,
    /// The password as it was typed.
    pub password: SecretString,
    /// Whether it came by the form, whose errors are those of RFC 6749.
    pub is_form: bool,
}

/// What a login sends as JSON: an address or a user name, and the password.
#[derive(Deserialize, ToSchema)]
#[schema(as = LoginRequest)]
pub struct LoginJson {
    /// The address of the account. Either this or `username` must be there.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "idn-email", example = "ada@example.com")]
    email: Field<String>,
    /// The user name of the account, or its address.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    username: Field<String>,
    /// The password.
    #[serde(default)]
    #[schema(required = true, value_type = String, format = "password")]
    password: Field<String>,
}

/// What a login sends as a form (RFC 6749 section 4.3.2).
#[derive(Deserialize, ToSchema)]
pub struct LoginForm {
    /// The address or the user name of the account.
    #[schema(required = true, value_type = String)]
    username: Option<String>,
    /// The password.
    #[schema(required = true, value_type = String, format = "password")]
    password: Option<String>,
    /// `password`, or left out.
    #[schema(value_type = String, required = false, pattern = "^password$")]
    grant_type: Option<String>,
}

impl Input for LoginJson {
    type Output = LoginRequest;

    fn check(self, checker: &mut Checker) -> Option<LoginRequest> {
        let password = checker.required("password", self.password, Ok);
        let name = match (self.email, self.username) {
            (Field::Absent | Field::Null, username @ (Field::Given(_) | Field::Mistyped)) => {
                checker.required("username", username, Ok)
            }
            (email, username) => {
                let name = checker.required("email", email, Ok);
                // The address is what counts, but the other member must be right, too.
                checker.optional("username", username, Ok)?;
                name
            }
        };
        Some(LoginRequest { login: Login::parse(&name?), password: password?.into(), is_form: false })
    }
}

impl Form for LoginForm {
    type Output = LoginRequest;

    fn check(self) -> ApiResult<LoginRequest> {
        if self.grant_type.is_some_and(|grant| grant != "password") {
            return Err(Problem::new(Code::UnsupportedGrantType, "grant_type must be \"password\""));
        }
        match (self.username, self.password) {
            (Some(username), Some(password)) => {
                Ok(LoginRequest { login: Login::parse(&username), password: password.into(), is_form: true })
            }
            (None, _) => Err(Problem::new(Code::InvalidRequest, "The form has no username")),
            (_, None) => Err(Problem::new(Code::InvalidRequest, "The form has no password")),
        }
    }
}

impl FromRequest for LoginRequest {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        body::json_or_form::<LoginJson, LoginForm>(request, payload)
    }
}
