//! The clock of this machine. The one place that asks it.

use chrono::Utc;
use keepstone_domain::{Clock, Timestamp};

/// Tells the time of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is to ask")]
    fn now(&self) -> Timestamp {
        Utc::now().into()
    }
}
