//! Tests of the allowed URLs of keys, and of how long keys are cached.

use super::max_age;
use crate::error::SetupError;
use crate::jwks::RemoteVerifier;

#[test]
fn only_https_and_loopback_urls_are_accepted() {
    let new = |url: &str| RemoteVerifier::new(url, "https://id.example.com", "orders").map(drop);
    for good in ["https://id.example.com/jwks.json", "http://localhost:8000/", "http://127.0.0.1/", "http://[::1]:1/"] {
        assert_eq!(new(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "id.example.com",
        "http://id.example.com/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://localhost.example.com/",
        "http://localhost@id.example.com/",
        "http://127.0.0.1:80@id.example.com/",
        "https://user@id.example.com/",
        "https://user:password@id.example.com/",
        "http://:password@localhost/",
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        "ftp://localhost/",
        "data:application/json,{}",
    ] {
        assert_eq!(new(bad), Err(SetupError::JwksUrl), "{bad}");
    }
    let plain = |url: &str| RemoteVerifier::trusting_the_network(url, "https://id.example.com", "orders").map(drop);
    assert_eq!(plain("http://keepstone:8000/.well-known/jwks.json"), Ok(()));
    for bad in ["file:///etc/passwd", "http://user:password@keepstone:8000/"] {
        assert_eq!(plain(bad), Err(SetupError::JwksUrl), "{bad}");
    }
    let empty_issuer = RemoteVerifier::new("https://id.example.com/", "", "orders").map(drop);
    assert_eq!(empty_issuer, Err(SetupError::EmptyIssuer));
    let empty_audience = RemoteVerifier::new("https://id.example.com/", "https://id.example.com", "").map(drop);
    assert_eq!(empty_audience, Err(SetupError::EmptyAudience));
}

#[test]
fn a_maximum_age_is_between_a_minute_and_an_hour() {
    for (headers, seconds) in [
        (&[][..], 300),
        (&["public"], 300),
        (&["public, max-age=300"], 300),
        (&["Max-Age=\"900\""], 900),
        (&["public", "max-age=120"], 120),
        (&["max-age=0"], 60),
        (&["max-age=-1"], 60),
        (&["max-age=99999999999999999999999"], 60),
        (&["max-age=86400"], 3600),
        (&["no-store, max-age=600"], 60),
        (&["max-age=600, No-Cache"], 60),
        (&["s-maxage=600"], 300),
    ] {
        assert_eq!(max_age(headers.iter().copied()).as_secs(), seconds, "{headers:?}");
    }
}
