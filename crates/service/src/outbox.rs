//! What is to be said by e-mail: written down in the transaction of what causes it, sent by a job. Where there is
//! nobody to carry e-mails, nothing is written down.

use std::{net::IpAddr, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keepstone_auth::token::Secret;
use keepstone_domain::{Email, EmailChange, JobId, MailPurpose, MailToken, MailTokenId, Task, Timestamp, User, UserId};
use keepstone_repository::{Result, UnitOfWork};
use sha2::{Digest, Sha256};

use crate::Key;

/// Writes down what is to be said. Whoever calls it holds the user whom a token is for.
#[derive(Clone)]
pub struct Outbox {
    secret: Arc<Secret>,
    is_open: bool,
}

impl Outbox {
    /// Tokens are made with this secret, which all nodes share. `is_open` says whether anybody carries e-mails.
    #[must_use]
    pub fn new(secret: Secret, is_open: bool) -> Self {
        Self { secret: Arc::new(secret), is_open }
    }

    /// Whether anybody carries e-mails.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Writes down a job, if there is anybody to do it.
    pub(crate) async fn push(&self, tx: &mut UnitOfWork, task: &Task, now: Timestamp) -> Result<()> {
        if self.is_open { tx.jobs().insert(JobId::generate(), task, now).await } else { Ok(()) }
    }

    /// Sends a link that confirms the pending address of a user, or else the current one; `false`, and nothing is sent, if
    /// there is nothing to confirm.
    pub(crate) async fn ask_to_verify(&self, tx: &mut UnitOfWork, user: &User, now: Timestamp) -> Result<bool> {
        let current = (!user.email_verified).then_some(&user.email);
        let Some(email) = user.pending_email.as_ref().or(current).filter(|_| user.is_active) else { return Ok(false) };
        let token_id = self.keep_token(tx, MailPurpose::VerifyEmail, user.id, email, now).await?;
        self.push(tx, &Task::MailVerifyEmail { token_id }, now).await?;
        Ok(true)
    }

    /// Offers a user to set a new password.
    pub(crate) async fn offer_reset(&self, tx: &mut UnitOfWork, user: &User, now: Timestamp) -> Result<()> {
        let token_id = self.keep_token(tx, MailPurpose::ResetPassword, user.id, &user.email, now).await?;
        self.push(tx, &Task::MailResetPassword { token_id }, now).await
    }

    /// Tells that a user's password was changed. Links that would set another are good for nothing any more.
    pub(crate) async fn tell_password_changed(&self, tx: &mut UnitOfWork, id: UserId, now: Timestamp) -> Result<()> {
        tx.mail_tokens().delete_of(id, &[MailPurpose::ResetPassword]).await?;
        self.push(tx, &Task::MailPasswordChanged { user_id: id, at: now }, now).await
    }

    /// Tells that a session was ended because somebody has a copy of its refresh token.
    pub(crate) async fn tell_session_ended(
        &self,
        tx: &mut UnitOfWork,
        user_id: UserId,
        ip: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<()> {
        self.push(tx, &Task::MailSessionEnded { user_id, at: now, ip }, now).await
    }

    /// After a user was given another address: invalidates the links that were sent before, sends a link that confirms the
    /// new address unless it is confirmed already, and notifies the old address. If that one was verified, it stays
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

    /// Keeps a change of this user's address, so that it can be undone and the address is reserved until then.
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

    /// Under which limits know an address.
    pub(crate) fn mailbox(&self, email: &Email) -> Key {
        Key::Mailbox(self.secret.mac(&[b"mailbox", email.key().as_bytes()]))
    }

    /// Keeps a new token, which makes those before it for the same purpose good for nothing.
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

    /// The token with this id: 256 bits that nobody can make who has only the database, and the same at every attempt
    /// to send it.
    #[must_use]
    pub fn token(&self, purpose: MailPurpose, id: MailTokenId) -> String {
        URL_SAFE_NO_PAD.encode(self.secret.mac(&[purpose.name().as_bytes(), uuid::Uuid::from(id).as_bytes()]))
    }
}

/// What is kept of a token.
pub(crate) fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_same_again_and_another_for_each_purpose_id_and_secret() {
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
