//! Validation errors: the violated rule, never the value itself.

use thiserror::Error;

/// The rule that a value violates. The text is shown to the client that sent the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Invalid {
    /// The value has fewer Unicode scalar values than allowed.
    #[error("must have at least {min} characters")]
    TooShort {
        /// The minimum length.
        min: usize,
    },
    /// The value has more Unicode scalar values than allowed.
    #[error("must have at most {max} characters")]
    TooLong {
        /// The maximum length.
        max: usize,
    },
    /// The value does not have the required form, which the text names.
    #[error("{0}")]
    Malformed(&'static str),
}

impl Invalid {
    /// Returns a stable, machine-readable name: `too_short`, `too_long` or `value_error`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong { .. } => "too_long",
            Self::Malformed(_) => "value_error",
        }
    }

    /// Rejects a text whose number of Unicode scalar values is outside `min..=max`.
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
