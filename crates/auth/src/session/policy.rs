//! How long sessions live, and how long a consumed token is forgiven. The rule: the defaults log no honest client out.

use std::time::Duration;

use crate::error::SessionPolicyError;

/// What holds for every session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// From login to the end, whatever happens; no refresh extends it. Whole seconds. 30 days.
    pub lifetime: Duration,
    /// A session that was not refreshed for longer than this has expired. `None`: only `lifetime` counts.
    pub idle: Option<Duration>,
    /// How long after its exchange a token still gets the same successor, without any key, while that one is unused:
    /// for a second tab, and for clients that lose an answer. 10 s; 60 s at most. A thief of the token has this time,
    /// too; when both have used the successor, the session ends. With zero a consumed token always ends its session,
    /// even if two requests overlap.
    pub grace: Duration,
    /// How long after its exchange a token gets its successor again for the `Idempotency-Key` of that exchange. Zero is
    /// never. 60 s, which is also the most.
    pub retry_window: Duration,
    /// How many live sessions a subject has at most; one more ends the oldest. 100.
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
    /// The most that `grace` and `retry_window` can be.
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
