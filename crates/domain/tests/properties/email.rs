//! The property of e-mail addresses, shared by the test and the fuzz target.

use keepstone_domain::Email;

/// Checks that a text is rejected, or is an address that fits in a mail header and has exactly one canonical key.
pub fn holds(text: &str) {
    let Ok(email) = Email::parse(text) else { return };
    let (address, key) = (email.as_str(), email.key());
    let written = text.trim_matches([' ', '\t', '\r', '\n']);
    assert!(address == written || (!written.is_ascii() && Email::parse(address).as_ref() == Ok(&email)), "{text:?}");
    assert!(
        !address.contains(|c: char| c.is_control() || c.is_whitespace() || "<>,;:\"()[]\\\\".contains(c)),
        "{text:?}"
    );
    assert!(address.len() <= Email::MAX_LENGTH && key.len() <= Email::MAX_LENGTH, "{text:?}");
    assert!(key.is_ascii() && !key.bytes().any(|byte| byte.is_ascii_uppercase()), "{text:?}");
    assert_eq!(key.matches('@').count(), 1, "{text:?}");
    for spelling in [address.to_owned(), address.to_ascii_uppercase(), key.to_owned()] {
        let again = Email::parse(&spelling);
        assert_eq!(again.as_ref().map(Email::key), Ok(key), "{spelling:?} of {text:?}");
    }
}
