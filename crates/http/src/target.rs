//! The check of a request target before routing: its length, and that its percent-encoding is unambiguous.

use actix_web::http::Uri;

use crate::{
    code::Code,
    problem::{ApiResult, Problem},
};

/// The maximum length of a path, and of a query, in bytes.
const MAX_LENGTH: usize = 8 * 1024;

/// Rejects a target that is too long, or does not decode to UTF-8. NUL is not rejected here: like other characters, it
/// matches no path (404) or is invalid in a parameter (422).
pub fn check(target: &Uri) -> ApiResult<()> {
    for (part, name) in [(target.path(), "path"), (target.query().unwrap_or_default(), "query")] {
        if part.len() > MAX_LENGTH {
            return Err(Problem::new(Code::UriTooLong, format!("The {name} may have at most {MAX_LENGTH} bytes")));
        }
        // The usual case: nothing is encoded.
        let is_plain = part.bytes().all(|byte| byte != b'%' && byte.is_ascii());
        if !is_plain && decoded(part.as_bytes()).is_none() {
            return Err(Problem::new(Code::MalformedUrl, format!("The {name} is not percent-encoded text (UTF-8)")));
        }
    }
    Ok(())
}

fn decoded(encoded: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter().copied();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            byte => byte,
        };
        decoded.push(byte);
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(target: &str) -> Option<&'static str> {
        check(&target.parse().unwrap()).err().map(|problem| problem.code_name())
    }

    #[test]
    fn a_target_that_decodes_to_text_is_accepted() {
        for target in ["/", "/a%2Fb?c=%C3%A4", "/%2541", "/?q=100%25", "/..%2f..", "/%e2%82%ac", "/%00", "*"] {
            assert_eq!(code(target), None, "{target}");
        }
    }

    #[test]
    fn a_target_that_does_not_decode_to_text_is_malformed() {
        for part in ["%", "a%", "%4", "%4g", "%zz", "%%41", "%ff", "%c3", "%c0%80", "%ed%a0%80"] {
            assert_eq!(code(&format!("/{part}")), Some("malformed_url"), "{part}");
            assert_eq!(code(&format!("/?q={part}")), Some("malformed_url"), "{part}");
        }
    }

    #[test]
    fn a_path_or_a_query_of_more_than_8_kib_is_too_long() {
        assert_eq!(code(&format!("/?{}", "a".repeat(8192))), None);
        assert_eq!(code(&format!("/?{}", "a".repeat(8193))), Some("uri_too_long"));
        assert_eq!(code(&format!("/{}", "a".repeat(8191))), None);
        assert_eq!(code(&format!("/{}", "a".repeat(8192))), Some("uri_too_long"));
    }
}
