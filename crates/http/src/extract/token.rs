//! A request to the token endpoint: JSON, or a form of OAuth 2 (RFC 6749 sections 4.3.2 and 6). Both routes accept
//! forms with either grant; the default grant depends on the route.

use std::marker::PhantomData;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use keepstone_domain::Login;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    body::{self, Extraction, JSON},
    form::{self, Parameters},
    json::parse_json,
    requester::IdempotencyKey,
};
use crate::{
    closed_list::GrantTypeSchema,
    code::Code,
    field::{Checker, Field, Input},
    problem::{ApiResult, Problem},
};

const EXPECTED: &str = "application/json, application/x-www-form-urlencoded or multipart/form-data";
const PASSWORD: &str = "password";
const REFRESH_TOKEN: &str = "refresh_token";
/// The grants of a form.
pub const GRANT_TYPES: [&str; 2] = [PASSWORD, REFRESH_TOKEN];

/// The credentials to exchange for tokens.
pub enum Grant {
    /// A user's password.
    Password {
        /// The address or user name; `None` if no account can have it.
        user: Option<Login>,
        /// The password as it was entered.
        password: SecretString,
    },
    /// A refresh token, not verified yet.
    RefreshToken(String),
}

/// A token request; `J` is its body as JSON.
pub struct TokenRequest<J> {
    /// The credentials to exchange.
    pub grant: Grant,
    /// The idempotency key of a refresh.
    pub key: Option<String>,
    /// Whether the body was a form, whose errors are those of RFC 6749.
    pub is_form: bool,
    json: PhantomData<J>,
}

/// The JSON body of one of the routes.
pub trait TokenJson: Input<Output = Grant> {
    /// The `grant_type` of a form that has none.
    const DEFAULT_GRANT: &'static str;
}

/// A login request as JSON: an address or a user name, and the password.
#[derive(Deserialize, ToSchema)]
#[schema(as = LoginRequest)]
pub struct LoginJson {
    /// The address of the account. Either this or `username` is required.
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

/// A refresh request as JSON.
#[derive(Deserialize, ToSchema)]
#[schema(as = RefreshRequest)]
pub struct RefreshJson {
    /// The refresh token; `refreshToken` is accepted too.
    #[serde(default, alias = "refreshToken")]
    #[schema(required = true, value_type = String)]
    refresh_token: Field<String>,
}

/// A token request as a form (RFC 6749). A parameter without a value counts as omitted.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used; the request is parsed by hand")]
pub struct TokenForm {
    /// The default is the grant of the route.
    #[schema(value_type = Option<GrantTypeSchema>, nullable = false)]
    grant_type: Option<String>,
    /// The address or the user name of the account, for the grant `password`.
    #[schema(example = "ada@example.com")]
    username: Option<String>,
    /// The password, for the grant `password`.
    #[schema(format = "password")]
    password: Option<String>,
    /// The refresh token, for the grant `refresh_token`.
    refresh_token: Option<String>,
    /// Ignored: tokens always have the whole scope of the user's role.
    scope: Option<String>,
    /// Ignored: clients are public.
    client_id: Option<String>,
    /// Ignored: clients are public.
    client_secret: Option<String>,
}

impl Input for LoginJson {
    type Output = Grant;

    fn check(self, checker: &mut Checker) -> Option<Grant> {
        let password = checker.required("password", self.password, Ok);
        let name = match (self.email, self.username) {
            (Field::Absent | Field::Null, username @ (Field::Given(_) | Field::Mistyped)) => {
                checker.required("username", username, Ok)
            }
            (email, username) => {
                let name = checker.required("email", email, Ok);
                // The address takes precedence, but `username` must be valid, too.
                checker.optional("username", username, Ok)?;
                name
            }
        };
        Some(Grant::Password { user: Login::parse(&name?), password: password?.into() })
    }
}

impl Input for RefreshJson {
    type Output = Grant;

    fn check(self, checker: &mut Checker) -> Option<Grant> {
        checker.required("refresh_token", self.refresh_token, Ok).map(Grant::RefreshToken)
    }
}

impl TokenJson for LoginJson {
    const DEFAULT_GRANT: &'static str = PASSWORD;
}

impl TokenJson for RefreshJson {
    const DEFAULT_GRANT: &'static str = REFRESH_TOKEN;
}

impl Grant {
    fn of_form(mut form: Parameters, default: &str) -> ApiResult<Self> {
        match form.take("grant_type").as_deref().unwrap_or(default) {
            PASSWORD => {
                let user = Login::parse(&form.require("username")?);
                Ok(Self::Password { user, password: form.require("password")?.into() })
            }
            REFRESH_TOKEN => Ok(Self::RefreshToken(form.require("refresh_token")?)),
            _ => {
                let detail = "grant_type must be \"password\" or \"refresh_token\"";
                Err(Problem::new(Code::UnsupportedGrantType, detail))
            }
        }
    }
}

impl<J: TokenJson + 'static> TokenRequest<J> {
    async fn read_json(request: &HttpRequest, payload: Payload) -> ApiResult<Self> {
        let grant = body::check::<J>(request, parse_json(&body::read(request, payload).await?)?)?;
        Ok(Self { grant, key: IdempotencyKey::of(request)?.0, is_form: false, json: PhantomData })
    }

    async fn read_form(request: &HttpRequest, payload: Payload) -> ApiResult<Self> {
        let grant = Grant::of_form(Parameters::read(request, payload).await?, J::DEFAULT_GRANT)?;
        Ok(Self { grant, key: IdempotencyKey::of(request)?.0, is_form: true, json: PhantomData })
    }
}

impl<J: TokenJson + 'static> FromRequest for TokenRequest<J> {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            match body::media_type(&request).as_str() {
                JSON => Self::read_json(&request, payload).await,
                kind if form::is_form(kind) => Self::read_form(&request, payload).await.map_err(Problem::into_oauth),
                _ => Err(body::unsupported(EXPECTED)),
            }
        })
    }
}
