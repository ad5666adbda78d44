//! Tokens from outside: what an issuer writes and what a verifier believes. The rule: nothing here sees private items.

mod claims;
mod issuing;
mod properties;
mod support;
mod vectors;
