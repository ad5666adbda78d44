//! What may become a password. The rule: length in characters, and not among those that are tried first; no composition
//! rules (NIST SP 800-63B-4).

#[cfg(feature = "blocklist")]
use super::blocklist;
use crate::error::PolicyViolation;

/// The longest password, in Unicode scalar values: 512 bytes at most, so hashing one has a bounded cost.
pub const MAX_LENGTH: usize = 128;

/// The rules for a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    min_length: usize,
    #[cfg(feature = "blocklist")]
    blocklist: bool,
}

impl Default for Policy {
    /// 8 to 128 characters.
    fn default() -> Self {
        Self::new(8)
    }
}

impl Policy {
    /// Passwords of `min_length` to [`MAX_LENGTH`] Unicode scalar values. A minimum outside 1..=128 is moved to the
    /// nearer end.
    #[must_use]
    pub fn new(min_length: usize) -> Self {
        Self {
            min_length: min_length.clamp(1, MAX_LENGTH),
            #[cfg(feature = "blocklist")]
            blocklist: false,
        }
    }

    /// Refuses common passwords too, in any case, and with [`Self::check_in_context`] those made of what is known.
    #[cfg(feature = "blocklist")]
    #[must_use]
    pub const fn with_blocklist(self) -> Self {
        Self { blocklist: true, ..self }
    }

    /// The fewest characters a new password may have.
    #[must_use]
    pub const fn min_length(&self) -> usize {
        self.min_length
    }

    /// Judges a password as it is, spaces and all.
    ///
    /// # Errors
    /// The first rule it breaks: NUL, then too long, then too short, then too common.
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

    /// Judges a password as [`Self::check`] does and, [with the blocklist](Self::with_blocklist), by what is known
    /// about its owner: the local part of the e-mail address, the user name, the labels of the domain, the product's
    /// name. None may be the password in any case; none of 4 characters or more may make up half of it, once or
    /// repeated. Of the password and of each word 256 bytes are looked at.
    ///
    /// # Errors
    /// The first rule it breaks, [`PolicyViolation::TooSimilar`] being the last.
    #[cfg(feature = "blocklist")]
    pub fn check_in_context(&self, password: &str, words: &[&str]) -> Result<(), PolicyViolation> {
        self.check(password)?;
        if self.blocklist && blocklist::is_similar(password, words) {
            return Err(PolicyViolation::TooSimilar);
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

    #[cfg(feature = "blocklist")]
    #[test]
    fn common_passwords_are_refused_in_any_case_when_asked_for() {
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
    fn passwords_made_of_what_is_known_are_refused_when_asked_for() {
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
