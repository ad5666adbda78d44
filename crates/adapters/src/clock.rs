//! The system clock. No other code reads it.

use chrono::Utc;
use keepstone_domain::{Clock, Timestamp};

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all other code must use")]
    fn now(&self) -> Timestamp {
        Utc::now().into()
    }
}
