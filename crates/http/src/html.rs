//! HTML pages, each with a content security policy. They have no inline scripts or styles, which the policy blocks.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, HeaderName, HeaderValue},
};

/// Returns the `Cache-Control` of built-in files: an hour, since they change only with the program.
#[must_use]
pub fn for_an_hour() -> (HeaderName, HeaderValue) {
    (CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"))
}

/// Starts the response for a page that may load only what `policy` allows.
#[must_use]
pub fn page(policy: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    let policy = format!("default-src 'none'; {policy}; form-action 'none'; frame-ancestors 'none'; base-uri 'none'");
    response.content_type(ContentType::html()).insert_header((CONTENT_SECURITY_POLICY, policy));
    response.insert_header(for_an_hour());
    response
}

/// Starts the response for a stylesheet or a script.
#[must_use]
pub fn file(content_type: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.content_type(content_type).insert_header(for_an_hour());
    response
}

/// Escapes text for HTML, including attribute values in double quotes.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
