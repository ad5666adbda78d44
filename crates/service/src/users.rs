//! Looking at accounts and changing them.
//!
//! Whoever changes who may do what holds all active administrators first, and the user after that: so the last of them
//! is never lost, however many are at it at once.

use std::sync::Arc;

use keepstone_domain::{
    AuditEvent, AuditKind, Clock, Email, Expected, Page, PageRequest, RoleName, SessionEnd, SessionId, SessionScope,
    Timestamp, User, UserFilter, UserId, UserPatch,
};
use keepstone_repository::{Store, UnitOfWork};

use crate::{
    Accounts, Caller, Client, Error, Key, Limit, Outbox, RateLimits, Receipt, Registration, Result, Sessions,
    permission, to_the_end::to_the_end,
};

/// How much of a user a caller may see.
#[derive(Debug, Clone)]
pub enum Sight {
    /// Everything that is shown at all.
    Whole(User),
    /// Who it is, but neither address nor state.
    Public(User),
}

/// What [`Users`] is made of.
pub struct UserParts {
    /// Where users are kept.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How accounts are made.
    pub accounts: Arc<Accounts>,
    /// What ends with an account.
    pub sessions: Arc<Sessions>,
    /// What is said by e-mail.
    pub outbox: Outbox,
    /// How often a mailbox is written to.
    pub limits: RateLimits,
}

/// The users, for those who may.
pub struct Users {
    parts: Arc<UserParts>,
}

impl Users {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: UserParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// One user, as far as the caller may see them: oneself, and with `users:read` everybody, as a whole.
    ///
    /// # Errors
    /// [`UserNotFound`](Error::UserNotFound).
    pub async fn find(&self, caller: &Caller, id: UserId) -> Result<Sight> {
        if caller.user.id == id {
            return Ok(Sight::Whole(User::clone(&caller.user)));
        }
        let user = self.parts.store.read().await?.users().find(id).await?.ok_or(Error::UserNotFound)?;
        Ok(sight(caller, user))
    }

    /// The users who are meant, newest first. Needs `users:read`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions).
    pub async fn list(&self, caller: &Caller, filter: &UserFilter, page: &PageRequest) -> Result<Page<User>> {
        caller.require(&permission::USERS_READ)?;
        Ok(self.parts.store.read().await?.users().list(filter, page).await?)
    }

    /// Makes an account of any role and state, `viewer` and active if nothing else is asked for. Needs `users:create`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions), and as [`Accounts::provision`].
    pub async fn create(
        &self,
        caller: &Caller,
        registration: Registration,
        client: &Client,
        receipt: Receipt<User>,
    ) -> Result<User> {
        caller.require(&permission::USERS_CREATE)?;
        let (user, password) = registration.into_parts(RoleName::viewer);
        self.parts.accounts.provision(user, password, Some(caller.user.id), client, receipt).await
    }

    /// Changes an account in an expected version, and gives as much of it as the caller may see: one's own, or with
    /// `users:update` any. Role and state, and everything about somebody who has it, need `users:manage`; nobody
    /// changes their own role.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions), [`UserNotFound`](Error::UserNotFound),
    /// [`UnknownRole`](Error::UnknownRole), [`LastAdmin`](Error::LastAdmin),
    /// [`PreconditionFailed`](Error::PreconditionFailed), [`EmailTaken`](Error::EmailTaken),
    /// [`UsernameTaken`](Error::UsernameTaken); [`TooManyRequests`](Error::TooManyRequests) for an address too many.
    pub async fn update(
        &self,
        caller: &Caller,
        id: UserId,
        expected: Expected,
        patch: UserPatch,
        client: &Client,
    ) -> Result<Sight> {
        if caller.user.id != id {
            caller.require(&permission::USERS_UPDATE)?;
        }
        if patch.role.as_ref().is_some_and(|role| caller.roles.canonical(role.as_str()).is_none()) {
            return Err(Error::UnknownRole);
        }
        if let Some(email) = &patch.email {
            self.spare_mailbox(caller, id, email).await?;
        }
        let (parts, by, client) = (Arc::clone(&self.parts), caller.clone(), client.clone());
        let user = to_the_end(async move {
            let now = parts.clock.now();
            let changes_rights = patch.role.is_some() || patch.is_active.is_some();
            let change = async |tx: &mut UnitOfWork| {
                let admins = if changes_rights { tx.users().hold_active_admins().await? } else { usize::MAX };
                let old = tx.users().hold(id).await?.ok_or(Error::UserNotFound)?;
                let new = patch.clone().apply(&old);
                permit(&by, &old, &new, admins)?;
                if by.user.id != id {
                    permit(&again(&by, tx).await?, &old, &new, admins)?;
                }
                if !expected.is_met_by(old.version) {
                    return Err(Error::PreconditionFailed);
                }
                if new == old {
                    return Ok((old, Vec::new()));
                }
                if !tx.users().update(&new, now).await? {
                    return Err(Error::UserNotFound);
                }
                let sessions = if new.is_active {
                    tx.sessions().list_live(id, now).await?.iter().map(|session| session.id).collect()
                } else {
                    end_sessions(tx, id, now).await?
                };
                if new.email.key() != old.email.key() {
                    parts.outbox.tell_email_changed(tx, &old, &new, now).await?;
                }
                for event in events(&by, &old, &new, &client, now) {
                    tx.audit().insert(&event).await?;
                }
                Ok((tx.users().find(id).await?.ok_or(Error::UserNotFound)?, sessions))
            };
            let (user, sessions) = parts.store.transaction(change).await?;
            parts.sessions.forget(&sessions);
            Ok::<_, Error>(user)
        })
        .await?;
        Ok(sight(caller, user))
    }

    /// A new address is written to, and may be anybody's.
    async fn spare_mailbox(&self, caller: &Caller, id: UserId, new: &Email) -> Result<()> {
        let UserParts { store, outbox, limits, .. } = &*self.parts;
        let is_own = caller.user.id == id;
        let own = is_own.then(|| User::clone(&caller.user));
        let user = if own.is_some() { own } else { store.read().await?.users().find(id).await? };
        if !outbox.is_open() || user.is_none_or(|user| user.email.key() == new.key()) {
            return Ok(());
        }
        if is_own {
            limits.require(Limit::EmailChange, Key::User(id)).await?;
        }
        limits.require(Limit::Mailbox, outbox.mailbox(new)).await
    }

    /// Deletes an account in an expected version, and ends its sessions: one's own, or with `users:manage` any.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions), [`UserNotFound`](Error::UserNotFound),
    /// [`LastAdmin`](Error::LastAdmin), [`PreconditionFailed`](Error::PreconditionFailed).
    pub async fn delete(&self, caller: &Caller, id: UserId, expected: Expected, client: &Client) -> Result<()> {
        if caller.user.id != id {
            caller.require(&permission::USERS_MANAGE)?;
        }
        let (parts, by, client) = (Arc::clone(&self.parts), caller.clone(), client.clone());
        to_the_end(async move {
            let now = parts.clock.now();
            let event = client.event(AuditKind::UserDeleted, now);
            let event = AuditEvent { actor: Some(by.user.id), user_id: Some(id), ..event };
            let delete = async |tx: &mut UnitOfWork| {
                let admins = tx.users().hold_active_admins().await?;
                let user = tx.users().hold(id).await?.ok_or(Error::UserNotFound)?;
                if user.is_active_admin() && admins < 2 {
                    return Err(Error::LastAdmin);
                }
                if by.user.id != id {
                    again(&by, tx).await?.require(&permission::USERS_MANAGE)?;
                }
                if !expected.is_met_by(user.version) {
                    return Err(Error::PreconditionFailed);
                }
                if !tx.users().delete(id, now).await? {
                    return Err(Error::UserNotFound);
                }
                let sessions = end_sessions(tx, id, now).await?;
                tx.audit().insert(&event).await?;
                Ok(sessions)
            };
            parts.sessions.forget(&parts.store.transaction(delete).await?);
            Ok(())
        })
        .await
    }
}

fn sight(caller: &Caller, user: User) -> Sight {
    let is_whole = caller.user.id == user.id || caller.may(&permission::USERS_READ);
    if is_whole { Sight::Whole(user) } else { Sight::Public(user) }
}

/// The caller as they are now: on another node they may have lost their rights a moment ago.
async fn again(caller: &Caller, tx: &mut UnitOfWork) -> Result<Caller> {
    let user = tx.users().find(caller.user.id).await?.filter(|user| user.is_active).ok_or(Error::TokenRevoked)?;
    Ok(Caller { user: Arc::new(user), ..caller.clone() })
}

/// Refuses what the caller may not do to a user, where so many administrators are held.
fn permit(caller: &Caller, old: &User, new: &User, active_admins: usize) -> Result<()> {
    let is_own = caller.user.id == old.id;
    let may_manage = caller.may(&permission::USERS_MANAGE);
    let changes_role = new.role != old.role;
    let changes_rights = changes_role || new.is_active != old.is_active;
    let is_manager = !is_own && caller.roles.permits(old.role.as_str(), &permission::USERS_MANAGE);
    if (changes_rights || is_manager) && !may_manage {
        tracing::warn!(actor = %caller.user.id, user_id = %old.id, "refused a change of rights");
        return Err(Error::InsufficientPermissions);
    }
    if old.is_active_admin() && !new.is_active_admin() && active_admins < 2 {
        return Err(Error::LastAdmin);
    }
    if changes_role && is_own { Err(Error::InsufficientPermissions) } else { Ok(()) }
}

async fn end_sessions(tx: &mut UnitOfWork, id: UserId, now: Timestamp) -> Result<Vec<SessionId>> {
    Ok(tx.sessions().end(id, SessionScope::All, SessionEnd::AccountClosed, now).await?)
}

/// What the audit log has to know of a change.
fn events(caller: &Caller, old: &User, new: &User, client: &Client, now: Timestamp) -> Vec<AuditEvent> {
    let mut events = Vec::new();
    let event = |kind| AuditEvent { actor: Some(caller.user.id), user_id: Some(old.id), ..client.event(kind, now) };
    if new.email.key() != old.email.key() {
        events.push(event(AuditKind::EmailChanged));
    }
    if new.role != old.role {
        events.push(event(AuditKind::RoleChanged).with("from", old.role.as_str()).with("to", new.role.as_str()));
    }
    match (old.is_active, new.is_active) {
        (true, false) => events.push(event(AuditKind::UserDeactivated)),
        (false, true) => events.push(event(AuditKind::UserActivated)),
        _ => {}
    }
    events
}
