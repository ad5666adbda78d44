//! Bodies: read once, within a limit, in the format they claim to be, and checked.

use std::pin::Pin;

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header,
    web::{Bytes, BytesMut, Data},
};
use futures_util::StreamExt;
use keepstone_domain::Login;
use keepstone_service::Accounts;
use secrecy::SecretString;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use utoipa::ToSchema;

use crate::{
    code::Code,
    field::{Checker, Field, Input},
    problem::{ApiResult, FieldError, Problem},
};

/// The most bytes that a body may have.
pub const MAX_BODY: usize = 64 * 1024;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A JSON body without faults. Everything that is wrong with another is told at once, as 422.
pub struct Valid<T: Input>(pub T::Output);

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl<T: Input + 'static> FromRequest for Valid<T> {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if media_type(&request) != JSON {
                return Err(unsupported("application/json"));
            }
            let body = read(&request, payload).await?;
            check::<T>(&request, parse_json(&body)?).map(Self)
        })
    }
}

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
    #[schema(value_type = Option<String>, format = "email", example = "ada@example.com")]
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
    username: Option<String>,
    /// The password.
    #[schema(format = "password")]
    password: Option<String>,
    /// `password`, or left out.
    grant_type: Option<String>,
}

/// The two ways to send a login, for the document.
#[derive(ToSchema)]
#[schema(as = Login)]
#[expect(dead_code, reason = "it is described, never made")]
pub enum LoginBody {
    /// As JSON.
    Json(LoginJson),
    /// As a form.
    Form(LoginForm),
}

impl Input for LoginJson {
    type Output = LoginRequest;

    fn check(self, checker: &mut Checker) -> Option<LoginRequest> {
        let password = checker.required("password", self.password, Ok);
        let name = match (self.email, self.username) {
            (Field::Absent, username @ (Field::Given(_) | Field::Mistyped | Field::Null)) => {
                checker.required("username", username, Ok)
            }
            (email, _) => checker.required("email", email, Ok),
        };
        Some(LoginRequest { login: Login::parse(&name?), password: password?.into(), is_form: false })
    }
}

impl LoginForm {
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
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            match media_type(&request).as_str() {
                JSON => {
                    let body = read(&request, payload).await?;
                    check::<LoginJson>(&request, parse_json(&body)?)
                }
                FORM => {
                    let body = read(&request, payload).await?;
                    let form: LoginForm = serde_urlencoded::from_bytes(&body)
                        .map_err(|_| Problem::new(Code::InvalidRequest, "The form cannot be read"))?;
                    form.check()
                }
                _ => Err(unsupported("application/json or application/x-www-form-urlencoded")),
            }
        })
    }
}

/// The media type in lower case; empty if there is none, or one in another character set than UTF-8.
fn media_type(request: &HttpRequest) -> String {
    let is_utf8 = request.encoding().is_ok_and(|encoding| encoding.name() == "UTF-8");
    if is_utf8 { request.content_type().to_ascii_lowercase() } else { String::new() }
}

fn unsupported(expected: &str) -> Problem {
    Problem::new(Code::UnsupportedMediaType, format!("Content-Type must be {expected}"))
}

async fn read(request: &HttpRequest, mut payload: Payload) -> ApiResult<Bytes> {
    let too_large = || Problem::new(Code::BodyTooLarge, format!("A body may have at most {MAX_BODY} bytes"));
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > MAX_BODY) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::MalformedBody, "The body ended early"))?;
        if body.len() + chunk.len() > MAX_BODY {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Not well-formed is 400; well-formed and not an object is 422.
fn parse_json<T: DeserializeOwned>(body: &[u8]) -> ApiResult<T> {
    let refuse = |error: serde_json::Error| {
        if error.is_data() {
            not_an_object()
        } else {
            let (line, column) = (error.line(), error.column());
            Problem::new(Code::MalformedBody, format!("The body is not well-formed JSON: line {line}, column {column}"))
        }
    };
    // serde would take an array of the right length for an object.
    if body.trim_ascii_start().starts_with(b"{") {
        serde_json::from_slice(body).map_err(refuse)
    } else {
        Err(serde_json::from_slice::<IgnoredAny>(body).map_or_else(refuse, |_| not_an_object()))
    }
}

fn not_an_object() -> Problem {
    let msg = "must be an object, with each member once".to_owned();
    Problem::validation(vec![FieldError { loc: vec!["body".into()], msg, kind: "value_error" }])
}

fn check<T: Input>(request: &HttpRequest, input: T) -> ApiResult<T::Output> {
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
