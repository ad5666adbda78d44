#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
//!
//! The crate is independent of its callers: it requires no framework, no database, no configuration file and no global
//! state.

#[cfg(feature = "actix")]
pub mod actix;
pub mod error;
#[cfg(feature = "jwks")]
pub mod jwks;
pub mod password;
pub mod permission;
pub mod session;
#[cfg(feature = "testing")]
pub mod testing;
pub mod token;
