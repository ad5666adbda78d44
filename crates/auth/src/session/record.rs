//! What is known of a session apart from its tokens. The rule: nothing here lets anyone in.

use std::time::SystemTime;

use uuid::Uuid;

/// Where a login came from, as its user will recognise it in a list. Nothing is decided by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Client {
    /// The address.
    pub ip: Option<String>,
    /// What the client called itself: cut to [`Self::MAX_USER_AGENT`] bytes when a session is opened.
    pub user_agent: Option<String>,
}

impl Client {
    /// The longest `user_agent` that is kept, in bytes.
    pub const MAX_USER_AGENT: usize = 512;

    pub(super) fn cut(mut self) -> Self {
        if let Some(text) = &mut self.user_agent {
            text.truncate(text.floor_char_boundary(Self::MAX_USER_AGENT));
        }
        self
    }
}

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// Its user logged out.
    Logout,
    /// A consumed refresh token came again: somebody has a copy.
    Reuse,
    /// Its user, or an administrator, ended it from elsewhere.
    Revoked,
    /// The password was changed or reset.
    PasswordChanged,
    /// The user was deactivated or deleted.
    AccountClosed,
    /// The subject had more sessions than the [`cap`](super::SessionPolicy::cap), and this was the oldest.
    Superseded,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::Logout, Self::Reuse, Self::Revoked, Self::PasswordChanged, Self::AccountClosed, Self::Superseded];

    /// A word to store: at most 16 of `a-z _`. It never changes.
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

    /// The reason with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// Which sessions of a subject to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndScope {
    /// This one, if it is the subject's.
    One(Uuid),
    /// Every one.
    All,
    /// Every one but this.
    AllBut(Uuid),
}

impl EndScope {
    /// Whether a session of the subject is meant.
    #[must_use]
    pub fn contains(self, session_id: Uuid) -> bool {
        match self {
            Self::One(id) => session_id == id,
            Self::All => true,
            Self::AllBut(id) => session_id != id,
        }
    }
}

/// A session as its user, or an administrator, may see it.
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
    /// When it ends whatever happens: the `exp` of its refresh tokens, whole seconds.
    pub expires_at: SystemTime,
    /// When and why it ended before its time.
    pub ended: Option<(SystemTime, EndReason)>,
    /// Where the login came from.
    pub client: Client,
}

impl SessionInfo {
    /// Whether it has neither ended nor reached its [`expires_at`](Self::expires_at). Being idle is not asked.
    #[must_use]
    pub fn is_live(&self, now: SystemTime) -> bool {
        self.ended.is_none() && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_read_back_from_its_word() {
        for reason in EndReason::ALL {
            assert_eq!(EndReason::parse(reason.as_str()), Some(reason));
            assert!(reason.as_str().len() <= 16);
        }
        assert_eq!(EndReason::parse("Logout"), None);
    }

    #[test]
    fn a_long_user_agent_is_cut_between_characters() {
        let client = Client { ip: None, user_agent: Some("x".repeat(511) + "é and more") };
        assert_eq!(client.cut().user_agent, Some("x".repeat(511)));
    }
}
