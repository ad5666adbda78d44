//! What the owner of a mailbox may do: verify its address and set a new password. What concerns another address is in
//! [`email_change`](crate::email_change).
//!
//! A token is used up in the transaction of what it does, with its user held: of many at once, one does it.

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

/// What [`MailProof`] is made of.
pub struct MailProofParts {
    /// Where users and tokens are kept.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Hashes new passwords.
    pub passwords: Passwords,
    /// Knows what a new password must be like.
    pub accounts: Arc<Accounts>,
    /// What ends with a password.
    pub sessions: Arc<Sessions>,
    /// What is said by e-mail.
    pub outbox: Outbox,
    /// How often a mailbox is written to.
    pub limits: RateLimits,
}

/// Proofs that a mailbox is one's own.
pub struct MailProof {
    pub(crate) parts: Arc<MailProofParts>,
}

impl MailProof {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: MailProofParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// Sends the caller a link that confirms their pending address, or else their current one; `false`, and nothing is
    /// sent, if there is nothing to confirm.
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

    /// Has a link sent that sets a new password, if there is an account with this address. Whether there is one changes
    /// neither the answer nor what is done before it: a job finds out. More than a few in an hour are not sent.
    ///
    /// # Errors
    /// Storage's only.
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

    /// Sets a new password, and ends every session of the account.
    ///
    /// # Errors
    /// [`MailTokenInvalid`](Error::MailTokenInvalid); [`Password`](Error::Password), and the token stays good.
    pub async fn reset_password(&self, token: &str, new: NewPassword, client: &Client) -> Result<()> {
        let (parts, client) = (Arc::clone(&self.parts), client.clone());
        let (now, token, purpose) = (parts.clock.now(), digest(token), MailPurpose::ResetPassword);
        let mut reader = parts.store.read().await?;
        // Nobody has a password hashed by making up tokens.
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

/// The token with this digest, if it is good for this purpose at this time.
async fn find(
    repositories: &mut (dyn Repositories + Send),
    purpose: MailPurpose,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<MailToken> {
    let found = repositories.mail_tokens().find_by_digest(digest).await?;
    found.filter(|token| token.purpose == purpose && now < token.expires_at).ok_or(Error::MailTokenInvalid)
}

/// Has a user, who is held, get in by another password, if `new` makes one of what is kept.
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

/// Uses a token up, and holds its user.
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
