//! The audit log of security-relevant events. An event never contains a secret and is never changed.

use std::{collections::BTreeMap, net::IpAddr};

use crate::{AuditEventId, SessionId, Timestamp, UserId};

/// An event of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// The public id.
    pub id: AuditEventId,
    /// The time of the event.
    pub at: Timestamp,
    /// The kind of the event.
    pub kind: AuditKind,
    /// The user who caused the event; `None` if unknown, or if it was the operator.
    pub actor: Option<UserId>,
    /// The account that the event is about.
    pub user_id: Option<UserId>,
    /// The session in which the event happened, or which it affected.
    pub session_id: Option<SessionId>,
    /// The address that the request came from.
    pub ip: Option<String>,
    /// The id of the request that caused the event.
    pub request_id: Option<String>,
    /// Further details, by name.
    pub detail: BTreeMap<String, String>,
}

/// The kind of an audit event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditKind {
    /// A user logged in.
    Login,
    /// A login was refused.
    LoginFailed,
    /// A user logged out of one session or of all sessions.
    Logout,
    /// A consumed refresh token was used again.
    RefreshReused,
    /// Sessions were revoked remotely.
    SessionsRevoked,
    /// An account was created.
    UserCreated,
    /// A password was changed.
    PasswordChanged,
    /// A forgotten password was reset by a person with access to the mailbox.
    PasswordReset,
    /// The owner of an account confirmed the e-mail address.
    EmailVerified,
    /// A user sent an e-mail with text of their own.
    EmailSent,
    /// The owner of an account requested another address, which has to be confirmed.
    EmailChangeRequested,
    /// The e-mail address of an account was changed.
    EmailChanged,
    /// The role of an account was changed.
    RoleChanged,
    /// An account was activated and can log in again.
    UserActivated,
    /// An account was deactivated, and its sessions were ended.
    UserDeactivated,
    /// An account was deleted, and its sessions were ended.
    UserDeleted,
}

/// A filter for audit events. All conditions that are set must match.
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
    /// Whether the filter matches every event.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        let Self { kind, user_id, actor, ip, since, until } = self;
        kind.is_none() && user_id.is_none() && actor.is_none() && ip.is_none() && since.is_none() && until.is_none()
    }
}

/// How a user is involved in an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Involvement {
    /// The event is about the user's account, regardless of who caused it.
    Account,
    /// The user caused the event, and it is not about their own account.
    Actor,
}

impl AuditKind {
    /// All kinds.
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

    /// Returns the name that is stored and shown in responses.
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

    /// Returns the kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl AuditEvent {
    /// Creates an event of this kind at this time; all other members are empty.
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

    /// Adds a detail.
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
    fn a_kind_is_found_by_its_name() {
        for kind in AuditKind::ALL {
            assert_eq!(AuditKind::from_name(kind.name()), Some(kind));
        }
    }
}
