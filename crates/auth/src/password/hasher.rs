//! Hashing and verifying, one password at a time. The rule: every verification runs exactly one hash function, whatever
//! it is given, so that time tells nobody whether a user exists, has an odd hash, or sent an impossible password.

use std::sync::atomic::{AtomicU64, Ordering};

use argon2::{Algorithm, Argon2, CustomizedPasswordHasher, Params, Version};
use secrecy::{ExposeSecret, SecretString};

use super::policy;
use super::scheme::Scheme;
use super::stored::{self, PasswordHash, Stored};
use crate::error::{PasswordError, Refusal, SchemeError};

/// bcrypt reads 72 bytes, of which the last is the terminating NUL of a password that fits.
const BCRYPT_MAX_BYTES: usize = 71;
const OUTPUT_BYTES: usize = 32;

/// What became of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The password is right and its hash is as it would be made today.
    Match,
    /// The password is right; hash it again and store that in place of the old hash.
    MatchOutdated,
    /// The password is wrong, or there is no such user.
    Mismatch,
    /// A mismatch to the person logging in, and a line in the security log: the stored hash was not computed.
    Refused(Refusal),
}

impl Verdict {
    /// Whether the password is right.
    #[must_use]
    pub const fn is_match(self) -> bool {
        matches!(self, Self::Match | Self::MatchOutdated)
    }
}

/// Hashes passwords under one [`Scheme`] and verifies those of every scheme. Blocks for as long as a hash takes:
/// on a server, use [`Passwords`](super::Passwords).
#[derive(Debug)]
pub struct Hasher {
    scheme: Scheme,
    decoy: PasswordHash,
    executed: AtomicU64,
}

impl Hasher {
    /// A hasher for `scheme`. `min_cost` is the lowest bcrypt cost to tolerate, see [`Scheme::validate`].
    ///
    /// # Errors
    /// The parameter that is out of bounds.
    pub fn new(scheme: Scheme, min_cost: u32) -> Result<Self, SchemeError> {
        let scheme = scheme.validate(min_cost)?;
        Ok(Self { scheme, decoy: decoy(scheme), executed: AtomicU64::new(0) })
    }

    /// What passwords that bcrypt can hold are hashed with.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Hash functions run since construction, for metrics.
    #[must_use]
    pub fn executed(&self) -> u64 {
        self.executed.load(Ordering::Relaxed)
    }

    /// Hashes a password with a fresh salt. The minimum length is the business of [`Policy`](super::Policy).
    ///
    /// # Errors
    /// `Unacceptable` for a NUL or more than [`MAX_LENGTH`](super::MAX_LENGTH) characters; `Failed` without randomness
    /// or memory.
    pub fn hash(&self, password: &SecretString) -> Result<PasswordHash, PasswordError> {
        let password = password.expose_secret();
        policy::hashable(password)?;
        self.executed.fetch_add(1, Ordering::Relaxed);
        let hash = match self.scheme_for(password) {
            Scheme::Bcrypt { cost } => {
                bcrypt::non_truncating_hash(password, cost).map_err(|_| PasswordError::Failed)?
            }
            Scheme::Argon2id { memory_kib, iterations, parallelism } => {
                argon2id(password, memory_kib, iterations, parallelism).ok_or(PasswordError::Failed)?
            }
        };
        Ok(PasswordHash::from_storage(hash))
    }

    /// Compares a password with a stored hash; `None` is a user who does not exist or has no password.
    pub fn verify(&self, password: &SecretString, stored: Option<&PasswordHash>) -> Verdict {
        self.judge(password, stored).0
    }

    /// The verdict, and the scheme whose work was done, if it is one that could be configured.
    pub(super) fn judge(&self, password: &SecretString, stored: Option<&PasswordHash>) -> (Verdict, Option<Scheme>) {
        let password = password.expose_secret();
        match stored {
            Some(stored) if policy::hashable(password).is_ok() => {
                self.compare(password, stored).unwrap_or_else(|refusal| self.pretend(Verdict::Refused(refusal)))
            }
            _ => self.pretend(Verdict::Mismatch),
        }
    }

    /// Does the work of an ordinary verification and answers what was known before it.
    fn pretend(&self, verdict: Verdict) -> (Verdict, Option<Scheme>) {
        match self.compare("decoy", &self.decoy) {
            Ok((_, ran)) => (verdict, ran),
            Err(_) => (verdict, None),
        }
    }

    /// Runs the one hash function, or none if the stored hash is refused.
    fn compare(&self, password: &str, stored: &PasswordHash) -> Result<(Verdict, Option<Scheme>), Refusal> {
        match Stored::read(stored.as_str())? {
            Stored::Bcrypt(hash) => Ok(self.judge_bcrypt(password, &hash)),
            Stored::Argon2(hash) => Ok(self.judge_argon2(password, &hash)),
            #[cfg(feature = "legacy-hashes")]
            Stored::Legacy(hash) => {
                self.executed.fetch_add(1, Ordering::Relaxed);
                Ok((outdated(hash.matches(password)), None))
            }
        }
    }

    /// A password over 71 bytes is compared by its first 72. A hash made here is never of such a password, and cannot
    /// match one: its input ends in a NUL within those 72 bytes, where the longer password has none. So a match is an
    /// imported hash of a truncated password, due for replacement.
    fn judge_bcrypt(&self, password: &str, hash: &stored::Bcrypt) -> (Verdict, Option<Scheme>) {
        self.executed.fetch_add(1, Ordering::Relaxed);
        let scheme = Scheme::Bcrypt { cost: hash.cost };
        let verdict = match bcrypt::verify(password, &hash.canonical) {
            Ok(true) if hash.ours && self.scheme_for(password) == scheme => Verdict::Match,
            Ok(true) => Verdict::MatchOutdated,
            Ok(false) => Verdict::Mismatch,
            Err(_) => Verdict::Refused(Refusal::Failed),
        };
        (verdict, Some(scheme))
    }

    fn judge_argon2(&self, password: &str, hash: &stored::Argon2) -> (Verdict, Option<Scheme>) {
        self.executed.fetch_add(1, Ordering::Relaxed);
        let scheme = current_scheme(hash);
        let verdict = match hash.matches(password) {
            Some(true) if scheme == Some(self.scheme_for(password)) => Verdict::Match,
            matches => outdated(matches),
        };
        (verdict, scheme)
    }

    fn scheme_for(&self, password: &str) -> Scheme {
        match self.scheme {
            Scheme::Bcrypt { .. } if password.len() > BCRYPT_MAX_BYTES => Scheme::ARGON2ID,
            scheme => scheme,
        }
    }
}

/// The verdict on a hash that would not be made like this today; `None` if it could not be computed.
const fn outdated(matches: Option<bool>) -> Verdict {
    match matches {
        Some(true) => Verdict::MatchOutdated,
        Some(false) => Verdict::Mismatch,
        None => Verdict::Refused(Refusal::Failed),
    }
}

/// A hash that costs what a real one costs and that no known password has. It needs no hashing to make, so it does not
/// delay the start; and whatever it is compared with, the answer is decided beforehand.
pub(super) fn decoy(scheme: Scheme) -> PasswordHash {
    PasswordHash::from_storage(match scheme {
        Scheme::Bcrypt { cost } => format!("$2b${cost:02}${}", ".".repeat(53)),
        Scheme::Argon2id { memory_kib, iterations, parallelism } => {
            let (salt, output) = ("A".repeat(22), "A".repeat(43));
            format!("$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}${salt}${output}")
        }
    })
}

/// The scheme that would make a hash like this one, if it is one made today.
fn current_scheme(hash: &stored::Argon2) -> Option<Scheme> {
    let current = hash.algorithm == Algorithm::Argon2id
        && hash.version == Version::V0x13
        && hash.output.len() == OUTPUT_BYTES
        && hash.params.keyid().is_empty()
        && hash.params.data().is_empty();
    current.then(|| Scheme::Argon2id {
        memory_kib: hash.params.m_cost(),
        iterations: hash.params.t_cost(),
        parallelism: hash.params.p_cost(),
    })
}

fn argon2id(password: &str, memory_kib: u32, iterations: u32, parallelism: u32) -> Option<String> {
    let params = Params::new(memory_kib, iterations, parallelism, Some(OUTPUT_BYTES)).ok()?;
    let salt = argon2::password_hash::try_generate_salt().ok()?;
    let hash = Argon2::default().hash_password_customized(password.as_bytes(), &salt, None, None, params).ok()?;
    Some(hash.to_string())
}
