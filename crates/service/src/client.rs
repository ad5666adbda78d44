//! The origin of a request, for the list of sessions, the audit log and the limits.

use std::net::IpAddr;

use keepstone_domain::{AuditEvent, AuditKind, Timestamp, User};

/// The sender of a request, as far as the connection reveals it.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// The address of the client.
    pub ip: Option<IpAddr>,
    /// The `User-Agent` of the client; cut to 512 bytes when stored.
    pub user_agent: Option<String>,
    /// The ID of the request in the log.
    pub request_id: Option<String>,
}

impl Client {
    /// Returns an audit event for an action of this client.
    pub(crate) fn event(&self, kind: AuditKind, now: Timestamp) -> AuditEvent {
        AuditEvent {
            ip: self.ip.map(|ip| ip.to_string()),
            request_id: self.request_id.clone(),
            ..AuditEvent::new(kind, now)
        }
    }

    /// Returns an audit event for an action of a user on their own account.
    pub(crate) fn event_of(&self, kind: AuditKind, user: &User, now: Timestamp) -> AuditEvent {
        AuditEvent { actor: Some(user.id), user_id: Some(user.id), ..self.event(kind, now) }
    }
}
