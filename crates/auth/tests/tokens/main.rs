//! Tests of the public interface of issuers and verifiers.

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
