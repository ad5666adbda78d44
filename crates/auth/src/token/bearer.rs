//! The one place a token may come from: the `Authorization` header (RFC 6750 §2.1). The rule: nothing is repaired here.

/// The token in the value of an `Authorization` header; `None` when another scheme or nothing was sent.
///
/// The scheme is compared without case (RFC 9110 §11.1). What follows is returned as it is, and is no token before a
/// [`Verifier`](super::Verifier) has said so. Two `Authorization` headers are the caller's to refuse.
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
    fn the_scheme_is_read_without_case() {
        for header in ["Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c", "bEaReR   a.b.c"] {
            assert_eq!(bearer(header), Some("a.b.c"), "{header}");
        }
    }

    #[test]
    fn other_schemes_and_empty_values_are_no_token() {
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
    fn what_follows_is_not_repaired() {
        assert_eq!(bearer("Bearer a.b.c "), Some("a.b.c "));
        assert_eq!(bearer("Bearer a.b.c, Bearer d.e.f"), Some("a.b.c, Bearer d.e.f"));
    }
}
