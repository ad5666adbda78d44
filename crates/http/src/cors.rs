//! Which pages of other origins may call from a browser, and what they may send and read. Origins are compared whole,
//! and credentials are for listed ones only.

use actix_cors::Cors;
use actix_web::http::{Method, header};

use crate::{extract::IDEMPOTENCY_KEY, request_id};

/// Which pages may call the API from a browser.
#[derive(Debug, Clone)]
pub enum Origins {
    /// Any, but without credentials.
    Any,
    /// These, with credentials.
    Listed(Vec<String>),
}

/// Around everything that needs credentials or has limits: a preflight has none and knows none.
pub fn cors(origins: &Origins) -> Cors {
    let cors = Cors::default()
        .allowed_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS])
        .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH, request_id::HEADER])
        .allowed_header(IDEMPOTENCY_KEY)
        .expose_headers([header::ETAG, header::LOCATION, header::RETRY_AFTER, request_id::HEADER])
        // `Vary` is on every answer already.
        .disable_vary_header()
        .max_age(600);
    match origins {
        Origins::Any => any_origin(cors),
        Origins::Listed(list) => {
            list.iter().fold(cors.supports_credentials(), |cors, origin| cors.allowed_origin(origin))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "sends `*` itself, which a browser never combines with credentials")]
fn any_origin(cors: Cors) -> Cors {
    cors.allow_any_origin().send_wildcard()
}
