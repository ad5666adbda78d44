//! Sessions and their refresh tokens, as state machines: what a state allows is decided here, and stored elsewhere.

use crate::{SessionId, Timestamp, UserId};

/// One login and every token that follows from it: a refresh token family (RFC 9700 section 4.14.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The public id: the `sid` claim of its tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// When the user logged in.
    pub created_at: Timestamp,
    /// When a token of it was last issued.
    pub last_used_at: Timestamp,
    /// When it ends whatever happens; fixed at login, never moved.
    pub expires_at: Timestamp,
    /// When and why it ended before its time.
    pub ended: Option<(Timestamp, SessionEnd)>,
    /// The address the login came from.
    pub ip: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
}

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// Its user logged out.
    Logout,
    /// A consumed refresh token was used again: it may have been stolen.
    Reuse,
    /// Its user, or an administrator, ended it from elsewhere.
    Revoked,
    /// The password was changed in another session.
    PasswordChanged,
    /// The account was deactivated or deleted.
    AccountClosed,
    /// The user had too many, and this was the oldest.
    Superseded,
}

impl SessionEnd {
    /// Every reason there is.
    pub const ALL: [Self; 6] =
        [Self::Logout, Self::Reuse, Self::Revoked, Self::PasswordChanged, Self::AccountClosed, Self::Superseded];

    /// The name under which it is kept.
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

    /// The reason with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.name() == name)
    }
}

/// Which of a user's sessions are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionScope {
    /// This one, if it is the user's.
    One(SessionId),
    /// Every one.
    All,
    /// Every one but this.
    AllBut(SessionId),
}

/// Whether a session still gives access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// Its tokens are good.
    Live,
    /// It ended before its time.
    Ended(SessionEnd),
    /// Its time is over.
    Expired,
}

impl Session {
    /// What the session is worth now.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> SessionState {
        match self.ended {
            Some((_, reason)) => SessionState::Ended(reason),
            None if now >= self.expires_at => SessionState::Expired,
            None => SessionState::Live,
        }
    }
}

/// One link of a session's chain of refresh tokens, without anything that would let a reader of the database use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// Whose link it is.
    pub session_id: SessionId,
    /// SHA-256 of the token's `jti`, by which it is found.
    pub digest: [u8; 32],
    /// Its place in the chain; the login's is 0.
    pub generation: u32,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Whether it still waits to be used.
    pub state: RefreshTokenState,
}

/// Fresh until it is consumed, then consumed for good: there is no way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshTokenState {
    /// Nobody has used it.
    Fresh,
    /// It was exchanged for its successor.
    Consumed {
        /// When the exchange was decided.
        at: Timestamp,
        /// SHA-256 of the idempotency key that it was exchanged with.
        retry_key: Option<[u8; 32]>,
    },
}

impl RefreshToken {
    /// A token that nobody has used.
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
    fn a_session_lives_until_its_time_is_over() {
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
    fn a_reason_is_kept_under_its_name() {
        for end in SessionEnd::ALL {
            assert_eq!(SessionEnd::from_name(end.name()), Some(end));
        }
    }
}
