//! Properties that hold for every text. Each is a function of its own, which the fuzz target of the same name also
//! calls.

mod database_url;

use proptest::prelude::*;

/// The parts of URLs, and texts that may break them.
const PIECES: &[&str] = &[
    "sqlite", "postgres", "mysql", "+", ":", "/", "//", "///", "@", "?", "#", "[", "]", "%40", ".", ",", " ", "1", "h",
    "é",
];

fn pieces(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..most).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_database_url_is_rejected_or_equal_when_parsed_again(anything in "\\PC{0,60}", plausible in pieces(12)) {
        database_url::is_stable(&anything);
        database_url::is_stable(&plausible);
    }

    #[test]
    fn a_password_is_shown_neither_by_a_database_url_nor_by_its_error(
        scheme in prop::sample::select(&["postgres", "postgresql+asyncpg", "mysql", "oracle"][..]),
        before in pieces(5),
        behind in pieces(5),
        place in pieces(5),
    ) {
        database_url::hides_the_password(&format!("{scheme}://user"), &before, &behind, &place);
    }
}
