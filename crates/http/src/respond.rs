//! Answers that are more than a body: the status is in the type.

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    http::header::{CACHE_CONTROL, LOCATION, PRAGMA},
};
use keepstone_service::TokenPair;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

/// 200 with a JSON body.
pub struct Json<T>(pub T);

/// 201 with a JSON body, and where the new thing is.
pub struct Created<T> {
    /// The new thing.
    pub body: T,
    /// Its path.
    pub location: String,
}

/// 204: done, and nothing to say.
pub struct NoContent;

/// How the members of a token response are spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenCase {
    /// As RFC 6749 has them: `access_token`.
    Snake,
    /// As some clients were written: `accessToken`.
    Camel,
}

/// A token response (RFC 6749 section 5.1), which nobody may cache.
pub struct Tokens {
    /// The tokens.
    pub pair: TokenPair,
    /// How to spell the members.
    pub case: TokenCase,
    /// Whether it answers an OAuth 2 form, whose clients know `access_token` only.
    pub is_form: bool,
}

/// The body of a token response.
#[derive(Serialize, ToSchema)]
#[schema(as = TokenPair)]
pub struct TokensView<'a> {
    /// For the `Authorization` header.
    access_token: &'a str,
    /// For the next pair, once.
    refresh_token: &'a str,
    /// Always `bearer`.
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// How long the access token is good, in seconds.
    #[schema(example = 1800)]
    expires_in: u64,
    /// What the role permits at this moment, separated by spaces.
    #[schema(example = "items:read items:write")]
    scope: &'a str,
}

/// The same, under the names that some clients were written for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CamelTokensView<'a> {
    access_token: &'a str,
    refresh_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    /// Has no other spelling, so it is left out where both are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

/// A form's client knows the names of RFC 6749 only, even where the others are asked for.
#[derive(Serialize)]
struct BothTokensViews<'a> {
    #[serde(flatten)]
    snake: TokensView<'a>,
    #[serde(flatten)]
    camel: CamelTokensView<'a>,
}

impl<'a> TokensView<'a> {
    fn new(pair: &'a TokenPair) -> Self {
        Self {
            access_token: pair.access_token.expose_secret(),
            refresh_token: pair.refresh_token.expose_secret(),
            token_type: "bearer",
            expires_in: pair.expires_in,
            scope: &pair.scope,
        }
    }
}

impl<'a> From<&TokensView<'a>> for CamelTokensView<'a> {
    fn from(view: &TokensView<'a>) -> Self {
        let TokensView { access_token, refresh_token, token_type, expires_in, scope } = *view;
        Self { access_token, refresh_token, token_type, expires_in, scope: Some(scope) }
    }
}

impl<T: Serialize> Responder for Json<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().json(self.0)
    }
}

impl<T: Serialize> Responder for Created<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Created().insert_header((LOCATION, self.location)).json(self.body)
    }
}

impl Responder for NoContent {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::NoContent().finish()
    }
}

impl Responder for Tokens {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        response.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
        let snake = TokensView::new(&self.pair);
        let camel = CamelTokensView::from(&snake);
        match (self.case, self.is_form) {
            (TokenCase::Snake, _) => response.json(snake),
            (TokenCase::Camel, false) => response.json(camel),
            (TokenCase::Camel, true) => {
                response.json(BothTokensViews { snake, camel: CamelTokensView { scope: None, ..camel } })
            }
        }
    }
}
