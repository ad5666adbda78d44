#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
//!
//! The rule of this crate: nothing in it knows its user. No framework, no database, no configuration file, no global.

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
