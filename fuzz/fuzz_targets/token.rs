//! Access and refresh tokens. The text as it is; and its first line as a header, the right one if it is empty, and the
//! rest as claims, signed with the right key: nobody guesses a signature.
#![no_main]

#[path = "../../crates/auth/tests/tokens/any_token.rs"]
mod any_token;
#[path = "../../crates/auth/tests/tokens/support.rs"]
#[expect(dead_code, reason = "the other tests need the rest of it")]
mod support;

libfuzzer_sys::fuzz_target!(|text: &str| {
    any_token::is_refused_unsigned(text);
    if let Some((head, claims)) = text.split_once('\n') {
        let head = if head.is_empty() { support::header().to_string() } else { head.to_owned() };
        any_token::is_judged_by_what_it_says(&head, claims);
    }
});
