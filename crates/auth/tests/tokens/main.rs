//! Tokens from outside: what an issuer writes and what a verifier believes. The rule: nothing here sees private items.

mod activation;
mod any_token;
mod asymmetric;
mod claims;
mod issuing;
mod jwks;
mod properties;
mod rotation;
mod support;
mod vectors;
