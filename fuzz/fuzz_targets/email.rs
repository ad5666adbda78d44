//! Fuzzes e-mail addresses.
#![no_main]

#[path = "../../crates/domain/tests/properties/email.rs"]
mod email;

libfuzzer_sys::fuzz_target!(|text: &str| email::holds(text));
