//! Points in time, in whole microseconds: the precision of all three databases.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, NaiveDateTime, SecondsFormat, SubsecRound, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Invalid;

/// A source of the current time. Code that needs the time takes a `Clock`, so tests can control it.
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}

/// A point in time in UTC, in whole microseconds.
///
/// Written as RFC 3339 with six decimals: `2026-01-31T09:30:00.123456Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(DateTime::UNIX_EPOCH);

    /// Parses RFC 3339, or a time as databases write it: with a space, and with `+00` or no zone for UTC.
    ///
    /// # Errors
    /// Returns [`Invalid`] if the text has neither form, or the time is before 1970.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().replacen(['T', 't'], " ", 1);
        let zoned = DateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f%#z").map(|time| time.to_utc());
        let time =
            zoned.or_else(|_| NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f").map(|time| time.and_utc()));
        let time = time.map_err(|_| Invalid::Malformed("must be a time, such as 2026-01-31T09:30:00Z"))?;
        // A leap second becomes the first second of the next minute, because not every database supports leap seconds.
        let time = Self::from_micros(Self::from(time).as_micros()).filter(|time| *time >= Self::UNIX_EPOCH);
        time.ok_or(Invalid::Malformed("must not be before 1970"))
    }

    /// Returns the microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// Returns the time this many microseconds after 1970-01-01T00:00:00Z; `None` outside the range of chrono.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(micros).map(Self)
    }

    /// Returns the whole seconds since 1970-01-01T00:00:00Z, rounded down: a JWT's `NumericDate`.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.timestamp()
    }
}

impl From<DateTime<Utc>> for Timestamp {
    /// Truncates to microseconds.
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.trunc_subsecs(6))
    }
}

impl From<SystemTime> for Timestamp {
    /// Truncates to microseconds.
    fn from(time: SystemTime) -> Self {
        DateTime::<Utc>::from(time).into()
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        time.0.into()
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(time: Timestamp) -> Self {
        time.0
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    /// Saturates at the last representable time.
    fn add(self, duration: Duration) -> Self {
        chrono::TimeDelta::from_std(duration)
            .ok()
            .and_then(|delta| self.0.checked_add_signed(delta))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
            .into()
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    /// Saturates at 1970, because not every database can store earlier times.
    fn sub(self, duration: Duration) -> Self {
        let earlier = chrono::TimeDelta::from_std(duration).ok().and_then(|delta| self.0.checked_sub_signed(delta));
        earlier.map_or(Self::UNIX_EPOCH, |time| Self(time).max(Self::UNIX_EPOCH))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    /// Parses RFC 3339, in any zone.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        DateTime::parse_from_rfc3339(&text).map(|time| time.to_utc().into()).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_written_with_six_decimals() {
        let time = Timestamp::from_micros(1_769_851_800_120_000).unwrap();
        assert_eq!(time.to_string(), "2026-01-31T09:30:00.120000Z");
    }

    #[test]
    fn fractions_of_a_microsecond_are_truncated() {
        let fine = DateTime::from_timestamp(1, 123_456_789).unwrap();
        assert_eq!(Timestamp::from(fine).as_micros(), 1_123_456);
    }

    #[test]
    fn rfc_3339_and_the_formats_of_databases_are_parsed() {
        for (text, read) in [
            ("2026-01-31T09:30:00.123456Z", "2026-01-31T09:30:00.123456Z"),
            ("2026-01-31t09:30:00z", "2026-01-31T09:30:00.000000Z"),
            ("2026-01-31T11:30:00.1234567+02:00", "2026-01-31T09:30:00.123456Z"),
            (" 2026-01-31 09:30:00.5+00\n", "2026-01-31T09:30:00.500000Z"),
            ("2026-01-31 15:00:00+05:30", "2026-01-31T09:30:00.000000Z"),
            ("2026-01-31 04:30:00-0500", "2026-01-31T09:30:00.000000Z"),
            ("2026-01-31 09:30:00", "2026-01-31T09:30:00.000000Z"),
            ("2026-01-31T09:30:00.000001", "2026-01-31T09:30:00.000001Z"),
            ("2016-12-31 23:59:60", "2017-01-01T00:00:00.000000Z"),
            ("1970-01-01 00:00:00", "1970-01-01T00:00:00.000000Z"),
        ] {
            assert_eq!(Timestamp::parse(text).map(|time| time.to_string()), Ok(read.to_owned()), "{text}");
        }
    }

    #[test]
    fn an_invalid_time_is_rejected() {
        for text in [
            "",
            "now",
            "2026-01-31",
            "31.01.2026 09:30:00",
            "2026-02-30 00:00:00",
            "2026-01-31 24:00:00",
            "2026-01-31 09:30:00 UTC+x",
            "1969-12-31 23:59:59",
            "0001-01-01 00:00:00",
            "1706693400",
            "2026-01-31T09:30:00Z garbage",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn subtraction_saturates_at_1970() {
        let now = Timestamp::from_micros(10_000_000).unwrap();
        assert_eq!((now - Duration::from_secs(9)).as_secs(), 1);
        for much in [Duration::from_secs(11), Duration::MAX] {
            assert_eq!(now - much, Timestamp::UNIX_EPOCH);
        }
    }

    #[test]
    fn addition_saturates_at_the_last_time() {
        let now = Timestamp::from_micros(0).unwrap();
        assert!(now + Duration::MAX > now + Duration::from_secs(1));
    }
}
