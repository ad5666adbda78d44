//! The headers that every answer has, whatever it is: what a browser must not do with it, and who may keep it. A
//! handler may say otherwise about caching and about its own content; about nothing else.

use actix_web::{
    dev::ServiceRequest,
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
        STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

use crate::client_address::Network;

/// Not one of actix's names. It keeps pages of other origins from embedding an answer without asking; who asks by CORS
/// is not subject to it (Fetch, "cross-origin resource policy check"), so listed origins lose nothing.
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// An answer of the API is no page, and may do nothing if a browser takes it for one.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";
/// What answers depend on besides their address. A proxy in front may compress them.
const VARIES: &str = "Origin, Authorization, Accept-Encoding";
/// The same, for what comes as a page or as JSON.
pub const VARIES_BY_ACCEPT: &str = "Accept, Origin, Authorization, Accept-Encoding";

/// Puts them on an answer. All are constants: nothing is allocated for them.
pub fn complete(headers: &mut HeaderMap, is_https: bool) {
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
        (X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in [(CONTENT_SECURITY_POLICY, NOTHING), (CACHE_CONTROL, "no-store"), (VARY, VARIES)] {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if is_https {
        let a_year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(STRICT_TRANSPORT_SECURITY, a_year);
    }
}

/// Whether the client speaks HTTPS, as a trusted proxy says. This server itself does not.
#[must_use]
pub fn is_https(request: &ServiceRequest, trusted: &[Network]) -> bool {
    let says_so =
        request.headers().get(X_FORWARDED_PROTO).is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"));
    let peer = request.head().peer_addr.filter(|_| says_so);
    peer.is_some_and(|peer| trusted.iter().any(|network| network.contains(peer.ip())))
}
