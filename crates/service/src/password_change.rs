//! Changing one's own password, which requires the current one.

use std::sync::Arc;

use keepstone_auth::password::PasswordHash;
use keepstone_domain::{AuditEvent, AuditKind, Login, SessionEnd, SessionScope, User, UserId};
use keepstone_repository::UnitOfWork;
use secrecy::{ExposeSecret, SecretString};

use crate::{Accounts, Caller, Client, Error, NewPassword, Result, closed, email_change, to_the_end::to_the_end};

impl Accounts {
    /// Changes the caller's password and revokes all of the caller's other sessions. The link to a pending address
    /// becomes invalid.
    ///
    /// # Errors
    /// [`CurrentPasswordInvalid`](Error::CurrentPasswordInvalid); [`TooManyRequests`](Error::TooManyRequests) after too
    /// many of these.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: SecretString,
        new: NewPassword,
        client: &Client,
    ) -> Result<()> {
        let id = caller.user.id;
        let old = self.kept_password(id).await?;
        self.verify_current(caller, current, &old, client).await?;
        let hash = self.hash_password(&caller.user, new).await?;
        let now = self.parts.clock.now();
        let event = client.event_of(AuditKind::PasswordChanged, &caller.user, now);
        let others = SessionScope::AllBut(caller.session_id);
        let parts = Arc::clone(&self.parts);
        to_the_end(async move {
            let change = async |tx: &mut UnitOfWork| {
                let user = tx.users().hold(id).await?.ok_or(Error::TokenRevoked)?;
                // If another request has changed the hash, the verified password is no longer the current one.
                if !tx.users().replace_password_hash(id, &old, &hash).await? {
                    return Err(Error::CurrentPasswordInvalid);
                }
                email_change::update(tx, &user, &User { pending_email: None, ..user.clone() }, now).await?;
                let ended = tx.sessions().end(id, others, SessionEnd::PasswordChanged, now).await?;
                let kept = tx.sessions().list_live(id, now).await?;
                parts.outbox.tell_password_changed(tx, id, now).await?;
                tx.audit().insert(&event).await?;
                Ok::<_, Error>(ended.into_iter().chain(kept.iter().map(|session| session.id)).collect::<Vec<_>>())
            };
            parts.sessions.forget(&parts.store.transaction(change).await?);
            Ok(())
        })
        .await
    }

    /// Returns the stored password of a user.
    pub(crate) async fn kept_password(&self, id: UserId) -> Result<SecretString> {
        // Not looked up by address: it may have changed, and may now belong to another user.
        let found = self.parts.store.read().await?.users().find_password_hash(id).await?;
        found.ok_or(Error::TokenRevoked)
    }

    /// Verifies the caller's current password against its stored hash. A wrong password counts as a failed login.
    ///
    /// # Errors
    /// [`CurrentPasswordInvalid`](Error::CurrentPasswordInvalid); [`TooManyRequests`](Error::TooManyRequests) after too
    /// many of these.
    pub(crate) async fn verify_current(
        &self,
        caller: &Caller,
        current: SecretString,
        kept: &SecretString,
        client: &Client,
    ) -> Result<()> {
        let login = Login::Email(caller.user.email.clone());
        let stored = (!closed::is_closed(kept)).then(|| PasswordHash::from_storage(kept.expose_secret()));
        let verify = async {
            let verdict = self.parts.passwords.verify(current, stored).await?;
            if verdict.is_match() { Ok(()) } else { Err(Error::CurrentPasswordInvalid) }
        };
        let verified = self.parts.guard.watch(Some(&login), client.ip, verify).await;
        if let Err(Error::CurrentPasswordInvalid) = verified {
            let event = client.event(AuditKind::LoginFailed, self.parts.clock.now()).with("reason", "current_password");
            let event = AuditEvent { user_id: Some(caller.user.id), session_id: Some(caller.session_id), ..event };
            self.parts.store.transaction(async |tx| tx.audit().insert(&event).await.map_err(Error::from)).await?;
        }
        verified
    }

    /// Returns the hash of a new password for this user.
    ///
    /// # Errors
    /// [`Password`](Error::Password).
    pub(crate) async fn hash_password(&self, user: &User, new: NewPassword) -> Result<SecretString> {
        self.refuse_similar(&new, user)?;
        Ok(SecretString::from(self.parts.passwords.hash(new.into_secret()).await?.as_str()))
    }
}
