//! Properties that hold for every text. Each is a function of its own, so the fuzz target of the same name can call it.

mod email;
mod fold;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn an_address_is_rejected_or_has_one_canonical_key(
        anything in "\\PC{0,80}",
        plausible in "[ \\t]?[\\PC&&[^@]]{0,20}@[\\PC&&[^@]]{0,20}\\.[a-zé]{1,6}",
        plain in "[A-Za-z0-9.+-]{1,12}@[A-Za-z0-9.ü-]{1,12}\\.[A-Za-z]{2,5}",
    ) {
        for text in [&anything, &plausible, &plain] {
            email::holds(text);
        }
    }

    #[test]
    fn canonically_equivalent_texts_fold_to_the_same_text(
        anything in "\\PC{0,40}",
        marks in "[a-zA-Zäöéΐᾳßİ가-힣\u{300}-\u{36f}\u{1100}-\u{11ff}\u{345}]{0,20}",
    ) {
        for text in [&anything, &marks] {
            fold::holds(text);
        }
    }
}
