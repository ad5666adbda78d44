//! The id of a request, in the logs of the client and of the server.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// The header of the id, in requests and responses.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request in logs and problems.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// Returns the client's id if it is 1 to 128 visible ASCII characters, else a new UUIDv7.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).filter(|value| {
            let bytes = value.as_bytes();
            (1..=128).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
        });
        Self(given.cloned().unwrap_or_else(Self::generate))
    }

    fn generate() -> HeaderValue {
        let mut buffer = Uuid::encode_buffer();
        let text: &str = Uuid::now_v7().hyphenated().encode_lower(&mut buffer);
        // Hexadecimal digits and hyphens are always valid in a header.
        HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }

    /// Returns the id as the value of the header.
    #[must_use]
    pub fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(given: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(given).unwrap());
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn a_clients_id_is_used_if_it_is_short_visible_ascii() {
        assert_eq!(id_for("abc-1"), "abc-1");
        assert_eq!(id_for(&"x".repeat(128)), "x".repeat(128));
        for odd in ["", "a b", "a\tb", &"x".repeat(129)] {
            assert_eq!(Uuid::parse_str(&id_for(odd)).unwrap().get_version_num(), 7, "{odd:?}");
        }
    }
}
