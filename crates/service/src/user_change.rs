//! Changing an account.
//!
//! Users change their own address only with the current password and, if mail is configured, after confirming the new
//! address. The checks before the transaction only save hashing and e-mails; the checks inside it decide.

use std::sync::Arc;

use keepstone_domain::{
    AuditEvent, AuditKind, Email, Expected, Login, SessionEnd, SessionId, SessionScope, Timestamp, User, UserId,
    UserPatch,
};
use keepstone_repository::UnitOfWork;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    Caller, Client, Error, Key, Limit, NewPassword, Result, Sight, UserParts, Users, closed,
    email_change::{self, refuse_reserved},
    permission,
    to_the_end::to_the_end,
    users::{again, end_sessions, sight},
};

/// A request to change an account.
#[derive(Debug, Default)]
pub struct UserChange {
    /// The members that change.
    pub patch: UserPatch,
    /// Whether to drop a pending change of the address.
    pub drops_pending_email: bool,
    /// The caller's current password, to change their own address.
    pub current_password: Option<SecretString>,
    /// A new password for another user.
    pub password: Option<SecretString>,
}

/// A change that has passed the checks before its transaction.
struct Change {
    parts: Arc<UserParts>,
    by: Caller,
    client: Client,
    id: UserId,
    expected: Expected,
    patch: UserPatch,
    drops_pending_email: bool,
    /// The stored password of the caller, if it was verified.
    proof: Option<SecretString>,
    /// The hash of a new password.
    password_hash: Option<SecretString>,
}

impl Users {
    /// Changes an account of an expected version, and returns as much of it as the caller may see. Callers may change
    /// their own account, and with `users:update` any account. The following changes require `users:manage`: role,
    /// state and password, and every change of a user who holds `users:manage`. Callers cannot change their own role,
    /// or here their own password.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions), [`UserNotFound`](Error::UserNotFound),
    /// [`UnknownRole`](Error::UnknownRole), [`LastAdmin`](Error::LastAdmin),
    /// [`PreconditionFailed`](Error::PreconditionFailed), [`EmailTaken`](Error::EmailTaken),
    /// [`UsernameTaken`](Error::UsernameTaken), [`PasswordNotChangeable`](Error::PasswordNotChangeable),
    /// [`Password`](Error::Password), [`CurrentPasswordRequired`](Error::CurrentPasswordRequired),
    /// [`CurrentPasswordInvalid`](Error::CurrentPasswordInvalid); [`TooManyRequests`](Error::TooManyRequests) after
    /// too many changed addresses or wrong passwords.
    pub async fn update(
        &self,
        caller: &Caller,
        id: UserId,
        expected: Expected,
        change: UserChange,
        client: &Client,
    ) -> Result<Sight> {
        if caller.user.id != id {
            caller.require(&permission::USERS_UPDATE)?;
        }
        let UserChange { patch, drops_pending_email, current_password, password } = change;
        if patch.role.as_ref().is_some_and(|role| caller.roles.canonical(role.as_str()).is_none()) {
            return Err(Error::UnknownRole);
        }
        let password_hash = self.hash_password_of(caller, id, password).await?;
        let mut proof = None;
        if let Some(email) = &patch.email {
            proof = self.verify_owner(caller, id, email, current_password, client).await?;
            self.spare_mailbox(caller, id, email).await?;
        }
        let (parts, by, client) = (Arc::clone(&self.parts), caller.clone(), client.clone());
        let change = Change { parts, by, client, id, expected, patch, drops_pending_email, proof, password_hash };
        let user = to_the_end(async move {
            let parts = &change.parts;
            let now = parts.clock.now();
            let apply = async |tx: &mut UnitOfWork| change.apply(tx, now).await;
            let (user, sessions) = parts.store.transaction(apply).await?;
            parts.sessions.forget(&sessions);
            Ok::<_, Error>(user)
        })
        .await?;
        Ok(sight(caller, user))
    }

    /// Returns the hash of the password that the caller sets for another user.
    async fn hash_password_of(
        &self,
        caller: &Caller,
        id: UserId,
        password: Option<SecretString>,
    ) -> Result<Option<SecretString>> {
        let Some(password) = password else { return Ok(None) };
        if caller.user.id == id || !caller.may(&permission::USERS_MANAGE) {
            return Err(Error::PasswordNotChangeable);
        }
        let accounts = &self.parts.accounts;
        let password = NewPassword::check(password, &accounts.rules().password_policy)?;
        let user = self.parts.store.read().await?.users().find(id).await?.ok_or(Error::UserNotFound)?;
        accounts.hash_password(&user, password).await.map(Some)
    }

    /// Verifies the current password of a caller who changes their own address, if that is required, and returns the
    /// stored password.
    async fn verify_owner(
        &self,
        caller: &Caller,
        id: UserId,
        new: &Email,
        current: Option<SecretString>,
        client: &Client,
    ) -> Result<Option<SecretString>> {
        let accounts = &self.parts.accounts;
        let is_change = caller.user.id == id && caller.user.email.key() != new.key();
        if !is_change || !accounts.rules().email_change_requires_password {
            return Ok(None);
        }
        let kept = accounts.kept_password(id).await?;
        if closed::is_closed(&kept) {
            return Ok(None);
        }
        let current = current.ok_or(Error::CurrentPasswordRequired)?;
        accounts.verify_current(caller, current, &kept, client).await?;
        Ok(Some(kept))
    }

    /// Limits the e-mails to a new address, which may belong to another person.
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
}

impl Change {
    /// Applies the change, and returns the user with the sessions whose cached copy of the user is outdated.
    async fn apply(&self, tx: &mut UnitOfWork, now: Timestamp) -> Result<(User, Vec<SessionId>)> {
        let changes_rights = self.patch.role.is_some() || self.patch.is_active.is_some();
        let admins = if changes_rights { tx.users().hold_active_admins().await? } else { usize::MAX };
        let old = tx.users().hold(self.id).await?.ok_or(Error::UserNotFound)?;
        let (new, asks_for_address) = self.result(&old);
        self.permit(&self.by, &old, &new, admins)?;
        if !self.is_own() {
            self.permit(&again(&self.by, tx).await?, &old, &new, admins)?;
        }
        if !self.expected.is_met_by(old.version) {
            return Err(Error::PreconditionFailed);
        }
        let changes_address = new.email.key() != old.email.key();
        if new == old && !asks_for_address && self.password_hash.is_none() {
            return Ok((old, Vec::new()));
        }
        if self.is_own() && (asks_for_address || changes_address) {
            self.require_proof(tx).await?;
        }
        email_change::update(tx, &old, &new, now).await?;
        let sessions = self.change_sessions(tx, &new, now).await?;
        if changes_address {
            self.parts.outbox.tell_email_changed(tx, &old, &new, now).await?;
        }
        if asks_for_address {
            self.ask_for_address(tx, &new, now).await?;
        }
        for event in self.events(&old, &new, asks_for_address, now) {
            tx.audit().insert(&event).await?;
        }
        Ok((tx.users().find(self.id).await?.ok_or(Error::UserNotFound)?, sessions))
    }

    fn is_own(&self) -> bool {
        self.by.user.id == self.id
    }

    /// Returns the user after the change, and whether a new address must be confirmed first.
    fn result(&self, old: &User) -> (User, bool) {
        let mut new = self.patch.clone().apply(old);
        if self.drops_pending_email || self.password_hash.is_some() {
            new.pending_email = None;
        }
        if new.email.key() == old.email.key() {
            return (new, false);
        }
        if !self.is_own() || !self.parts.outbox.is_open() {
            return (User { pending_email: None, ..new }, false);
        }
        let (email, email_verified) = (old.email.clone(), old.email_verified);
        (User { pending_email: Some(new.email), email, email_verified, ..new }, true)
    }

    /// Rejects a change that the caller may not make. `active_admins` is the number of locked active administrators.
    fn permit(&self, caller: &Caller, old: &User, new: &User, active_admins: usize) -> Result<()> {
        let is_own = self.is_own();
        let may_manage = caller.may(&permission::USERS_MANAGE);
        let changes_role = new.role != old.role;
        let changes_rights = changes_role || new.is_active != old.is_active || self.password_hash.is_some();
        let is_manager = !is_own && caller.roles.permits(old.role.as_str(), &permission::USERS_MANAGE);
        if (changes_rights || is_manager) && !may_manage {
            tracing::warn!(actor = %caller.user.id, user_id = %old.id, "rejected a change of rights");
            return Err(Error::InsufficientPermissions);
        }
        if old.is_active_admin() && !new.is_active_admin() && active_admins < 2 {
            return Err(Error::LastAdmin);
        }
        if changes_role && is_own { Err(Error::InsufficientPermissions) } else { Ok(()) }
    }

    /// Rejects a change of the caller's own address if the verified password is no longer the current one.
    async fn require_proof(&self, tx: &mut UnitOfWork) -> Result<()> {
        if !self.parts.accounts.rules().email_change_requires_password {
            return Ok(());
        }
        let kept = tx.users().find_password_hash(self.id).await?.ok_or(Error::UserNotFound)?;
        match &self.proof {
            _ if closed::is_closed(&kept) => Ok(()),
            Some(proof) if proof.expose_secret() == kept.expose_secret() => Ok(()),
            Some(_) => Err(Error::CurrentPasswordInvalid),
            None => Err(Error::CurrentPasswordRequired),
        }
    }

    /// Sends a link to the pending address, unless it belongs to another account.
    async fn ask_for_address(&self, tx: &mut UnitOfWork, new: &User, now: Timestamp) -> Result<()> {
        if let Some(email) = &new.pending_email {
            let found = tx.users().find_credentials(&Login::Email(email.clone())).await?;
            if found.is_some_and(|found| found.user.id != self.id) {
                return Err(Error::EmailTaken);
            }
            refuse_reserved(tx, email, self.id, now).await?;
        }
        self.parts.outbox.ask_to_verify(tx, new, now).await.map(drop)?;
        Ok(())
    }

    /// Replaces the password and ends the sessions, as far as the change requires it.
    async fn change_sessions(&self, tx: &mut UnitOfWork, new: &User, now: Timestamp) -> Result<Vec<SessionId>> {
        let id = self.id;
        if let Some(hash) = &self.password_hash {
            let kept = tx.users().find_password_hash(id).await?.ok_or(Error::UserNotFound)?;
            tx.users().replace_password_hash(id, &kept, hash).await?;
            self.parts.outbox.tell_password_changed(tx, id, now).await?;
        }
        if !new.is_active {
            return end_sessions(tx, id, now).await;
        }
        if self.password_hash.is_some() {
            return Ok(tx.sessions().end(id, SessionScope::All, SessionEnd::PasswordChanged, now).await?);
        }
        Ok(tx.sessions().list_live(id, now).await?.iter().map(|session| session.id).collect())
    }

    /// Returns the audit events of the change.
    fn events(&self, old: &User, new: &User, asks_for_address: bool, now: Timestamp) -> Vec<AuditEvent> {
        let mut events = Vec::new();
        let event =
            |kind| AuditEvent { actor: Some(self.by.user.id), user_id: Some(old.id), ..self.client.event(kind, now) };
        if asks_for_address {
            events.push(event(AuditKind::EmailChangeRequested));
        }
        if new.email.key() != old.email.key() {
            events.push(event(AuditKind::EmailChanged));
        }
        if self.password_hash.is_some() {
            events.push(event(AuditKind::PasswordChanged));
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
}
