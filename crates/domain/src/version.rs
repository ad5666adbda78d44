//! Which state of a thing somebody has seen, so that nobody overwrites what they have not.

/// Counts the changes to a thing: 1 when it is made, one more with each change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(i64);

impl Version {
    /// That of a new thing.
    pub const FIRST: Self = Self(1);

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl From<i64> for Version {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

/// Which versions of a thing a change is meant for (RFC 9110 section 13.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expected {
    /// Whichever it has.
    #[default]
    Any,
    /// One of these; none at all can be met by nothing.
    OneOf(Vec<Version>),
}

impl Expected {
    /// Whether a thing of this version may be changed.
    #[must_use]
    pub fn is_met_by(&self, version: Version) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
        }
    }
}
