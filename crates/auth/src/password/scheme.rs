//! Which hash function, with which parameters. The rule: weak parameters are refused at start, not discovered in a
//! breach.

use crate::error::SchemeError;

/// The lowest bcrypt cost there is: a millisecond, for tests only.
pub const MIN_BCRYPT_COST: u32 = 4;
/// The lowest bcrypt cost fit for people's passwords.
pub const PRODUCTION_BCRYPT_COST: u32 = 10;
/// The highest bcrypt cost configured or read from storage: about two seconds a hash.
pub const MAX_BCRYPT_COST: u32 = 15;

/// The most argon2 memory configured or read from storage, in KiB.
pub(super) const MAX_MEMORY_KIB: u32 = 256 * 1024;
/// The most argon2 iterations configured or read from storage.
pub(super) const MAX_ITERATIONS: u32 = 10;
/// The most argon2 lanes configured or read from storage.
pub(super) const MAX_PARALLELISM: u32 = 16;

/// The most PBKDF2 iterations read from storage: about two seconds a hash.
#[cfg(feature = "legacy-hashes")]
pub(super) const MAX_PBKDF2_ITERATIONS: u32 = 3_000_000;
/// The most scrypt blocks of 128 bytes (n × r × p) read from storage: 256 MiB, about a second a hash.
#[cfg(feature = "legacy-hashes")]
pub(super) const MAX_SCRYPT_BLOCKS: u64 = 2 * 1024 * 1024;

/// How new passwords are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// bcrypt, for passwords up to 71 bytes; longer ones get [`Scheme::ARGON2ID`].
    Bcrypt {
        /// Base-2 logarithm of the rounds; each step doubles the time.
        cost: u32,
    },
    /// Argon2id, version 0x13, 32 bytes of output (RFC 9106).
    Argon2id {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over the memory.
        iterations: u32,
        /// Lanes.
        parallelism: u32,
    },
}

impl Default for Scheme {
    /// [`Scheme::BCRYPT`].
    fn default() -> Self {
        Self::BCRYPT
    }
}

impl Scheme {
    /// bcrypt with cost 12.
    pub const BCRYPT: Self = Self::Bcrypt { cost: 12 };
    /// Argon2id with 19 MiB, two passes, one lane: OWASP's first choice.
    pub const ARGON2ID: Self = Self::Argon2id { memory_kib: 19_456, iterations: 2, parallelism: 1 };

    /// Refuses weak and absurd parameters. `min_cost` is the lowest bcrypt cost the caller tolerates:
    /// [`PRODUCTION_BCRYPT_COST`] for people, down to [`MIN_BCRYPT_COST`] for tests. Argon2id has no such discount.
    ///
    /// # Errors
    /// The first parameter that is out of bounds, with the bound (OWASP ASVS 5.0 appendix C for argon2id).
    pub fn validate(self, min_cost: u32) -> Result<Self, SchemeError> {
        match self {
            Self::Bcrypt { cost } => bcrypt_in_bounds(cost, min_cost.max(MIN_BCRYPT_COST))?,
            Self::Argon2id { memory_kib, iterations, parallelism } => {
                in_range("iterations", iterations, 1, MAX_ITERATIONS)?;
                in_range("parallelism", parallelism, 1, MAX_PARALLELISM)?;
                in_range("memory_kib", memory_kib, 0, MAX_MEMORY_KIB)?;
                let min_kib = least_memory(iterations);
                if memory_kib < min_kib {
                    return Err(SchemeError::MemoryTooLow { memory_kib, min_kib, iterations });
                }
            }
        }
        Ok(self)
    }
}

fn bcrypt_in_bounds(cost: u32, min: u32) -> Result<(), SchemeError> {
    if cost < min {
        return Err(SchemeError::CostTooLow { cost, min });
    }
    if cost > MAX_BCRYPT_COST {
        return Err(SchemeError::CostTooHigh { cost, max: MAX_BCRYPT_COST });
    }
    Ok(())
}

/// The OWASP table: fewer passes need more memory.
const fn least_memory(iterations: u32) -> u32 {
    match iterations {
        1 => 47_104,
        2 => 19_456,
        _ => 12_288,
    }
}

fn in_range(parameter: &'static str, value: u32, min: u32, max: u32) -> Result<(), SchemeError> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(SchemeError::OutOfRange { parameter, value, min, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn argon2id(memory_kib: u32, iterations: u32, parallelism: u32) -> Scheme {
        Scheme::Argon2id { memory_kib, iterations, parallelism }
    }

    #[test]
    fn production_takes_bcrypt_costs_from_10_to_15() {
        for cost in 10..=15 {
            assert!(Scheme::Bcrypt { cost }.validate(PRODUCTION_BCRYPT_COST).is_ok());
        }
        let too_low = SchemeError::CostTooLow { cost: 9, min: 10 };
        assert_eq!(Scheme::Bcrypt { cost: 9 }.validate(PRODUCTION_BCRYPT_COST), Err(too_low));
        let too_high = SchemeError::CostTooHigh { cost: 16, max: 15 };
        assert_eq!(Scheme::Bcrypt { cost: 16 }.validate(PRODUCTION_BCRYPT_COST), Err(too_high));
    }

    #[test]
    fn tests_may_go_down_to_4_and_no_further() {
        assert!(Scheme::Bcrypt { cost: 4 }.validate(4).is_ok());
        let too_low = SchemeError::CostTooLow { cost: 3, min: 4 };
        assert_eq!(Scheme::Bcrypt { cost: 3 }.validate(0), Err(too_low));
    }

    #[test]
    fn argon2id_follows_the_owasp_table() {
        for (iterations, least) in [(1, 47_104), (2, 19_456), (3, 12_288), (10, 12_288)] {
            assert!(argon2id(least, iterations, 1).validate(0).is_ok());
            let error = SchemeError::MemoryTooLow { memory_kib: least - 1, min_kib: least, iterations };
            assert_eq!(argon2id(least - 1, iterations, 1).validate(0), Err(error));
        }
        assert!(Scheme::ARGON2ID.validate(PRODUCTION_BCRYPT_COST).is_ok());
    }

    #[test]
    fn a_configuration_never_makes_hashes_that_verifying_would_refuse() {
        for beyond in [argon2id(262_145, 2, 1), argon2id(19_456, 11, 1), argon2id(19_456, 2, 17)] {
            assert!(matches!(beyond.validate(0), Err(SchemeError::OutOfRange { .. })), "{beyond:?}");
        }
        for nothing in [argon2id(65_536, 0, 1), argon2id(65_536, 1, 0)] {
            assert!(matches!(nothing.validate(0), Err(SchemeError::OutOfRange { .. })), "{nothing:?}");
        }
    }
}
