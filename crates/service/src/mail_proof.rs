//! Operations that prove ownership of a mailbox: verifying its address and setting a new password. Changes of an
//! address are in [`email_change`](crate::email_change).
//!
//! A token is consumed in the transaction of its effect, with its user locked. Of several concurrent uses exactly one
//! succeeds.

use std::sync::Arc;

use keepstone_auth::password::Passwords;
use keepstone_domain::{
    AuditKind, Clock, Email, JobId, MailPurpose, MailToken, SessionEnd, SessionScope, Task, Timestamp, User,
};
use keepstone_repository::{Repositories, Store, UnitOfWork};
use secrecy::SecretString;

use crate::{
    Accounts, Caller, Client, Error, Limit, NewPassword, Outbox, RateLimits, Receipt, Result, Sessions, email_change,
    outbox::digest, to_the_end::to_the_end,
};

/// The dependencies of [`MailProof`].
pub struct MailProofParts {
    /// The storage of users and tokens.
    pub store: Arc<dyn Store>,
    /// The current time.
    pub clock: Arc<dyn Clock>,
    /// Hashes new passwords.
    pub passwords: Passwords,
    /// Checks new passwords.
    pub accounts: Arc<Accounts>,
    /// Revokes the sessions of a user whose password changes.
    pub sessions: Arc<Sessions>,
    /// Queues e-mails.
    pub outbox: Outbox,
    /// Limits the e-mails to one mailbox.
    pub limits: RateLimits,
}

/// Operations that prove ownership of a mailbox.
pub struct MailProof {
    pub(crate) parts: Arc<MailProofParts>,
}

impl MailProof {
    /// Creates the service.
    #[must_use]
    pub fn new(parts: MailProofParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// Sends the caller a link that confirms their pending address, or else their current one. Returns `false`, and
    /// sends nothing, if there is nothing to confirm.
    ///
    /// # Errors
    /// [`MailOff`](Error::MailOff); [`TooManyRequests`](Error::TooManyRequests).
    pub async fn request_verification(&self, caller: &Caller, receipt: Receipt<bool>) -> Result<bool> {
        let MailProofParts { store, clock, outbox, limits, .. } = &*self.parts;
        if !outbox.is_open() {
            return Err(Error::MailOff);
        }
        let email = caller.user.pending_email.as_ref().unwrap_or(&caller.user.email);
        limits.require(Limit::Mailbox, outbox.mailbox(email)).await?;
        let now = clock.now();
        let ask = async |tx: &mut UnitOfWork| {
            let user = tx.users().hold(caller.user.id).await?.ok_or(Error::UserNotFound)?;
            let is_sent = outbox.ask_to_verify(tx, &user, now).await?;
            receipt.keep(tx, &is_sent).await?;
            Ok::<_, Error>(is_sent)
        };
        let is_sent = store.transaction(ask).await?;
        receipt.close();
        Ok(is_sent)
    }

    /// Sends a link that sets a new password, if an account has this address. Neither the response nor the work before
    /// it depends on that, because a job checks it. Requests above a mailbox's hourly limit succeed without sending an
    /// e-mail.
    ///
    /// # Errors
    /// Only storage errors.
    pub async fn request_reset(&self, email: Email, receipt: Receipt<()>) -> Result<()> {
        let MailProofParts { store, clock, outbox, limits, .. } = &*self.parts;
        let is_allowed = limits.require(Limit::Mailbox, outbox.mailbox(&email)).await.is_ok();
        let (task, now) = (Task::BeginPasswordReset { email }, clock.now());
        let ask = async |tx: &mut UnitOfWork| {
            if is_allowed && outbox.is_open() {
                tx.jobs().insert(JobId::generate(), &task, now).await?;
            }
            receipt.keep(tx, &()).await
        };
        store.transaction(ask).await?;
        receipt.close();
        Ok(())
    }

    /// Sets a new password and revokes every session of the account.
    ///
    /// # Errors
    /// [`MailTokenInvalid`](Error::MailTokenInvalid); [`Password`](Error::Password), with the token still valid.
    pub async fn reset_password(&self, token: &str, new: NewPassword, client: &Client) -> Result<()> {
        let (parts, client) = (Arc::clone(&self.parts), client.clone());
        let (now, token, purpose) = (parts.clock.now(), digest(token), MailPurpose::ResetPassword);
        let mut reader = parts.store.read().await?;
        // Checked first, so that requests with invented tokens cause no hashing.
        let found = find(&mut *reader, purpose, &token, now).await?;
        let user = reader.users().find(found.user_id).await?.ok_or(Error::MailTokenInvalid)?;
        drop(reader);
        parts.accounts.refuse_similar(&new, &user)?;
        let hash = SecretString::from(parts.passwords.hash(new.into_secret()).await?.as_str());
        to_the_end(async move {
            let reset = async |tx: &mut UnitOfWork| {
                let (token, user) = consume(tx, purpose, &token, now).await?;
                replace_password(tx, &user, |_| Some(hash.clone())).await?;
                let is_verified = user.email_verified || user.email.key() == token.email.key();
                let new = User { email_verified: is_verified, pending_email: None, ..user.clone() };
                email_change::update(tx, &user, &new, now).await?;
                let ended = tx.sessions().end(user.id, SessionScope::All, SessionEnd::PasswordChanged, now).await?;
                parts.outbox.tell_password_changed(tx, user.id, now).await?;
                tx.audit().insert(&client.event_of(AuditKind::PasswordReset, &user, now)).await?;
                Ok::<_, Error>(ended)
            };
            parts.sessions.forget(&parts.store.transaction(reset).await?);
            Ok(())
        })
        .await
    }
}

/// Returns the token with this digest, if it is valid for this purpose at this time.
async fn find(
    repositories: &mut (dyn Repositories + Send),
    purpose: MailPurpose,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<MailToken> {
    let found = repositories.mail_tokens().find_by_digest(digest).await?;
    found.filter(|token| token.purpose == purpose && now < token.expires_at).ok_or(Error::MailTokenInvalid)
}

/// Replaces the stored password of a locked user with the result of `new`, unless that is `None`.
pub(crate) async fn replace_password(
    tx: &mut UnitOfWork,
    user: &User,
    new: impl FnOnce(&SecretString) -> Option<SecretString>,
) -> Result<()> {
    let old = tx.users().find_password_hash(user.id).await?.ok_or(Error::MailTokenInvalid)?;
    if let Some(new) = new(&old) {
        tx.users().replace_password_hash(user.id, &old, &new).await?;
    }
    Ok(())
}

/// Consumes a token and locks its user.
pub(crate) async fn consume(
    tx: &mut UnitOfWork,
    purpose: MailPurpose,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<(MailToken, User)> {
    let token = find(&mut **tx, purpose, digest, now).await?;
    let user = tx.users().hold(token.user_id).await?.filter(|user| user.is_active).ok_or(Error::MailTokenInvalid)?;
    if tx.mail_tokens().consume(token.id).await? { Ok((token, user)) } else { Err(Error::MailTokenInvalid) }
}
