//! Reads the token from the `Authorization` header (RFC 6750 §2.1), the only supported place. A malformed token is not
//! corrected.

/// Returns the token in the value of an `Authorization` header. `None` if the scheme is not `Bearer` or the token is
/// missing.
///
/// The scheme is case-insensitive (RFC 9110 §11.1). The rest is returned unchanged and unverified: pass it to a
/// [`Verifier`](super::Verifier). The caller must reject requests with more than one `Authorization` header.
#[must_use]
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_case_insensitive() {
        for header in ["Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c", "bEaReR   a.b.c"] {
            assert_eq!(bearer(header), Some("a.b.c"), "{header}");
        }
    }

    #[test]
    fn other_schemes_and_empty_values_contain_no_token() {
        for header in [
            "",
            " ",
            "Bearer",
            "Bearer ",
            "Bearer   ",
            "Basic a.b.c",
            "a.b.c",
            "Bearera.b.c",
            " Bearer a.b.c",
            "Bearer\ta.b.c",
        ] {
            assert_eq!(bearer(header), None, "{header:?}");
        }
    }

    #[test]
    fn a_malformed_token_is_returned_unchanged() {
        assert_eq!(bearer("Bearer a.b.c "), Some("a.b.c "));
        assert_eq!(bearer("Bearer a.b.c, Bearer d.e.f"), Some("a.b.c, Bearer d.e.f"));
    }
}
