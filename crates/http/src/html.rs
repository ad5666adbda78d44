//! Pages for people, each with a policy of what it may load. Nothing in them is inline: what is not a file of its own
//! does not run.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, HeaderName, HeaderValue},
};

/// What is built into the program changes only with it; an hour is soon enough to notice.
#[must_use]
pub fn for_an_hour() -> (HeaderName, HeaderValue) {
    (CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"))
}

/// A page that may load what `policy` says, and nothing else.
#[must_use]
pub fn page(policy: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    let policy = format!("default-src 'none'; {policy}; form-action 'none'; frame-ancestors 'none'; base-uri 'none'");
    response.content_type(ContentType::html()).insert_header((CONTENT_SECURITY_POLICY, policy));
    response.insert_header(for_an_hour());
    response
}

/// A stylesheet or a script.
#[must_use]
pub fn file(content_type: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.content_type(content_type).insert_header(for_an_hour());
    response
}

/// Text as it stands in HTML, also between quotes.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
