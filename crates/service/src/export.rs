//! Everything that is kept about somebody, for themselves, and nothing about others.
//!
//! It is read in parts, each by itself, so that neither memory nor a connection is taken by how much there is or by how
//! slowly it is taken. What is changed meanwhile may be in it as it was or as it is.

use std::sync::Arc;

use keepstone_domain::{
    AuditEvent, Clock, EmailChange, Involvement, Item, ItemFilter, Page, PageRequest, Position, Session, SessionId,
    SessionState, Start, Timestamp, User, UserId,
};
use keepstone_repository::{Repositories, Store};

use crate::{Caller, Error, Result};

/// How many rows a part has: as many as a page of a list may have, so that who reads slowly takes no more memory than
/// with one.
const PART: u32 = 100;
/// What else the audit log knows of an event that is no business of whoever it is about: a digest of what was typed.
const UNTOLD: &str = "identifier";

/// Tells people what is kept about them.
pub struct Exports {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

/// One export under way.
pub struct Export {
    /// Who it is about, as they are now.
    pub user: User,
    /// When it began.
    pub at: Timestamp,
    /// The changes of the address that can still be undone, newest first: the old addresses are reserved until then.
    pub email_changes: Vec<EmailChange>,
    caller: Caller,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// What is to be read next, and from where on; `None` at the end.
    next: Option<(Section, Start)>,
}

/// Some of what is kept, newest first within each kind: first the sessions, then the events, then the items. Of each
/// kind there is a part, if an empty one.
pub enum ExportPart {
    /// Sessions, with those that have ended.
    Sessions(Vec<Session>),
    /// What happened to the account; after all that, what its owner did elsewhere.
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
    /// Puts the parts together.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Begins to tell the caller what is kept about them.
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
    /// The next part; `None` if that was all. After an error it is the same one again.
    ///
    /// # Errors
    /// [`TokenRevoked`](Error::TokenRevoked) if the session has ended meanwhile: whoever has the token gets no more by
    /// it.
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
        // Asked after the part was read: an account that is gone by now may have had more than that.
        owner(&mut *repositories, &self.caller, self.clock.now()).await?;
        self.next = match last {
            Some(position) => Some((section, Start::After(position))),
            None => section.next().map(|section| (section, Start::Skip(0))),
        };
        Ok(Some(part))
    }

    /// The session that asks.
    #[must_use]
    pub const fn current(&self) -> SessionId {
        self.caller.session_id
    }
}

fn whole<T>(page: Page<T>, part: impl FnOnce(Vec<T>) -> ExportPart) -> (ExportPart, Option<Position>) {
    (part(page.items), page.next)
}

/// The caller, if session and account still count.
async fn owner(repositories: &mut dyn Repositories, caller: &Caller, now: Timestamp) -> Result<User> {
    let found = repositories.sessions().find_with_user(caller.session_id).await?;
    let counts = |(session, user): &(Session, User)| {
        session.state(now) == SessionState::Live && user.is_active && user.deleted_at.is_none()
    };
    found.filter(counts).map(|(_, user)| user).ok_or(Error::TokenRevoked)
}

/// What an event tells this user about themselves: nothing that tells who somebody else is, or where they were.
fn own(mut event: AuditEvent, id: UserId) -> AuditEvent {
    event.detail.remove(UNTOLD);
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
    fn an_event_tells_only_of_whom_it_is_for() {
        let (ada, eve) = (UserId::generate(), UserId::generate());
        let told = own(event(ada, ada), ada);
        assert_eq!((told.actor, told.user_id, told.ip.is_some()), (Some(ada), Some(ada), true));
        let told = own(event(eve, ada), ada);
        assert_eq!((told.actor, told.user_id, told.ip, told.request_id), (None, Some(ada), None, None));
        assert!(told.session_id.is_some(), "it was hers");
        let told = own(event(ada, eve), ada);
        assert_eq!((told.actor, told.user_id, told.session_id), (Some(ada), None, None));
        assert!(told.ip.is_some(), "it was hers");
    }

    #[test]
    fn digests_are_for_nobody() {
        let ada = UserId::generate();
        let told = own(event(ada, ada).with("identifier", "0123456789abcdef").with("reason", "inactive"), ada);
        assert_eq!(told.detail.keys().collect::<Vec<_>>(), ["reason", "sessions"]);
    }
}
