//! The rules for new passwords: a length in characters and an optional blocklist, but no composition rules (NIST SP
//! 800-63B-4).

#[cfg(feature = "blocklist")]
use super::blocklist;
use crate::error::PolicyViolation;

/// The longest password, in Unicode scalar values. It has at most 512 bytes, which bounds the cost of hashing.
pub const MAX_LENGTH: usize = 128;

/// The rules for a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    min_length: usize,
    #[cfg(feature = "blocklist")]
    blocklist: bool,
}

impl Default for Policy {
    /// Returns a policy for 8 to 128 characters.
    fn default() -> Self {
        Self::new(8)
    }
}

impl Policy {
    /// Creates a policy for `min_length` to [`MAX_LENGTH`] Unicode scalar values. `min_length` is clamped to 1..=128.
    #[must_use]
    pub fn new(min_length: usize) -> Self {
        Self {
            min_length: min_length.clamp(1, MAX_LENGTH),
            #[cfg(feature = "blocklist")]
            blocklist: false,
        }
    }

    /// Enables the blocklist. The policy then rejects common passwords, ignoring case.
    ///
    /// [`Self::check_in_context`] also rejects passwords that are similar to known words.
    #[cfg(feature = "blocklist")]
    #[must_use]
    pub const fn with_blocklist(self) -> Self {
        Self { blocklist: true, ..self }
    }

    /// Returns the minimum number of characters of a new password.
    #[must_use]
    pub const fn min_length(&self) -> usize {
        self.min_length
    }

    /// Checks a password exactly as given, including spaces.
    ///
    /// # Errors
    /// The first violated rule, in this order: contains NUL, too long, too short, too common.
    pub fn check(&self, password: &str) -> Result<(), PolicyViolation> {
        hashable(password)?;
        if password.chars().count() < self.min_length {
            return Err(PolicyViolation::TooShort { min: self.min_length });
        }
        #[cfg(feature = "blocklist")]
        if self.blocklist && blocklist::is_common(password) {
            return Err(PolicyViolation::TooCommon);
        }
        Ok(())
    }

    /// Checks a password as [`Self::check`] does, and [with the blocklist](Self::with_blocklist) also against words
    /// that are known about its owner.
    ///
    /// Pass the local part of the e-mail address, the user name, the labels of the domain and the name of the product.
    /// Case is ignored. A password is rejected if it equals a word. It is also rejected if a word of at least 4
    /// characters, once or repeated, accounts for at least half of it. Only the first 256 bytes of the password and of
    /// each word are compared.
    ///
    /// # Errors
    /// The first violated rule; [`PolicyViolation::TooSimilar`] is checked last.
    #[cfg(feature = "blocklist")]
    pub fn check_in_context(&self, password: &str, words: &[&str]) -> Result<(), PolicyViolation> {
        self.check(password)?;
        if self.blocklist && blocklist::is_similar(password, words) {
            return Err(PolicyViolation::TooSimilar);
        }
        Ok(())
    }
}

/// Checks whether a string can be hashed, independently of the minimum length, which may have changed.
pub(super) fn hashable(password: &str) -> Result<(), PolicyViolation> {
    if password.bytes().any(|byte| byte == 0) {
        return Err(PolicyViolation::ContainsNul);
    }
    // Counting stops after 129 characters, so a very long input costs nothing extra.
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
    fn only_nul_is_rejected_and_nothing_is_trimmed() {
        let policy = Policy::default();
        assert_eq!(policy.check("        "), Ok(()));
        assert_eq!(policy.check(" pass\tw\u{7f}\n"), Ok(()));
        assert_eq!(policy.check("hunter2\0hunter2"), Err(PolicyViolation::ContainsNul));
        assert_eq!(Policy::new(12).check("           "), Err(PolicyViolation::TooShort { min: 12 }));
    }

    #[test]
    fn a_minimum_outside_the_range_is_clamped() {
        assert_eq!(Policy::new(0).min_length(), 1);
        assert_eq!(Policy::new(1000).min_length(), MAX_LENGTH);
    }

    #[cfg(feature = "blocklist")]
    #[test]
    fn the_blocklist_rejects_common_passwords_in_any_case() {
        let policy = Policy::default().with_blocklist();
        for common in ["password123", "Password123", "PASSWORD123", "qwertyuiop", "12345678"] {
            assert_eq!(policy.check(common), Err(PolicyViolation::TooCommon), "{common}");
            assert_eq!(policy.check_in_context(common, &[]), Err(PolicyViolation::TooCommon));
            assert_eq!(Policy::default().check(common), Ok(()));
        }
        assert_eq!(policy.check("passwor"), Err(PolicyViolation::TooShort { min: 8 }));
        assert_eq!(policy.check("correct horse"), Ok(()));
    }

    #[cfg(feature = "blocklist")]
    #[test]
    fn the_blocklist_rejects_passwords_similar_to_known_words() {
        let (policy, known) =
            (Policy::default().with_blocklist(), ["ada.lovelace", "countess", "example", "keepstone"]);
        for similar in ["ada.lovelaceada.lovelace", "Ada.Lovelace", "Countess1843", "keepstone!", "2026Example"] {
            assert_eq!(policy.check_in_context(similar, &known), Err(PolicyViolation::TooSimilar), "{similar}");
            assert_eq!(policy.check(similar), Ok(()));
            assert_eq!(Policy::default().check_in_context(similar, &known), Ok(()));
        }
        assert_eq!(policy.check_in_context("correct horse battery countess", &known), Ok(()));
    }
}
