//! The headers of every response: restrictions for browsers, and caching. A handler can override caching and the
//! content security policy, but no other header.

use actix_web::{
    dev::ServiceRequest,
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, FORWARDED, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
        STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

use crate::client_address::Network;

/// Not among actix's names. The header prevents pages of other origins from embedding a response. It does not apply to
/// CORS requests (Fetch, "cross-origin resource policy check"), so allowed origins are not affected.
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A response of the API is not a page, and may load nothing if a browser displays it.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";
/// The request headers that responses depend on. A proxy in front may compress them.
const VARIES: &str = "Origin, Authorization, Accept-Encoding";
/// The same, for responses that are a page or JSON.
pub const VARIES_BY_ACCEPT: &str = "Accept, Origin, Authorization, Accept-Encoding";

/// The same, for the response to a preflight.
pub const VARIES_BY_PREFLIGHT: &str =
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Authorization, Accept-Encoding";

/// Adds the headers to a response. All are constants, which need no allocation.
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

/// Returns whether the client uses HTTPS, according to a trusted proxy. This server itself only uses HTTP.
#[must_use]
pub fn is_https(request: &ServiceRequest, trusted: &[Network]) -> bool {
    let peer = request.head().peer_addr;
    let is_trusted = peer.is_some_and(|peer| trusted.iter().any(|network| network.contains(peer.ip())));
    is_trusted && scheme(request.headers()).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
}

/// Returns the scheme that the client used: the first in `X-Forwarded-Proto`, or else in `Forwarded` (RFC 7239). Each
/// proxy appends its own. A client can forge the first if its proxy appends instead of replacing; the only effect is a
/// header that browsers ignore over plain HTTP.
fn scheme(headers: &HeaderMap) -> Option<&str> {
    first(headers, &X_FORWARDED_PROTO).or_else(|| {
        let pairs = first(headers, &FORWARDED)?.split(';').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("proto"))?;
        Some(value.trim().trim_matches('"'))
    })
}

/// Returns the first element of a list. Empty elements are ignored (RFC 9110 section 5.6.1).
fn first<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let values = headers.get_all(name).filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).find(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheme_of(lines: &[(&HeaderName, &str)]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append((*name).clone(), HeaderValue::from_str(value).unwrap());
        }
        scheme(&headers).map(str::to_owned)
    }

    #[test]
    fn the_scheme_is_that_of_the_client() {
        let (x, standard) = (&X_FORWARDED_PROTO, &FORWARDED);
        for (lines, expected) in [
            (&[][..], None),
            (&[(x, "https")], Some("https")),
            (&[(x, "https, https")], Some("https")),
            (&[(x, "https,http")], Some("https")),
            (&[(x, "http, https")], Some("http")),
            (&[(x, "  HTTPS  ")], Some("HTTPS")),
            (&[(x, ", ,https")], Some("https")),
            (&[(x, "https"), (x, "http")], Some("https")),
            (&[(x, ""), (x, "https")], Some("https")),
            (&[(standard, "for=192.0.2.1;proto=https;by=10.0.0.1")], Some("https")),
            (&[(standard, "For=\"[2001:db8::1]\"; Proto=\"https\", for=10.0.0.2;proto=http")], Some("https")),
            (&[(standard, "for=192.0.2.1, for=10.0.0.2;proto=https")], None),
            (&[(x, "http"), (standard, "proto=https")], Some("http")),
        ] {
            assert_eq!(scheme_of(lines).as_deref(), expected, "{lines:?}");
        }
    }
}
