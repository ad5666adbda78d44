//! Responses whose type determines the status.

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    http::{
        Method, StatusCode,
        header::{CACHE_CONTROL, ContentType, ETAG, HeaderName, HeaderValue, LOCATION, PRAGMA},
    },
};
use keepstone_domain::Answer;
use keepstone_service::TokenPair;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{etag::ETag, problem::Problem};

/// 200 with a JSON body.
pub struct Json<T>(pub T);

/// 200 with a JSON body and an `ETag`; 304 without a body if the client already has this version.
pub struct Tagged<T> {
    /// The resource.
    pub body: T,
    /// Its version.
    pub etag: ETag,
}

/// A response that can be stored: 201 with a JSON body, its version and its path, or 202 with a message.
pub struct Created(pub Answer);

/// The header of a replayed response.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The response to a request that can be retried.
pub enum Once {
    /// The request was executed.
    Now(Created),
    /// The stored response of an earlier execution.
    Before(Answer),
}

/// 202 with a message: the work is done in the background.
pub struct Accepted(pub &'static str);

/// A message for people.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub struct MessageView {
    #[schema(example = "Email will be sent")]
    message: &'static str,
}

/// 204 without a body.
pub struct NoContent;

/// The spelling of the members of a token response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenCase {
    /// As in RFC 6749: `access_token`.
    Snake,
    /// As some clients expect: `accessToken`.
    Camel,
}

/// A token response (RFC 6749 section 5.1). It must not be cached.
pub struct Tokens {
    /// The tokens.
    pub pair: TokenPair,
    /// The spelling of the members.
    pub case: TokenCase,
    /// Whether the request was an OAuth 2 form, whose clients know only `access_token`.
    pub is_form: bool,
}

/// The type of an access token.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenType {
    Bearer,
}

/// A pair of tokens (RFC 6749 section 5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = TokenPair)]
pub struct TokensView<'a> {
    /// The token for the `Authorization` header.
    access_token: &'a str,
    /// The token for the next pair; it works once.
    refresh_token: &'a str,
    token_type: TokenType,
    /// The lifetime of the access token in seconds.
    #[schema(example = 1800)]
    expires_in: u64,
    /// The permissions of the role, separated by spaces.
    #[schema(example = "items:read items:write")]
    scope: &'a str,
}

/// A pair of tokens, with the member names that some clients expect.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TokenPair)]
pub struct CamelTokensView<'a> {
    /// The token for the `Authorization` header.
    access_token: &'a str,
    /// The token for the next pair; it works once.
    refresh_token: &'a str,
    token_type: TokenType,
    /// The lifetime of the access token in seconds.
    #[schema(example = 1800)]
    expires_in: u64,
    /// The permissions of the role, separated by spaces.
    // Both spellings are the same, so it is omitted where both are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, required = true)]
    scope: Option<&'a str>,
}

/// Both spellings: clients of forms know only the names of RFC 6749, even where the others are configured.
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
            token_type: TokenType::Bearer,
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

impl Created {
    /// Creates the response for a new resource.
    #[must_use]
    pub fn answer(body: &impl Serialize, etag: &ETag, location: String) -> Answer {
        // Only strings, numbers and times, so serialization cannot fail.
        let body = serde_json::to_string(body).unwrap_or_default();
        let (location, etag) = (Some(location), Some(etag.as_str().to_owned()));
        Answer { status: StatusCode::CREATED.as_u16(), location, etag, body }
    }
}

impl<T: Serialize> Responder for Tagged<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let is_known = request.method() == Method::GET && self.etag.is_known(request.headers());
        let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response.insert_header((ETAG, self.etag.as_str()));
        if is_known { response.finish() } else { response.json(self.body) }
    }
}

impl Responder for Created {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let Answer { status, location, etag, body } = self.0;
        let Ok(status) = StatusCode::from_u16(status) else {
            return HttpResponse::from_error(Problem::internal("a stored response has an invalid status"));
        };
        let mut response = HttpResponse::build(status);
        response.insert_header(ContentType::json());
        for (name, value) in [(ETAG, etag), (LOCATION, location)] {
            if let Some(value) = value {
                response.insert_header((name, value));
            }
        }
        response.body(body)
    }
}

impl Responder for Once {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match self {
            Self::Now(created) => created.respond_to(request),
            Self::Before(answer) => {
                let mut response = Created(answer).respond_to(request);
                response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
                response
            }
        }
    }
}

impl Accepted {
    /// Converts the message to a response that can be stored.
    #[must_use]
    pub fn answer(self) -> Answer {
        // Only one string, so serialization cannot fail.
        let body = serde_json::to_string(&MessageView { message: self.0 }).unwrap_or_default();
        Answer { status: StatusCode::ACCEPTED.as_u16(), location: None, etag: None, body }
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
