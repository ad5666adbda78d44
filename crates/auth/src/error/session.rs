//! Errors of sessions.

use thiserror::Error;

use super::IssueError;

/// An invalid session policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SessionPolicyError {
    /// The lifetime is under one second, so sessions would expire at once.
    #[error("the lifetime of sessions is under one second")]
    NoLifetime,
    /// The idle time is under one second, so sessions would expire at once.
    #[error("the idle time of sessions is under one second")]
    NoIdleTime,
    /// The grace period or the retry window is above 60 seconds, so a stolen token would be accepted for too long.
    #[error("a consumed refresh token is accepted again for 60 s at most")]
    WindowTooLong,
    /// The cap is zero, so no session could be opened.
    #[error("a subject needs at least one session")]
    NoSessions,
}

/// A failure to open a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenError<E> {
    /// The tokens could not be issued.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The store failed.
    #[error("the session could not be stored")]
    Store(#[source] E),
}

/// A failure to exchange a refresh token with a valid signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RefreshError<E> {
    /// The token was consumed before, and is outside the grace period and retry window. It may have been stolen, so its
    /// session has ended.
    #[error("the refresh token was used before")]
    Reused {
        /// Whether this request ended the session. True for exactly one of several concurrent requests. For the
        /// security log.
        ended_now: bool,
    },
    /// The session of the token has ended or is unknown.
    #[error("the session has ended")]
    Revoked,
    /// The session of the token has expired, or was idle for too long.
    #[error("the session has expired")]
    Expired,
    /// The tokens could not be issued. The presented token was not consumed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The store failed, and the presented token may have been consumed. A client that sent an `Idempotency-Key` can
    /// safely retry with the same key.
    #[error("the session could not be stored")]
    Store(#[source] E),
}
