//! Hash functions and their parameters. Weak parameters are rejected when a hasher is created.

use crate::error::SchemeError;

/// The lowest bcrypt cost that is supported: about a millisecond per hash, for tests only.
pub const MIN_BCRYPT_COST: u32 = 4;
/// The lowest bcrypt cost suitable for production.
pub const PRODUCTION_BCRYPT_COST: u32 = 10;
/// The highest bcrypt cost accepted in a configuration or a stored hash: about two seconds per hash.
pub const MAX_BCRYPT_COST: u32 = 15;

/// The maximum Argon2 memory in a configuration or a stored hash, in KiB.
pub(super) const MAX_MEMORY_KIB: u32 = 256 * 1024;
/// The maximum Argon2 iterations in a configuration or a stored hash.
pub(super) const MAX_ITERATIONS: u32 = 10;
/// The maximum Argon2 lanes in a configuration or a stored hash.
pub(super) const MAX_PARALLELISM: u32 = 16;

/// The maximum PBKDF2 iterations in a stored hash: about two seconds per hash.
#[cfg(feature = "legacy-hashes")]
pub(super) const MAX_PBKDF2_ITERATIONS: u32 = 3_000_000;
/// The maximum scrypt blocks of 128 bytes (n × r × p) in a stored hash: 256 MiB, about a second per hash.
#[cfg(feature = "legacy-hashes")]
pub(super) const MAX_SCRYPT_BLOCKS: u64 = 2 * 1024 * 1024;

/// A hash function with its parameters, for new hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// bcrypt, for passwords of up to 71 bytes. Longer passwords use [`Scheme::ARGON2ID`].
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
    /// Returns [`Scheme::BCRYPT`].
    fn default() -> Self {
        Self::BCRYPT
    }
}

impl Scheme {
    /// bcrypt with cost 12.
    pub const BCRYPT: Self = Self::Bcrypt { cost: 12 };
    /// Argon2id with 19 MiB, two passes and one lane, as OWASP recommends.
    pub const ARGON2ID: Self = Self::Argon2id { memory_kib: 19_456, iterations: 2, parallelism: 1 };

    /// Rejects parameters that are too weak or too expensive.
    ///
    /// `min_cost` is the lowest accepted bcrypt cost: [`PRODUCTION_BCRYPT_COST`] in production, down to
    /// [`MIN_BCRYPT_COST`] in tests. It does not affect Argon2id.
    ///
    /// # Errors
    /// The first parameter that is out of bounds, with the bound (OWASP ASVS 5.0 appendix C for Argon2id).
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

/// Returns the minimum memory from OWASP's table, in KiB: fewer passes need more memory.
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
    fn production_accepts_bcrypt_costs_from_10_to_15() {
        for cost in 10..=15 {
            assert!(Scheme::Bcrypt { cost }.validate(PRODUCTION_BCRYPT_COST).is_ok());
        }
        let too_low = SchemeError::CostTooLow { cost: 9, min: 10 };
        assert_eq!(Scheme::Bcrypt { cost: 9 }.validate(PRODUCTION_BCRYPT_COST), Err(too_low));
        let too_high = SchemeError::CostTooHigh { cost: 16, max: 15 };
        assert_eq!(Scheme::Bcrypt { cost: 16 }.validate(PRODUCTION_BCRYPT_COST), Err(too_high));
    }

    #[test]
    fn tests_may_lower_the_bcrypt_cost_to_4() {
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
    fn a_configuration_never_creates_hashes_that_verification_rejects() {
        for beyond in [argon2id(262_145, 2, 1), argon2id(19_456, 11, 1), argon2id(19_456, 2, 17)] {
            assert!(matches!(beyond.validate(0), Err(SchemeError::OutOfRange { .. })), "{beyond:?}");
        }
        for nothing in [argon2id(65_536, 0, 1), argon2id(65_536, 1, 0)] {
            assert!(matches!(nothing.validate(0), Err(SchemeError::OutOfRange { .. })), "{nothing:?}");
        }
    }
}
