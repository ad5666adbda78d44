//! Why a value was refused: a fact and the rule that it broke, never the value itself.

use thiserror::Error;

/// The rule that a value broke. Its text is meant for the person who sent the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Invalid {
    /// Fewer Unicode scalar values than allowed.
    #[error("must have at least {min} characters")]
    TooShort {
        /// The smallest length that is accepted.
        min: usize,
    },
    /// More Unicode scalar values than allowed.
    #[error("must have at most {max} characters")]
    TooLong {
        /// The largest length that is accepted.
        max: usize,
    },
    /// Not of the form that the value must have; says which.
    #[error("{0}")]
    Malformed(&'static str),
}

impl Invalid {
    /// A stable name for programs: `too_short`, `too_long` or `value_error`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong { .. } => "too_long",
            Self::Malformed(_) => "value_error",
        }
    }

    /// Refuses a text whose number of Unicode scalar values is outside `min..=max`.
    pub(crate) fn check_length(text: &str, min: usize, max: usize) -> Result<(), Self> {
        let length = text.chars().count();
        if length < min {
            Err(Self::TooShort { min })
        } else if length > max {
            Err(Self::TooLong { max })
        } else {
            Ok(())
        }
    }
}
