//! Where a request comes from: for the list of sessions, the audit log and the limits.

use std::net::IpAddr;

use keepstone_domain::{AuditEvent, AuditKind, Timestamp, User};

/// Who sent a request, as far as the connection tells.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// The address of the client.
    pub ip: Option<IpAddr>,
    /// What the client calls itself; cut to 512 bytes when kept.
    pub user_agent: Option<String>,
    /// The name of the request in the log.
    pub request_id: Option<String>,
}

impl Client {
    /// Something that a request of this client did, for the audit log.
    pub(crate) fn event(&self, kind: AuditKind, now: Timestamp) -> AuditEvent {
        AuditEvent {
            ip: self.ip.map(|ip| ip.to_string()),
            request_id: self.request_id.clone(),
            ..AuditEvent::new(kind, now)
        }
    }

    /// Something that a user did to their own account.
    pub(crate) fn event_of(&self, kind: AuditKind, user: &User, now: Timestamp) -> AuditEvent {
        AuditEvent { actor: Some(user.id), user_id: Some(user.id), ..self.event(kind, now) }
    }
}
