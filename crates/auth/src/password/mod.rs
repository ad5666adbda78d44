//! Password policies, hashing and verification.
//!
//! A password is a sequence of bytes, hashed exactly as received. This module never trims, folds, normalises,
//! truncates, prints or stores a password.
//!
//! [`Hasher`] is synchronous. On a server, use [`Passwords`]: it runs a hasher on a limited number of threads and hides
//! differences in duration.

#[cfg(feature = "blocklist")]
mod blocklist;
mod floor;
mod foreign;
mod hasher;
#[cfg(feature = "legacy-hashes")]
mod legacy;
mod policy;
mod pool;
mod scheme;
mod stored;

pub use foreign::{ForeignScheme, foreign_scheme};
pub use hasher::{Hasher, Verdict};
pub use policy::{MAX_LENGTH, Policy};
pub use pool::{Limits, Passwords, Stats};
pub use scheme::{MAX_BCRYPT_COST, MIN_BCRYPT_COST, PRODUCTION_BCRYPT_COST, Scheme};
pub use stored::PasswordHash;
