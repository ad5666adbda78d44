//! Outgoing e-mails: queued in the transaction of their cause, sent by a job. Without a mail configuration nothing is
//! queued.

use std::{net::IpAddr, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keepstone_auth::token::Secret;
use keepstone_domain::{Email, EmailChange, JobId, MailPurpose, MailToken, MailTokenId, Task, Timestamp, User, UserId};
use keepstone_repository::{Result, UnitOfWork};
use sha2::{Digest, Sha256};

use crate::Key;

/// Queues e-mails. The caller must have locked the user of a token.
#[derive(Clone)]
pub struct Outbox {
    secret: Arc<Secret>,
    is_open: bool,
}

impl Outbox {
    /// Creates the outbox. Tokens are derived from this secret, which all nodes share. `is_open` is whether e-mail is
    /// configured.
    #[must_use]
    pub fn new(secret: Secret, is_open: bool) -> Self {
        Self { secret: Arc::new(secret), is_open }
    }

    /// Returns whether e-mail is configured.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Queues a job, if e-mail is configured.
    pub(crate) async fn push(&self, tx: &mut UnitOfWork, task: &Task, now: Timestamp) -> Result<()> {
        if self.is_open { tx.jobs().insert(JobId::generate(), task, now).await } else { Ok(()) }
    }

    /// Sends a link that confirms the pending address of a user, or else the current one. Returns `false`, and sends
    /// nothing, if there is nothing to confirm.
    pub(crate) async fn ask_to_verify(&self, tx: &mut UnitOfWork, user: &User, now: Timestamp) -> Result<bool> {
        let current = (!user.email_verified).then_some(&user.email);
        let Some(email) = user.pending_email.as_ref().or(current).filter(|_| user.is_active) else { return Ok(false) };
        let token_id = self.keep_token(tx, MailPurpose::VerifyEmail, user.id, email, now).await?;
        self.push(tx, &Task::MailVerifyEmail { token_id }, now).await?;
        Ok(true)
    }

    /// Sends a user a link that sets a new password.
    pub(crate) async fn offer_reset(&self, tx: &mut UnitOfWork, user: &User, now: Timestamp) -> Result<()> {
        let token_id = self.keep_token(tx, MailPurpose::ResetPassword, user.id, &user.email, now).await?;
        self.push(tx, &Task::MailResetPassword { token_id }, now).await
    }

    /// Reports a change of a user's password, and invalidates earlier links that would set another one.
    pub(crate) async fn tell_password_changed(&self, tx: &mut UnitOfWork, id: UserId, now: Timestamp) -> Result<()> {
        tx.mail_tokens().delete_of(id, &[MailPurpose::ResetPassword]).await?;
        self.push(tx, &Task::MailPasswordChanged { user_id: id, at: now }, now).await
    }

    /// Reports that a session was revoked because its refresh token was probably copied.
    pub(crate) async fn tell_session_ended(
        &self,
        tx: &mut UnitOfWork,
        user_id: UserId,
        ip: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<()> {
        self.push(tx, &Task::MailSessionEnded { user_id, at: now, ip }, now).await
    }

    /// Handles a changed address: invalidates the links that were sent before, sends a link that confirms the new
    /// address unless it is already confirmed, and notifies the old address. If the old address was verified, it stays
    /// reserved for as long as the link in the notice can undo the change.
    pub(crate) async fn tell_email_changed(
        &self,
        tx: &mut UnitOfWork,
        old: &User,
        new: &User,
        now: Timestamp,
    ) -> Result<()> {
        tx.mail_tokens().delete_of(new.id, &[MailPurpose::VerifyEmail, MailPurpose::ResetPassword]).await?;
        let token_id =
            if old.email_verified && self.is_open { Some(self.keep_change(tx, old, now).await?) } else { None };
        let task = Task::MailEmailChanged { user_id: old.id, email: old.email.clone(), at: now, token_id };
        self.push(tx, &task, now).await?;
        self.ask_to_verify(tx, new, now).await.map(drop)
    }

    /// Stores a change of this user's address, which makes it possible to undo the change and reserves the old address.
    async fn keep_change(&self, tx: &mut UnitOfWork, old: &User, now: Timestamp) -> Result<MailTokenId> {
        let (id, purpose) = (MailTokenId::generate(), MailPurpose::UndoEmailChange);
        let change = EmailChange {
            id,
            user_id: old.id,
            old_email: old.email.clone(),
            digest: digest(&self.token(purpose, id)),
            expires_at: now + purpose.lifetime(),
        };
        tx.email_changes().insert(&change).await?;
        Ok(id)
    }

    /// Returns the rate-limit key of an address.
    pub(crate) fn mailbox(&self, email: &Email) -> Key {
        Key::Mailbox(self.secret.mac(&[b"mailbox", email.key().as_bytes()]))
    }

    /// Stores a new token, which invalidates earlier tokens of the same user and purpose.
    async fn keep_token(
        &self,
        tx: &mut UnitOfWork,
        purpose: MailPurpose,
        user_id: UserId,
        email: &Email,
        now: Timestamp,
    ) -> Result<MailTokenId> {
        let id = MailTokenId::generate();
        if self.is_open {
            let digest = digest(&self.token(purpose, id));
            let expires_at = now + purpose.lifetime();
            let token = MailToken { id, purpose, user_id, email: email.clone(), digest, expires_at };
            tx.mail_tokens().replace(&token).await?;
        }
        Ok(id)
    }

    /// Returns the token with this ID: 256 bits, which cannot be computed from the database alone. It is the same at
    /// every attempt to send it.
    #[must_use]
    pub fn token(&self, purpose: MailPurpose, id: MailTokenId) -> String {
        URL_SAFE_NO_PAD.encode(self.secret.mac(&[purpose.name().as_bytes(), uuid::Uuid::from(id).as_bytes()]))
    }
}

/// Returns the digest of a token, which is all that the database stores.
pub(crate) fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_depends_on_purpose_id_and_secret_only() {
        let outbox = |byte: u8| Outbox::new(Secret::new([byte; 32]).unwrap(), true);
        let (id, other) = (MailTokenId::generate(), MailTokenId::generate());
        let token = outbox(1).token(MailPurpose::VerifyEmail, id);
        assert_eq!(token.len(), 43, "256 bits in base64url");
        assert_eq!(token, outbox(1).token(MailPurpose::VerifyEmail, id));
        assert_ne!(token, outbox(1).token(MailPurpose::ResetPassword, id));
        assert_ne!(token, outbox(1).token(MailPurpose::VerifyEmail, other));
        assert_ne!(token, outbox(2).token(MailPurpose::VerifyEmail, id));
    }
}
