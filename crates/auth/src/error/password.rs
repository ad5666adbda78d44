//! What can go wrong with passwords and their hashes.

use std::time::Duration;

use thiserror::Error;

/// Why a password may not be set. The texts follow its name, as in "The new password is too common".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PolicyViolation {
    /// Fewer than `min` characters (Unicode scalar values).
    #[error("must have at least {min} characters")]
    TooShort {
        /// The smallest number of characters allowed.
        min: usize,
    },
    /// More than `max` characters (Unicode scalar values).
    #[error("must have at most {max} characters")]
    TooLong {
        /// The largest number of characters allowed.
        max: usize,
    },
    /// Contains U+0000, which bcrypt takes for the end: `pw` and `pw\0pw` would be one password.
    #[error("must not contain the NUL character")]
    ContainsNul,
    /// Among the passwords that are tried first.
    #[error("is too common")]
    TooCommon,
    /// Made of what is known about its owner.
    #[error("is too similar to your name, your address or this service")]
    TooSimilar,
}

/// Hashing parameters that are too weak to protect anyone, or too costly to serve anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SchemeError {
    /// The bcrypt cost is under the caller's minimum.
    #[error("bcrypt cost {cost} is too low: at least {min}")]
    CostTooLow {
        /// The cost asked for.
        cost: u32,
        /// The lowest cost accepted.
        min: u32,
    },
    /// One bcrypt hash would take seconds.
    #[error("bcrypt cost {cost} is too high: at most {max}")]
    CostTooHigh {
        /// The cost asked for.
        cost: u32,
        /// The highest cost accepted.
        max: u32,
    },
    /// Less argon2id memory than OWASP's table demands for this number of iterations.
    #[error("argon2id memory of {memory_kib} KiB is too little for {iterations} iterations: at least {min_kib} KiB")]
    MemoryTooLow {
        /// The memory asked for, in KiB.
        memory_kib: u32,
        /// The least memory accepted, in KiB.
        min_kib: u32,
        /// The iterations it was judged with.
        iterations: u32,
    },
    /// A parameter lies outside what a stored hash may have.
    #[error("argon2id {parameter} of {value} is out of range: {min} to {max}")]
    OutOfRange {
        /// `memory_kib`, `iterations` or `parallelism`.
        parameter: &'static str,
        /// The value asked for.
        value: u32,
        /// The lowest value accepted.
        min: u32,
        /// The highest value accepted.
        max: u32,
    },
}

/// Why a stored hash was not computed. For the security log: the person logging in only learns that it did not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Not a hash this crate knows (`$2a$ $2b$ $2y$ $argon2i$ $argon2id$`, and with the feature `legacy-hashes` those of
    /// Django, passlib and Werkzeug), or a damaged one.
    #[error("the stored hash has an unknown format")]
    UnknownFormat,
    /// Its own parameters ask for more work than any login may cost.
    #[error("the stored hash asks for too much work")]
    TooExpensive,
    /// The hash function gave up, which means that memory ran out.
    #[error("the stored hash could not be computed")]
    Failed,
}

/// Why a password could not be hashed or verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// Too many hashes are running and waiting. Nothing was computed: answer 503 with this `Retry-After`.
    #[error("too many passwords are being hashed: retry in {} s", retry_after.as_secs())]
    Overloaded {
        /// When to try again: whole seconds, at least one.
        retry_after: Duration,
    },
    /// Not a password that can be set. Only hashing says so; verifying answers that it does not match.
    #[error(transparent)]
    Unacceptable(#[from] PolicyViolation),
    /// No randomness, no memory, or the runtime is shutting down.
    #[error("the password could not be hashed")]
    Failed,
}
