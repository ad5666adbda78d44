//! CORS: the origins whose pages may call the API, and the headers that they may send and read. Origins are compared as
//! a whole, and only allowed ones may use credentials.

use actix_cors::{Cors, CorsError};
use actix_web::{
    HttpRequest,
    body::BoxBody,
    dev::ServiceResponse,
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use regex::Regex;

use crate::{
    code::Code, headers::VARIES_BY_PREFLIGHT, problem::Problem, rate_limit, request_id, respond::IDEMPOTENCY_REPLAYED,
};

/// The origins whose pages may call the API from a browser.
#[derive(Debug, Clone)]
pub enum Origins {
    /// Any, but without credentials.
    Any,
    /// These, with credentials.
    Listed(Vec<String>),
    /// These and those that match the pattern as a whole, with credentials.
    Matching(Vec<String>, Regex),
}

const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
/// The response headers that a page may read, besides those that every page may read.
const EXPOSED: [HeaderName; 11] = [
    header::ETAG,
    header::LOCATION,
    request_id::HEADER,
    header::RETRY_AFTER,
    IDEMPOTENCY_REPLAYED,
    rate_limit::LIMIT,
    rate_limit::REMAINING,
    rate_limit::RESET,
    header::WWW_AUTHENTICATE,
    header::CONTENT_DISPOSITION,
    header::LINK,
];

/// Returns the middleware. It is outside authentication and rate limits, because a preflight has no credentials.
pub fn cors(origins: &Origins) -> Cors {
    let cors = Cors::default()
        .allowed_methods(METHODS)
        .allow_any_header()
        .expose_headers(EXPOSED)
        // Every response has `Vary` already.
        .disable_vary_header()
        .max_age(600);
    match origins {
        Origins::Any => any_origin(cors),
        Origins::Listed(list) => listed(cors, list),
        Origins::Matching(list, pattern) => {
            let pattern = pattern.clone();
            listed(cors, list).allowed_origin_fn(move |origin, _| matches(&pattern, origin))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "sends `*` itself, which a browser never combines with credentials")]
fn any_origin(cors: Cors) -> Cors {
    cors.allow_any_origin().send_wildcard()
}

fn listed(cors: Cors, origins: &[String]) -> Cors {
    origins.iter().fold(cors.supports_credentials(), |cors, origin| cors.allowed_origin(origin))
}

/// Returns whether an origin matches. `null` never does: sandboxed pages of any site send it.
fn matches(pattern: &Regex, origin: &HeaderValue) -> bool {
    origin.to_str().is_ok_and(|origin| origin != "null" && pattern.is_match(origin))
}

/// Adds the reason to the response to a rejected preflight.
pub fn explain(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let error = response.response().error().and_then(|error| error.as_error::<CorsError>());
    match error.map(|error| refusal(error, response.request())) {
        Some(problem) => response.error_response(problem),
        None => response,
    }
}

fn refusal(error: &CorsError, request: &HttpRequest) -> Problem {
    let sent = |name: HeaderName| {
        let value = request.headers().get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        String::from_utf8_lossy(value).chars().take(200).collect::<String>()
    };
    let detail = match error {
        CorsError::OriginNotAllowed => {
            let origin = sent(header::ORIGIN);
            format!("The origin {origin} is not allowed. The operator can add it to CORS_ORIGINS")
        }
        CorsError::MethodNotAllowed | CorsError::BadRequestMethod => {
            let method = sent(header::ACCESS_CONTROL_REQUEST_METHOD);
            format!(
                "The method {method} is not allowed. The allowed methods are {}",
                METHODS.map(|method| method.to_string()).join(", ")
            )
        }
        CorsError::MissingOrigin => "A preflight request must have an Origin header".to_owned(),
        other => other.to_string(),
    };
    Problem::new(Code::InvalidRequest, detail)
}

/// Removes the CORS headers from responses to origins that are not allowed: `actix-cors` sends some of them anyway.
pub fn complete(headers: &mut HeaderMap) {
    if !headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.remove(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
        headers.remove(header::ACCESS_CONTROL_EXPOSE_HEADERS);
    } else if headers.contains_key(header::ACCESS_CONTROL_ALLOW_METHODS) {
        headers.insert(header::VARY, HeaderValue::from_static(VARIES_BY_PREFLIGHT));
    }
}
