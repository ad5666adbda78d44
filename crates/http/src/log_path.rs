//! The path of a request in the access log. Mail relays that rewrite links move the text after the `#` into the path:
//! a token that may still be valid. So a path is shown only as far as it consists of names and ids.

use std::borrow::Cow;

/// The maximum length of a part that is shown: that of a UUID.
const LONGEST: usize = 36;
/// The placeholder for the rest of a path.
const REST: &str = "…";

/// Returns the path up to the first part that may contain a secret: one that is longer than names and ids, or has other
/// characters.
#[must_use]
pub fn loggable(path: &str) -> Cow<'_, str> {
    let mut length = 0;
    for part in path.split_inclusive('/') {
        let name = part.strip_suffix('/').unwrap_or(part);
        let plain = name.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"-._~*".contains(byte)).count();
        if name.len() > LONGEST || plain < name.len() {
            let shown = if plain > LONGEST { 0 } else { plain };
            return Cow::Owned(format!("{}{REST}", path.get(..length + shown).unwrap_or_default()));
        }
        length += part.len();
    }
    Cow::Borrowed(path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "q3JvY2FmZWJhYmVkZWFkYmVlZi1xM0p2WTJGbQ-_a8";

    #[test]
    fn names_and_ids_are_shown() {
        for path in [
            "/",
            "*",
            "//health/",
            "/api/v1/users/me",
            "/api/v1/items/019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b",
            "/docs/swagger-ui-bundle.js",
            "/.well-known/jwks.json",
        ] {
            assert_eq!(loggable(path), path);
        }
    }

    #[test]
    fn a_token_that_a_relay_moved_into_the_path_is_cut_off() {
        for (path, shown) in [
            (format!("/api/v1/auth/reset-password%23token={TOKEN}"), "/api/v1/auth/reset-password…"),
            (format!("/api/v1/auth/reset-password/%2523token%253D{TOKEN}/"), "/api/v1/auth/reset-password/…"),
            (format!("/api/v1/auth/verify-email;token={TOKEN}"), "/api/v1/auth/verify-email…"),
            (format!("/nothing/{TOKEN}/more"), "/nothing/…"),
            (format!("/{TOKEN}%20"), "/…"),
            ("/users/ada@example.com".to_owned(), "/users/ada…"),
            ("/users/äda".to_owned(), "/users/…"),
        ] {
            assert_eq!(loggable(&path), shown, "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_token_is_never_shown(before in "[/a-z%#=&;?0-9]{0,40}", after in "\\PC{0,20}") {
            let path = format!("/{before}{TOKEN}{after}");
            prop_assert!(!loggable(&path).contains(TOKEN));
        }
    }
}
