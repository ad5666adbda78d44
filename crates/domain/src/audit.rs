//! The audit log: what happened that bears on security, to whom, by whom. Never a secret, and never changed again.

use std::{collections::BTreeMap, net::IpAddr};

use crate::{AuditEventId, SessionId, Timestamp, UserId};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// The public id.
    pub id: AuditEventId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: AuditKind,
    /// Who did it; `None` if nobody knows, or the operator did.
    pub actor: Option<UserId>,
    /// Whose account it was done to.
    pub user_id: Option<UserId>,
    /// In or to which session.
    pub session_id: Option<SessionId>,
    /// The address that the request came from.
    pub ip: Option<String>,
    /// The request that did it.
    pub request_id: Option<String>,
    /// What else there is to know.
    pub detail: BTreeMap<String, String>,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditKind {
    /// Somebody logged in.
    Login,
    /// Somebody tried to log in, and was refused.
    LoginFailed,
    /// Somebody logged out, of one session or of all.
    Logout,
    /// A consumed refresh token came again.
    RefreshReused,
    /// Sessions were ended from elsewhere.
    SessionsRevoked,
    /// An account was made.
    UserCreated,
    /// A password was changed.
    PasswordChanged,
    /// A forgotten password was replaced, by whoever has the mailbox.
    PasswordReset,
    /// The owner of an account has shown that its address is theirs.
    EmailVerified,
    /// Somebody had an e-mail sent that they wrote.
    EmailSent,
    /// The owner of an account asked for another address, which has to be confirmed.
    EmailChangeRequested,
    /// An account was given another address.
    EmailChanged,
    /// An account was given another role.
    RoleChanged,
    /// An account can log in again.
    UserActivated,
    /// An account cannot log in any more, and its sessions have ended.
    UserDeactivated,
    /// An account was deleted, and its sessions have ended.
    UserDeleted,
}

/// The events that a list is about; each member that is set narrows it.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Events of this kind.
    pub kind: Option<AuditKind>,
    /// Events about this account.
    pub user_id: Option<UserId>,
    /// Events that this user caused.
    pub actor: Option<UserId>,
    /// Events of requests from this address.
    pub ip: Option<IpAddr>,
    /// Events at this time or later.
    pub since: Option<Timestamp>,
    /// Events before this time.
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    /// Whether every event is meant.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        let Self { kind, user_id, actor, ip, since, until } = self;
        kind.is_none() && user_id.is_none() && actor.is_none() && ip.is_none() && since.is_none() && until.is_none()
    }
}

/// What a user has to do with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Involvement {
    /// It was done to their account, by whomever.
    Account,
    /// They did it, to anything but their own account.
    Actor,
}

impl AuditKind {
    /// Every kind there is.
    pub const ALL: [Self; 16] = [
        Self::Login,
        Self::LoginFailed,
        Self::Logout,
        Self::RefreshReused,
        Self::SessionsRevoked,
        Self::UserCreated,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::EmailVerified,
        Self::EmailSent,
        Self::EmailChangeRequested,
        Self::EmailChanged,
        Self::RoleChanged,
        Self::UserActivated,
        Self::UserDeactivated,
        Self::UserDeleted,
    ];

    /// The name under which it is kept and told.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::LoginFailed => "login_failed",
            Self::Logout => "logout",
            Self::RefreshReused => "refresh_reused",
            Self::SessionsRevoked => "sessions_revoked",
            Self::UserCreated => "user_created",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::EmailVerified => "email_verified",
            Self::EmailSent => "email_sent",
            Self::EmailChangeRequested => "email_change_requested",
            Self::EmailChanged => "email_changed",
            Self::RoleChanged => "role_changed",
            Self::UserActivated => "user_activated",
            Self::UserDeactivated => "user_deactivated",
            Self::UserDeleted => "user_deleted",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl AuditEvent {
    /// Something that happened now; what is known of it is filled in.
    #[must_use]
    pub fn new(kind: AuditKind, now: Timestamp) -> Self {
        Self {
            id: AuditEventId::generate(),
            at: now,
            kind,
            actor: None,
            user_id: None,
            session_id: None,
            ip: None,
            request_id: None,
            detail: BTreeMap::new(),
        }
    }

    /// With one more thing to know.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_kept_under_its_name() {
        for kind in AuditKind::ALL {
            assert_eq!(AuditKind::from_name(kind.name()), Some(kind));
        }
    }
}
