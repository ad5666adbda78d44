//! Versions of resources, which prevent lost updates.

/// The version of a resource: 1 when it is created, and incremented by each change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(i64);

impl Version {
    /// The version of a new resource.
    pub const FIRST: Self = Self(1);

    /// Returns the number.
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

/// The versions of a resource that a change accepts (RFC 9110 section 13.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expected {
    /// Any version.
    #[default]
    Any,
    /// One of these versions. An empty list matches no version.
    OneOf(Vec<Version>),
}

impl Expected {
    /// Whether a resource of this version may be changed.
    #[must_use]
    pub fn is_met_by(&self, version: Version) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
        }
    }
}
