//! Sessions and their refresh tokens as state machines. This module decides which transitions are allowed.

use crate::{SessionId, Timestamp, UserId};

/// One login and all tokens that follow from it: a refresh token family (RFC 9700 section 4.14.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The public id: the `sid` claim of its tokens.
    pub id: SessionId,
    /// The user.
    pub user_id: UserId,
    /// The time of the login.
    pub created_at: Timestamp,
    /// The time at which the last token was issued.
    pub last_used_at: Timestamp,
    /// The time at which the session expires. It is fixed at login and never extended.
    pub expires_at: Timestamp,
    /// The time and the reason, if the session was ended before it expired.
    pub ended: Option<(Timestamp, SessionEnd)>,
    /// The network address of the login.
    pub ip: Option<String>,
    /// The `User-Agent` of the login.
    pub user_agent: Option<String>,
}

/// The reason why a session was ended before it expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// Its user logged out.
    Logout,
    /// A consumed refresh token was used again: it may have been stolen.
    Reuse,
    /// The user, or an administrator, revoked it remotely.
    Revoked,
    /// The password was changed in another session.
    PasswordChanged,
    /// The account was deactivated or deleted.
    AccountClosed,
    /// The user had too many sessions, and this was the oldest.
    Superseded,
}

impl SessionEnd {
    /// All reasons.
    pub const ALL: [Self; 6] =
        [Self::Logout, Self::Reuse, Self::Revoked, Self::PasswordChanged, Self::AccountClosed, Self::Superseded];

    /// Returns the name that is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Reuse => "reuse",
            Self::Revoked => "revoked",
            Self::PasswordChanged => "password_changed",
            Self::AccountClosed => "account_closed",
            Self::Superseded => "superseded",
        }
    }

    /// Returns the reason with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.name() == name)
    }
}

/// A selection of a user's sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionScope {
    /// This session, provided that it belongs to the user.
    One(SessionId),
    /// All sessions.
    All,
    /// All sessions except this one.
    AllBut(SessionId),
}

/// The state of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// Its tokens are accepted.
    Live,
    /// It was ended before it expired.
    Ended(SessionEnd),
    /// It has expired.
    Expired,
}

impl Session {
    /// Returns the state at this time.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> SessionState {
        match self.ended {
            Some((_, reason)) => SessionState::Ended(reason),
            None if now >= self.expires_at => SessionState::Expired,
            None => SessionState::Live,
        }
    }
}

/// A refresh token of a session's chain. It contains nothing from which the token could be reconstructed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session.
    pub session_id: SessionId,
    /// The SHA-256 of the token's `jti`, by which the token is found.
    pub digest: [u8; 32],
    /// The position in the chain; 0 for the token of the login.
    pub generation: u32,
    /// The time of issue.
    pub issued_at: Timestamp,
    /// Whether the token has been used.
    pub state: RefreshTokenState,
}

/// The state of a refresh token. A consumed token never becomes fresh again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshTokenState {
    /// The token has not been used.
    Fresh,
    /// The token was exchanged for its successor.
    Consumed {
        /// The time of the exchange.
        at: Timestamp,
        /// The SHA-256 of the idempotency key of the exchange.
        retry_key: Option<[u8; 32]>,
    },
}

impl RefreshToken {
    /// Creates a token that has not been used.
    #[must_use]
    pub const fn fresh(session_id: SessionId, generation: u32, digest: [u8; 32], now: Timestamp) -> Self {
        Self { session_id, digest, generation, issued_at: now, state: RefreshTokenState::Fresh }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000).unwrap()
    }

    fn session() -> Session {
        Session {
            id: SessionId::generate(),
            user_id: UserId::generate(),
            created_at: at(0),
            last_used_at: at(0),
            expires_at: at(10),
            ended: None,
            ip: None,
            user_agent: None,
        }
    }

    #[test]
    fn a_session_is_live_until_it_expires() {
        assert_eq!(session().state(at(9)), SessionState::Live);
        assert_eq!(session().state(at(10)), SessionState::Expired);
    }

    #[test]
    fn an_ended_session_stays_ended() {
        let ended = Session { ended: Some((at(1), SessionEnd::Reuse)), ..session() };
        assert_eq!(ended.state(at(2)), SessionState::Ended(SessionEnd::Reuse));
        assert_eq!(ended.state(at(99)), SessionState::Ended(SessionEnd::Reuse));
    }

    #[test]
    fn a_reason_is_found_by_its_name() {
        for end in SessionEnd::ALL {
            assert_eq!(SessionEnd::from_name(end.name()), Some(end));
        }
    }
}
