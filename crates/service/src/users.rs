//! Reading, creating and deleting accounts. Changing them is in [`user_change`](crate::user_change).
//!
//! A change of permissions first locks all active administrators, and then the user. Concurrent changes therefore never
//! remove the last administrator.

use std::sync::Arc;

use keepstone_domain::{
    AuditEvent, AuditKind, Clock, Expected, Page, PageRequest, RoleName, SessionEnd, SessionId, SessionScope,
    Timestamp, User, UserFilter, UserId,
};
use keepstone_repository::{Store, UnitOfWork};

use crate::{
    Accounts, Caller, Client, Error, Outbox, RateLimits, Receipt, Registration, Result, Sessions, permission,
    to_the_end::to_the_end,
};

/// A user, as far as a caller may see them.
#[derive(Debug, Clone)]
pub enum Sight {
    /// The full view.
    Whole(User),
    /// The public profile, without address and state.
    Public(User),
}

/// The dependencies of [`Users`].
pub struct UserParts {
    /// The storage of users.
    pub store: Arc<dyn Store>,
    /// The current time.
    pub clock: Arc<dyn Clock>,
    /// Creates accounts.
    pub accounts: Arc<Accounts>,
    /// Revokes the sessions of deleted accounts.
    pub sessions: Arc<Sessions>,
    /// Queues e-mails.
    pub outbox: Outbox,
    /// Limits the e-mails to one mailbox.
    pub limits: RateLimits,
}

/// The users, for callers with permission.
pub struct Users {
    pub(crate) parts: Arc<UserParts>,
}

impl Users {
    /// Creates the service.
    #[must_use]
    pub fn new(parts: UserParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// Returns a user: the full view of oneself, or with `users:read` of any user; otherwise the public profile.
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

    /// Lists the users who match a filter, newest first. Requires `users:read`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions).
    pub async fn list(&self, caller: &Caller, filter: &UserFilter, page: &PageRequest) -> Result<Page<User>> {
        caller.require(&permission::USERS_READ)?;
        let users = self.parts.store.read().await?.users().list(filter, page).await?;
        Ok(users.map(|user| without_pending_email(caller, user)))
    }

    /// Creates an account of any role and state; the default is `viewer` and active. Requires `users:create`.
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

    /// Deletes an account of an expected version, and ends its sessions. Callers may delete their own account, and with
    /// `users:manage` any account.
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

pub(crate) fn sight(caller: &Caller, user: User) -> Sight {
    let is_whole = caller.user.id == user.id || caller.may(&permission::USERS_READ);
    if is_whole { Sight::Whole(without_pending_email(caller, user)) } else { Sight::Public(user) }
}

/// Returns the user as the caller may see them: a pending address is visible to its owner and with `users:manage`.
fn without_pending_email(caller: &Caller, user: User) -> User {
    let is_visible = caller.user.id == user.id || caller.may(&permission::USERS_MANAGE);
    User { pending_email: user.pending_email.filter(|_| is_visible), ..user }
}

/// Returns the caller in their current state: another node may have changed their permissions a moment ago.
pub(crate) async fn again(caller: &Caller, tx: &mut UnitOfWork) -> Result<Caller> {
    let user = tx.users().find(caller.user.id).await?.filter(|user| user.is_active).ok_or(Error::TokenRevoked)?;
    Ok(Caller { user: Arc::new(user), ..caller.clone() })
}

pub(crate) async fn end_sessions(tx: &mut UnitOfWork, id: UserId, now: Timestamp) -> Result<Vec<SessionId>> {
    Ok(tx.sessions().end(id, SessionScope::All, SessionEnd::AccountClosed, now).await?)
}
