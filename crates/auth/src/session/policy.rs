//! The lifetime of sessions, and how long a consumed token is accepted again. With the defaults, no legitimate client
//! is logged out by a retry.

use std::time::Duration;

use crate::error::SessionPolicyError;

/// The limits that apply to every session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// The time from login to expiry, in whole seconds. A refresh does not extend it. Default: 30 days.
    pub lifetime: Duration,
    /// The longest time between two refreshes. A session that is idle for longer has expired. `None` disables this
    /// limit, and is the default.
    pub idle: Option<Duration>,
    /// How long a consumed token still returns the same successor, while that successor is unused. No `Idempotency-Key`
    /// is needed. Default: 10 s; maximum: 60 s.
    ///
    /// The grace period serves second tabs, and clients that lose a response. A stolen token is accepted during this
    /// time as well; once both parties have used the successor, the session ends. With zero, reusing a token always
    /// ends its session, even if two requests overlap.
    pub grace: Duration,
    /// How long a consumed token returns the same successor to a request with the `Idempotency-Key` of its exchange.
    /// Zero disables such retries. Default and maximum: 60 s.
    pub retry_window: Duration,
    /// The maximum number of live sessions per subject. Opening another session ends the oldest. Default: 100.
    pub cap: usize,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_hours(30 * 24),
            idle: None,
            grace: Duration::from_secs(10),
            retry_window: Self::MAX_WINDOW,
            cap: 100,
        }
    }
}

impl SessionPolicy {
    /// The maximum of `grace` and of `retry_window`.
    pub const MAX_WINDOW: Duration = Duration::from_mins(1);

    pub(super) fn check(&self) -> Result<(), SessionPolicyError> {
        if self.lifetime.as_secs() == 0 {
            return Err(SessionPolicyError::NoLifetime);
        }
        if self.idle.is_some_and(|idle| idle.as_secs() == 0) {
            return Err(SessionPolicyError::NoIdleTime);
        }
        if self.grace.max(self.retry_window) > Self::MAX_WINDOW {
            return Err(SessionPolicyError::WindowTooLong);
        }
        if self.cap == 0 { Err(SessionPolicyError::NoSessions) } else { Ok(()) }
    }
}
