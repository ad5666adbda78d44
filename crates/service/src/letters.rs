//! E-mails with a text written by a user.

use std::sync::Arc;

use keepstone_domain::{AuditKind, Clock, Email, MailText, Subject, Task};
use keepstone_repository::{Store, UnitOfWork};

use crate::{Caller, Client, Error, Outbox, Receipt, Result, permission};

/// Sends user-written e-mails, for callers with permission.
pub struct Letters {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    outbox: Outbox,
}

impl Letters {
    /// Creates the service.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, outbox: Outbox) -> Self {
        Self { store, clock, outbox }
    }

    /// Queues an e-mail to one address. Requires `email:send`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions); [`MailOff`](Error::MailOff).
    pub async fn send(
        &self,
        caller: &Caller,
        email: Email,
        subject: Subject,
        text: MailText,
        client: &Client,
        receipt: Receipt<()>,
    ) -> Result<()> {
        caller.require(&permission::EMAIL_SEND)?;
        if !self.outbox.is_open() {
            return Err(Error::MailOff);
        }
        let now = self.clock.now();
        let task = Task::MailMessage { email, subject, text };
        let event =
            keepstone_domain::AuditEvent { actor: Some(caller.user.id), ..client.event(AuditKind::EmailSent, now) };
        let send = async |tx: &mut UnitOfWork| {
            self.outbox.push(tx, &task, now).await?;
            tx.audit().insert(&event).await?;
            receipt.keep(tx, &()).await
        };
        self.store.transaction(send).await?;
        receipt.close();
        Ok(())
    }
}
