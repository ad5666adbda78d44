//! Fuzzes access and refresh tokens with the whole text. Also uses its first line as a header (a valid header if the
//! line is empty) and the rest as claims, signed with the correct key, because a fuzzer cannot guess a signature.
#![no_main]

#[path = "../../crates/auth/tests/tokens/any_token.rs"]
mod any_token;
#[path = "../../crates/auth/tests/tokens/support.rs"]
#[expect(dead_code, reason = "other tests use the remaining functions")]
mod support;

libfuzzer_sys::fuzz_target!(|text: &str| {
    any_token::is_rejected_unsigned(text);
    if let Some((head, claims)) = text.split_once('\n') {
        let head = if head.is_empty() { support::header().to_string() } else { head.to_owned() };
        any_token::is_checked_by_its_content(&head, claims);
    }
});
