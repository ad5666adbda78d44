//! Errors of passwords and their hashes.

use std::time::Duration;

use thiserror::Error;

/// A password that may not be set. Each message completes a sentence, as in "The new password is too common".
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
    /// Contains U+0000. bcrypt appends U+0000 and repeats the result, so `pw` and `pw\0pw` would be the same password.
    #[error("must not contain the NUL character")]
    ContainsNul,
    /// Listed among the common passwords that attackers try first.
    #[error("is too common")]
    TooCommon,
    /// Derived from known facts about its owner.
    #[error("is too similar to your name, your address or this service")]
    TooSimilar,
}

/// Hashing parameters that are too weak or too expensive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SchemeError {
    /// The bcrypt cost is below the caller's minimum.
    #[error("bcrypt cost {cost} is too low: at least {min}")]
    CostTooLow {
        /// The requested cost.
        cost: u32,
        /// The lowest cost accepted.
        min: u32,
    },
    /// The bcrypt cost is so high that one hash would take seconds.
    #[error("bcrypt cost {cost} is too high: at most {max}")]
    CostTooHigh {
        /// The requested cost.
        cost: u32,
        /// The highest cost accepted.
        max: u32,
    },
    /// The Argon2id memory is below the minimum in OWASP's table for this number of iterations.
    #[error("argon2id memory of {memory_kib} KiB is too little for {iterations} iterations: at least {min_kib} KiB")]
    MemoryTooLow {
        /// The requested memory, in KiB.
        memory_kib: u32,
        /// The minimum memory, in KiB.
        min_kib: u32,
        /// The requested iterations, which determine the minimum.
        iterations: u32,
    },
    /// A parameter is outside the range accepted for stored hashes.
    #[error("argon2id {parameter} of {value} is out of range: {min} to {max}")]
    OutOfRange {
        /// `memory_kib`, `iterations` or `parallelism`.
        parameter: &'static str,
        /// The requested value.
        value: u32,
        /// The lowest value accepted.
        min: u32,
        /// The highest value accepted.
        max: u32,
    },
}

/// A stored hash that could not be verified. Log it as a security event, and respond as to a mismatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The hash is damaged, or its format is not supported.
    ///
    /// Supported are `$2a$ $2b$ $2y$ $argon2i$ $argon2id$`, and the formats of Django, passlib and Werkzeug with the
    /// feature `legacy-hashes`.
    #[error("the stored hash has an unknown format")]
    UnknownFormat,
    /// The parameters of the hash require more work than a login may cost.
    #[error("the stored hash requires too much work")]
    TooExpensive,
    /// The hash function failed, which means that the process is out of memory.
    #[error("the stored hash could not be computed")]
    Failed,
}

/// A failure to hash or verify a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// Too many hashes are running and waiting. Nothing was computed. Respond with 503 and this `Retry-After`.
    #[error("too many passwords are being hashed: retry in {} s", retry_after.as_secs())]
    Overloaded {
        /// How long to wait before retrying: whole seconds, at least one.
        retry_after: Duration,
    },
    /// The password cannot be set. Only hashing returns this error; verifying returns a mismatch instead.
    #[error(transparent)]
    Unacceptable(#[from] PolicyViolation),
    /// The system has no randomness or no memory, or the runtime is shutting down.
    #[error("the password could not be hashed")]
    Failed,
}
