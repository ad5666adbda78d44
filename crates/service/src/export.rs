//! The export of a user's own data. It contains nothing about other users.
//!
//! The data is read in separate parts, so neither the amount of data nor a slow reader occupies memory or a connection.
//! A row that changes during the export may appear in its old or new state.

use std::sync::Arc;

use keepstone_domain::{
    AuditEvent, Clock, EmailChange, Involvement, Item, ItemFilter, Page, PageRequest, Position, Session, SessionId,
    SessionState, Start, Timestamp, User, UserId,
};
use keepstone_repository::{Repositories, Store};

use crate::{Caller, Error, Result};

/// The number of rows of a part: the largest page of a list, so that a slow reader takes no more memory than one page.
const PART: u32 = 100;
/// The detail of an event that is never exported: a digest of the typed name.
const NOT_EXPORTED: &str = "identifier";

/// Exports users' own data.
pub struct Exports {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

/// A running export.
pub struct Export {
    /// The exported user in their current state.
    pub user: User,
    /// The start of the export.
    pub at: Timestamp,
    /// The changes of the address that can still be undone, newest first: the old addresses are reserved until then.
    pub email_changes: Vec<EmailChange>,
    caller: Caller,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// The section and position to read next; `None` at the end.
    next: Option<(Section, Start)>,
}

/// A part of the data, newest first within each kind: first the sessions, then the events, then the items. Each kind
/// has at least one part, which may be empty.
pub enum ExportPart {
    /// Sessions, including ended ones.
    Sessions(Vec<Session>),
    /// Events of the account, followed by what its owner did elsewhere.
    Events(Vec<AuditEvent>),
    /// Items.
    Items(Vec<Item>),
}

#[derive(Clone, Copy)]
enum Section {
    Sessions,
    Events(Involvement),
    Items,
}

impl Section {
    const fn next(self) -> Option<Self> {
        match self {
            Self::Sessions => Some(Self::Events(Involvement::Account)),
            Self::Events(Involvement::Account) => Some(Self::Events(Involvement::Actor)),
            Self::Events(Involvement::Actor) => Some(Self::Items),
            Self::Items => None,
        }
    }
}

impl Exports {
    /// Creates the service.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Begins an export of the caller's data.
    ///
    /// # Errors
    /// [`TokenRevoked`](Error::TokenRevoked) if the session has just ended.
    pub async fn begin(&self, caller: &Caller) -> Result<Export> {
        let at = self.clock.now();
        let mut reader = self.store.read().await?;
        let user = owner(&mut *reader, caller, at).await?;
        let email_changes = reader.email_changes().list_of(user.id, at).await?;
        Ok(Export {
            user,
            at,
            email_changes,
            caller: caller.clone(),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            next: Some((Section::Sessions, Start::Skip(0))),
        })
    }
}

impl Export {
    /// Returns the next part; `None` at the end. After an error, the next call returns the same part.
    ///
    /// # Errors
    /// [`TokenRevoked`](Error::TokenRevoked) if the session has ended meanwhile: its token must not read any more data.
    pub async fn next(&mut self) -> Result<Option<ExportPart>> {
        let Some((section, start)) = self.next else { return Ok(None) };
        let (id, page) = (self.user.id, PageRequest { start, limit: PART, with_total: false });
        let mut repositories = self.store.read().await?;
        let (part, last) = match section {
            Section::Sessions => whole(repositories.sessions().list(id, &page).await?, ExportPart::Sessions),
            Section::Events(involvement) => {
                let events = repositories.audit().list_of(id, involvement, &page).await?;
                whole(events.map(|event| own(event, id)), ExportPart::Events)
            }
            Section::Items => {
                let filter = ItemFilter { owner_id: Some(id), ..ItemFilter::default() };
                whole(repositories.items().list(&filter, &page).await?, ExportPart::Items)
            }
        };
        // Checked after the part was read: if the account was deleted meanwhile, the part may be incomplete.
        owner(&mut *repositories, &self.caller, self.clock.now()).await?;
        self.next = match last {
            Some(position) => Some((section, Start::After(position))),
            None => section.next().map(|section| (section, Start::Skip(0))),
        };
        Ok(Some(part))
    }

    /// Returns the session that requested the export.
    #[must_use]
    pub const fn current(&self) -> SessionId {
        self.caller.session_id
    }
}

fn whole<T>(page: Page<T>, part: impl FnOnce(Vec<T>) -> ExportPart) -> (ExportPart, Option<Position>) {
    (part(page.items), page.next)
}

/// Returns the caller, if session and account are still valid.
async fn owner(repositories: &mut dyn Repositories, caller: &Caller, now: Timestamp) -> Result<User> {
    let found = repositories.sessions().find_with_user(caller.session_id).await?;
    let counts = |(session, user): &(Session, User)| {
        session.state(now) == SessionState::Live && user.is_active && user.deleted_at.is_none()
    };
    found.filter(counts).map(|(_, user)| user).ok_or(Error::TokenRevoked)
}

/// Removes from an event the identity and the location of any other user.
fn own(mut event: AuditEvent, id: UserId) -> AuditEvent {
    event.detail.remove(NOT_EXPORTED);
    if event.actor.is_some_and(|actor| actor != id) {
        event = AuditEvent { actor: None, ip: None, request_id: None, ..event };
    }
    if event.user_id != Some(id) {
        event = AuditEvent { user_id: None, session_id: None, ..event };
    }
    event
}

#[cfg(test)]
mod tests {
    use keepstone_domain::AuditKind;

    use super::*;

    fn event(actor: UserId, user_id: UserId) -> AuditEvent {
        AuditEvent {
            actor: Some(actor),
            user_id: Some(user_id),
            session_id: Some(SessionId::generate()),
            ip: Some("192.0.2.1".to_owned()),
            request_id: Some("request".to_owned()),
            ..AuditEvent::new(AuditKind::SessionsRevoked, Timestamp::UNIX_EPOCH).with("sessions", "1")
        }
    }

    #[test]
    fn an_exported_event_contains_nothing_about_other_users() {
        let (ada, eve) = (UserId::generate(), UserId::generate());
        let exported = own(event(ada, ada), ada);
        assert_eq!((exported.actor, exported.user_id, exported.ip.is_some()), (Some(ada), Some(ada), true));
        let exported = own(event(eve, ada), ada);
        assert_eq!((exported.actor, exported.user_id, exported.ip, exported.request_id), (None, Some(ada), None, None));
        assert!(exported.session_id.is_some(), "it belongs to Ada");
        let exported = own(event(ada, eve), ada);
        assert_eq!((exported.actor, exported.user_id, exported.session_id), (Some(ada), None, None));
        assert!(exported.ip.is_some(), "it belongs to Ada");
    }

    #[test]
    fn digests_are_not_exported() {
        let ada = UserId::generate();
        let exported = own(event(ada, ada).with("identifier", "0123456789abcdef").with("reason", "inactive"), ada);
        assert_eq!(exported.detail.keys().collect::<Vec<_>>(), ["reason", "sessions"]);
    }
}
