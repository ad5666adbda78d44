//! Confirming a new e-mail address, and undoing the change.
//!
//! Code that writes an address must call [`refuse_reserved`] after the write, in the same transaction.

use std::sync::Arc;

use keepstone_domain::{
    AuditEvent, AuditKind, Email, EmailChange, MailPurpose, MailToken, SessionEnd, SessionId, SessionScope, Timestamp,
    User, UserId,
};
use keepstone_repository::{StorageError, UniqueKey, UnitOfWork};

use crate::{
    Client, Error, MailProof, MailProofParts, Result, closed,
    mail_proof::{consume, replace_password},
    outbox::digest,
    to_the_end::to_the_end,
};

/// Rejects an address that is reserved for another account, with the same error as an address that another account
/// uses.
pub(crate) async fn refuse_reserved(
    tx: &mut UnitOfWork,
    email: &Email,
    user_id: UserId,
    now: Timestamp,
) -> Result<(), StorageError> {
    match tx.email_changes().find_owner(email, now).await? {
        Some(owner) if owner != user_id => Err(StorageError::Duplicate { key: UniqueKey::Email }),
        _ => Ok(()),
    }
}

/// Updates a locked user, if anything has changed. The link to a pending address that is dropped or replaced becomes
/// invalid.
pub(crate) async fn update(tx: &mut UnitOfWork, old: &User, new: &User, now: Timestamp) -> Result<()> {
    if new == old {
        return Ok(());
    }
    if !tx.users().update(new, now).await? {
        return Err(Error::UserNotFound);
    }
    if old.pending_email.is_some() && new.pending_email != old.pending_email {
        tx.mail_tokens().delete_of(new.id, &[MailPurpose::VerifyEmail]).await?;
    }
    if new.email.key() != old.email.key() {
        refuse_reserved(tx, &new.email, new.id, now).await?;
    }
    Ok(())
}

impl MailProof {
    /// Confirms the address that a token was sent to: the current address of an account, which is then verified, or its
    /// pending one, which then replaces the current one.
    ///
    /// # Errors
    /// [`MailTokenInvalid`](Error::MailTokenInvalid); [`EmailTaken`](Error::EmailTaken) if another account has the
    /// pending address by now, or the address is reserved for another account.
    pub async fn verify_email(&self, token: &str, client: &Client) -> Result<()> {
        let (parts, client) = (Arc::clone(&self.parts), client.clone());
        let (now, token) = (parts.clock.now(), digest(token));
        to_the_end(async move {
            let verify = async |tx: &mut UnitOfWork| {
                let (token, user) = consume(tx, MailPurpose::VerifyEmail, &token, now).await?;
                let (new, kind) = confirmed(&user, &token)?;
                replace_password(tx, &user, closed::opened).await?;
                update(tx, &user, &new, now).await?;
                if kind == AuditKind::EmailChanged {
                    parts.outbox.tell_email_changed(tx, &user, &new, now).await?;
                }
                let sessions = tx.sessions().list_live(user.id, now).await?;
                tx.audit().insert(&client.event_of(kind, &user, now)).await?;
                Ok::<_, Error>(sessions.iter().map(|session| session.id).collect::<Vec<_>>())
            };
            parts.sessions.forget(&parts.store.transaction(verify).await?);
            Ok(())
        })
        .await
    }

    /// Restores the previous address of an account, ends its sessions and closes its password. The password stays
    /// closed until a new one is set by the link that is sent to the restored address: a person who changed the address
    /// may know the old password and would change the address again. Later changes can no longer be undone.
    ///
    /// # Errors
    /// [`MailTokenInvalid`](Error::MailTokenInvalid); [`EmailTaken`](Error::EmailTaken) if another account has the
    /// address.
    pub async fn undo_email_change(&self, token: &str, client: &Client) -> Result<()> {
        let (parts, client) = (Arc::clone(&self.parts), client.clone());
        let (now, token) = (parts.clock.now(), digest(token));
        to_the_end(async move {
            let undo = async |tx: &mut UnitOfWork| undo(tx, &parts, &token, &client, now).await;
            parts.sessions.forget(&parts.store.transaction(undo).await?);
            Ok(())
        })
        .await
    }
}

/// Returns the user with the address of this token confirmed, and the kind of the change.
fn confirmed(user: &User, token: &MailToken) -> Result<(User, AuditKind)> {
    let is_tokens = |email: &&Email| email.key() == token.email.key();
    if let Some(email) = user.pending_email.as_ref().filter(is_tokens) {
        let changed = User { email: email.clone(), email_verified: true, pending_email: None, ..user.clone() };
        return Ok((changed, AuditKind::EmailChanged));
    }
    // The account may have another address by now than the one that the token was sent to.
    Some(&user.email).filter(is_tokens).ok_or(Error::MailTokenInvalid)?;
    Ok((User { email_verified: true, ..user.clone() }, AuditKind::EmailVerified))
}

async fn undo(
    tx: &mut UnitOfWork,
    parts: &MailProofParts,
    digest: &[u8; 32],
    client: &Client,
    now: Timestamp,
) -> Result<Vec<SessionId>> {
    let found = tx.email_changes().find_by_digest(digest).await?.filter(|change| now < change.expires_at);
    let EmailChange { id, user_id, old_email, .. } = found.ok_or(Error::MailTokenInvalid)?;
    let user = tx.users().hold(user_id).await?.filter(|user| user.is_active).ok_or(Error::MailTokenInvalid)?;
    if !tx.email_changes().undo(id).await? {
        return Err(Error::MailTokenInvalid);
    }
    replace_password(tx, &user, |_| Some(closed::for_ever())).await?;
    let restored = User { email: old_email, email_verified: true, pending_email: None, ..user.clone() };
    update(tx, &user, &restored, now).await?;
    tx.mail_tokens().delete_of(user.id, &[MailPurpose::VerifyEmail]).await?;
    parts.outbox.offer_reset(tx, &restored, now).await?;
    let ended = tx.sessions().end(user.id, SessionScope::All, SessionEnd::Revoked, now).await?;
    let event = client.event_of(AuditKind::EmailChanged, &user, now).with("undone", "true");
    tx.audit().insert(&AuditEvent { actor: None, ..event }).await?;
    Ok(ended)
}
