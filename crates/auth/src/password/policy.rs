//! What may become a password. The rule: length in characters and nothing else, no composition rules (NIST SP 800-63B-4).

use crate::error::PolicyViolation;

/// The longest password, in Unicode scalar values: 512 bytes at most, so hashing one has a bounded cost.
pub const MAX_LENGTH: usize = 128;

/// The rules for a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    min_length: usize,
}

impl Default for Policy {
    /// 8 to 128 characters.
    fn default() -> Self {
        Self::new(8)
    }
}

impl Policy {
    /// Passwords of `min_length` to [`MAX_LENGTH`] Unicode scalar values. A minimum outside 1..=128 is moved to the nearer end.
    #[must_use]
    pub fn new(min_length: usize) -> Self {
        Self { min_length: min_length.clamp(1, MAX_LENGTH) }
    }

    /// The fewest characters a new password may have.
    #[must_use]
    pub const fn min_length(&self) -> usize {
        self.min_length
    }

    /// Judges a password as it is, spaces and all.
    ///
    /// # Errors
    /// The first rule it breaks: NUL, then too long, then too short.
    pub fn check(&self, password: &str) -> Result<(), PolicyViolation> {
        hashable(password)?;
        if password.chars().count() < self.min_length {
            return Err(PolicyViolation::TooShort { min: self.min_length });
        }
        Ok(())
    }
}

/// Whether a string can be anyone's password at all, whatever the minimum was when it was set.
pub(super) fn hashable(password: &str) -> Result<(), PolicyViolation> {
    if password.bytes().any(|byte| byte == 0) {
        return Err(PolicyViolation::ContainsNul);
    }
    // Counting stops one past the limit, so a megabyte costs no more than 129 characters.
    if password.chars().take(MAX_LENGTH + 1).count() > MAX_LENGTH {
        return Err(PolicyViolation::TooLong { max: MAX_LENGTH });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters_not_bytes() {
        let policy = Policy::default();
        for seven in ["1234567", "🦀🦀🦀🦀🦀🦀🦀", "ééééééé"] {
            assert_eq!(policy.check(seven), Err(PolicyViolation::TooShort { min: 8 }));
        }
        for eight in ["12345678", "🦀🦀🦀🦀🦀🦀🦀🦀", "éééééééé"] {
            assert_eq!(policy.check(eight), Ok(()));
        }
        for character in ["a", "é", "🦀"] {
            assert_eq!(policy.check(&character.repeat(128)), Ok(()));
            assert_eq!(policy.check(&character.repeat(129)), Err(PolicyViolation::TooLong { max: 128 }));
        }
    }

    #[test]
    fn anything_but_nul_is_allowed_and_nothing_is_trimmed() {
        let policy = Policy::default();
        assert_eq!(policy.check("        "), Ok(()));
        assert_eq!(policy.check(" pass\tw\u{7f}\n"), Ok(()));
        assert_eq!(policy.check("hunter2\0hunter2"), Err(PolicyViolation::ContainsNul));
        assert_eq!(Policy::new(12).check("           "), Err(PolicyViolation::TooShort { min: 12 }));
    }

    #[test]
    fn a_minimum_that_no_password_can_meet_is_moved_into_range() {
        assert_eq!(Policy::new(0).min_length(), 1);
        assert_eq!(Policy::new(1000).min_length(), MAX_LENGTH);
    }
}
