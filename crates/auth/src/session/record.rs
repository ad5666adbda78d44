//! The data of a session without its tokens. None of it grants access.

use std::time::SystemTime;

use uuid::Uuid;

/// The origin of a login, for display in a list of sessions. No decision depends on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Client {
    /// The IP address.
    pub ip: Option<String>,
    /// The user agent, truncated to [`Self::MAX_USER_AGENT`] bytes when a session is opened.
    pub user_agent: Option<String>,
}

impl Client {
    /// The longest stored `user_agent`, in bytes.
    pub const MAX_USER_AGENT: usize = 512;

    pub(super) fn cut(mut self) -> Self {
        if let Some(text) = &mut self.user_agent {
            text.truncate(text.floor_char_boundary(Self::MAX_USER_AGENT));
        }
        self
    }
}

/// The reason why a session ended before it expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// The user logged out.
    Logout,
    /// A consumed refresh token was used again, so it has probably been copied.
    Reuse,
    /// The user ended it from another session, or an administrator ended it.
    Revoked,
    /// The password was changed or reset.
    PasswordChanged,
    /// The user was deactivated or deleted.
    AccountClosed,
    /// The subject had more sessions than the [`cap`](super::SessionPolicy::cap), and this session was the oldest.
    Superseded,
}

impl EndReason {
    /// All reasons.
    pub const ALL: [Self; 6] =
        [Self::Logout, Self::Reuse, Self::Revoked, Self::PasswordChanged, Self::AccountClosed, Self::Superseded];

    /// Returns the name to store: at most 16 characters of `a-z _`. It never changes between versions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
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
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// The sessions of a subject to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndScope {
    /// This session, if it belongs to the subject.
    One(Uuid),
    /// All sessions.
    All,
    /// All sessions except this session.
    AllBut(Uuid),
}

impl EndScope {
    /// Whether the scope contains a session of the subject.
    #[must_use]
    pub fn contains(self, session_id: Uuid) -> bool {
        match self {
            Self::One(id) => session_id == id,
            Self::All => true,
            Self::AllBut(id) => session_id != id,
        }
    }
}

/// A session, as shown to its user or an administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// The `sid` of its tokens.
    pub id: Uuid,
    /// The `sub` of its tokens.
    pub subject: String,
    /// When the user logged in.
    pub created_at: SystemTime,
    /// When its newest refresh token was issued.
    pub last_used_at: SystemTime,
    /// When the session expires: the `exp` of its refresh tokens, in whole seconds.
    pub expires_at: SystemTime,
    /// When and why the session ended before it expired.
    pub ended: Option<(SystemTime, EndReason)>,
    /// The origin of the login.
    pub client: Client,
}

impl SessionInfo {
    /// Whether the session has neither ended nor reached [`expires_at`](Self::expires_at). Idle time is not considered.
    #[must_use]
    pub fn is_live(&self, now: SystemTime) -> bool {
        self.ended.is_none() && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_parsed_from_its_name() {
        for reason in EndReason::ALL {
            assert_eq!(EndReason::parse(reason.as_str()), Some(reason));
            assert!(reason.as_str().len() <= 16);
        }
        assert_eq!(EndReason::parse("Logout"), None);
    }

    #[test]
    fn a_long_user_agent_is_truncated_between_characters() {
        let client = Client { ip: None, user_agent: Some("x".repeat(511) + "é and more") };
        assert_eq!(client.cut().user_agent, Some("x".repeat(511)));
    }
}
