#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
//!
//! The rule of this crate: nothing in it knows its user. No framework, no database, no configuration file, no global.

pub mod error;
pub mod password;
pub mod permission;
pub mod token;
