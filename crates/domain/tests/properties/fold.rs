//! The property of folded search texts.

use keepstone_domain::fold;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Checks that all canonically equivalent texts have the same folded form, which is in NFC and folds to itself.
pub fn holds(text: &str) {
    let folded = fold(text);
    let nfd: String = text.nfd().collect();
    let nfc: String = text.nfc().collect();
    assert_eq!(fold(&nfd), folded, "{text:?}");
    assert_eq!(fold(&nfc), folded, "{text:?}");
    assert_eq!(fold(&folded), folded, "{text:?}");
    assert!(is_nfc(&folded), "{text:?}");
}
