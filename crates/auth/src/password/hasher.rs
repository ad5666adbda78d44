//! Hashing and verifying one password at a time. Every verification runs exactly one hash function, whatever the input.
//! The duration therefore does not reveal whether the user exists, has an unusual hash, or sent an invalid password.

use std::sync::atomic::{AtomicU64, Ordering};

use argon2::{Algorithm, Argon2, CustomizedPasswordHasher, Params, Version};
use secrecy::{ExposeSecret, SecretString};

use super::policy;
use super::scheme::Scheme;
use super::stored::{self, PasswordHash, Stored};
use crate::error::{PasswordError, Refusal, SchemeError};

/// The longest password for bcrypt: it reads 72 bytes, including the terminating NUL.
const BCRYPT_MAX_BYTES: usize = 71;
const OUTPUT_BYTES: usize = 32;

/// The result of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The password is correct, and its hash uses the current scheme.
    Match,
    /// The password is correct, and its hash is outdated. Hash the password again and replace the stored hash.
    MatchOutdated,
    /// The password is incorrect, or the user does not exist.
    Mismatch,
    /// The stored hash could not be verified. Respond as to a mismatch, and log the reason as a security event.
    Refused(Refusal),
}

impl Verdict {
    /// Whether the password is correct.
    #[must_use]
    pub const fn is_match(self) -> bool {
        matches!(self, Self::Match | Self::MatchOutdated)
    }
}

/// A synchronous password hasher. It hashes with one [`Scheme`] and verifies hashes of every supported scheme.
///
/// Its methods block while they compute a hash. On a server, use [`Passwords`](super::Passwords).
#[derive(Debug)]
pub struct Hasher {
    scheme: Scheme,
    decoy: PasswordHash,
    executed: AtomicU64,
}

impl Hasher {
    /// Creates a hasher for `scheme`. `min_cost` is the lowest accepted bcrypt cost, see [`Scheme::validate`].
    ///
    /// # Errors
    /// A parameter is out of bounds.
    pub fn new(scheme: Scheme, min_cost: u32) -> Result<Self, SchemeError> {
        let scheme = scheme.validate(min_cost)?;
        Ok(Self { scheme, decoy: decoy(scheme), executed: AtomicU64::new(0) })
    }

    /// Returns the configured scheme. With bcrypt, passwords over 71 bytes use [`Scheme::ARGON2ID`] instead.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the number of hash functions run since construction, for metrics.
    #[must_use]
    pub fn executed(&self) -> u64 {
        self.executed.load(Ordering::Relaxed)
    }

    /// Hashes a password with a fresh salt. The minimum length is checked by [`Policy`](super::Policy), not here.
    ///
    /// # Errors
    /// - [`PasswordError::Unacceptable`]: the password contains NUL or more than [`MAX_LENGTH`](super::MAX_LENGTH)
    ///   characters.
    /// - [`PasswordError::Failed`]: the system has no randomness or no memory.
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

    /// Verifies a password against a stored hash. Pass `None` for a user who does not exist or has no password.
    pub fn verify(&self, password: &SecretString, stored: Option<&PasswordHash>) -> Verdict {
        self.judge(password, stored).0
    }

    /// Returns the verdict, and the scheme that was run if that scheme could be configured.
    pub(super) fn judge(&self, password: &SecretString, stored: Option<&PasswordHash>) -> (Verdict, Option<Scheme>) {
        let password = password.expose_secret();
        match stored {
            Some(stored) if policy::hashable(password).is_ok() => {
                self.compare(password, stored).unwrap_or_else(|refusal| self.pretend(Verdict::Refused(refusal)))
            }
            _ => self.pretend(Verdict::Mismatch),
        }
    }

    /// Runs an ordinary verification for its duration, and returns a verdict that was already decided.
    fn pretend(&self, verdict: Verdict) -> (Verdict, Option<Scheme>) {
        match self.compare("decoy", &self.decoy) {
            Ok((_, ran)) => (verdict, ran),
            Err(_) => (verdict, None),
        }
    }

    /// Runs the hash function of the stored hash, or none if the stored hash is rejected.
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

    /// Verifies a bcrypt hash. Of a password over 71 bytes, the first 72 bytes are compared.
    ///
    /// This crate never creates a bcrypt hash of such a password. Its own hashes cannot match one either: their input
    /// ends with a NUL within those 72 bytes, and the longer password has no NUL there. A match is therefore an
    /// imported hash of a truncated password, and must be replaced.
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

/// Returns the verdict on an outdated hash. `None` means that the hash could not be computed.
const fn outdated(matches: Option<bool>) -> Verdict {
    match matches {
        Some(true) => Verdict::MatchOutdated,
        Some(false) => Verdict::Mismatch,
        None => Verdict::Refused(Refusal::Failed),
    }
}

/// Creates a hash that costs as much as a real hash and belongs to no known password.
///
/// Its creation runs no hash function, so it does not delay the start. The result of a comparison with it is never
/// used.
pub(super) fn decoy(scheme: Scheme) -> PasswordHash {
    PasswordHash::from_storage(match scheme {
        Scheme::Bcrypt { cost } => format!("$2b${cost:02}${}", ".".repeat(53)),
        Scheme::Argon2id { memory_kib, iterations, parallelism } => {
            let (salt, output) = ("A".repeat(22), "A".repeat(43));
            format!("$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}${salt}${output}")
        }
    })
}

/// Returns the scheme of a hash if this crate could have created the hash with that scheme.
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
