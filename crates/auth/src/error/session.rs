//! What can go wrong with sessions.

use thiserror::Error;

use super::IssueError;

/// Why a policy for sessions cannot be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SessionPolicyError {
    /// Sessions would end within their first second.
    #[error("the lifetime of sessions is under one second")]
    NoLifetime,
    /// Sessions would be idle within a second.
    #[error("the idle time of sessions is under one second")]
    NoIdleTime,
    /// A stolen token would be forgiven for too long.
    #[error("a consumed refresh token is forgiven for 60 s at most")]
    WindowTooLong,
    /// The cap is zero: every session would be one too many.
    #[error("a subject needs at least one session")]
    NoSessions,
}

/// Why a session could not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenError<E> {
    /// No tokens could be made for it.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The store failed.
    #[error("the session could not be stored")]
    Store(#[source] E),
}

/// Why a refresh token that is genuine got no successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RefreshError<E> {
    /// It was consumed before and is not forgiven: it may have been stolen. Its session has ended.
    #[error("the refresh token was used before")]
    Reused {
        /// Whether it was this request that ended the session: of many at once, one. For the security log.
        ended_now: bool,
    },
    /// Its session had ended, or is not known.
    #[error("the session has ended")]
    Revoked,
    /// Its session has reached its end, or was idle for too long.
    #[error("the session has expired")]
    Expired,
    /// No tokens could be made; it was not consumed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The store failed, and it may have been consumed. With an `Idempotency-Key` the client can safely ask again.
    #[error("the session could not be stored")]
    Store(#[source] E),
}
