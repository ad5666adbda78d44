//! Passwords: what may be one, how it is stored, and how many are hashed at once.
//! The rule: a password is exact bytes. Nothing here trims, folds, normalises, truncates, prints or keeps one.
//!
//! [`Hasher`] is plain and synchronous; a server uses [`Passwords`], which runs it on a few threads and evens out the
//! time.

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
