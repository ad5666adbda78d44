//! The repositories of one connection, and the transaction that may hold them together.
//!
//! A connection goes back to its pool only if it is known to be clean: with no statement under way, no transaction
//! open, and no doubt that it is alive. Any other is closed, because actix drops the handlers of clients that hang up,
//! at any `await`.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use diesel::result::{DatabaseErrorKind, Error, QueryResult};
use keepstone_repository::{
    AuditRepository, EmailChangeRepository, IdempotencyRepository, ItemRepository, JobRepository, MailTokenRepository,
    Repositories, Result, SessionRepository, StorageError, Transaction, UserRepository,
};

use tokio::sync::Notify;

use crate::{connection::Connection, error::classify, pool::ANSWER_LIMIT};

/// Implements every repository, over one connection.
pub struct DieselRepositories {
    connection: Connection,
    is_in_transaction: bool,
    /// A statement was sent, and its answer has not been read to the end.
    is_waiting: bool,
    failure: Option<StorageError>,
    /// How much of the limit of the first statement has been spent on getting the connection.
    spent: Duration,
    /// Told of jobs once they are there for others to see.
    work: Arc<Notify>,
    has_work: bool,
}

impl DieselRepositories {
    /// Repositories whose statements stand for themselves.
    pub fn new((connection, spent): (Connection, Duration), work: Arc<Notify>) -> Self {
        Self { connection, is_in_transaction: false, is_waiting: false, failure: None, spent, work, has_work: false }
    }

    /// Repositories whose changes wait for [`commit`](Transaction::commit).
    pub async fn begin(acquired: (Connection, Duration), work: Arc<Notify>) -> Result<Self> {
        let mut this = Self::new(acquired, work);
        let limit = this.limit();
        let outcome = this.start().begin(limit).await;
        this.finish(outcome)?;
        this.is_in_transaction = true;
        Ok(this)
    }

    /// Which database it is.
    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection, for one statement. [`finish`](Self::finish) must follow; see [`on!`](crate::connection::on).
    pub(crate) const fn start(&mut self) -> &mut Connection {
        self.is_waiting = true;
        &mut self.connection
    }

    /// How long a server may take for the next statement.
    pub(crate) const fn limit(&mut self) -> Duration {
        let spent = std::mem::replace(&mut self.spent, Duration::ZERO);
        ANSWER_LIMIT.saturating_sub(spent)
    }

    /// Takes note that there is a job to do.
    pub(crate) fn note_job(&mut self) {
        if self.is_in_transaction {
            self.has_work = true;
        } else {
            self.work.notify_one();
        }
    }

    /// Takes note of how the statement went.
    pub(crate) fn finish<T>(&mut self, outcome: QueryResult<T>) -> Result<T> {
        self.is_waiting = false;
        outcome.map_err(|error| {
            // Its answer may still come: nothing else may be sent over this connection.
            if matches!(error, Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _)) {
                self.connection.close();
            }
            let error = classify(error);
            self.failure.get_or_insert(error.clone());
            error
        })
    }
}

impl Drop for DieselRepositories {
    fn drop(&mut self) {
        let is_in_doubt = matches!(self.failure, Some(StorageError::Unavailable(_)));
        if self.is_waiting || self.is_in_transaction || is_in_doubt {
            self.connection.close();
        }
    }
}

impl Repositories for DieselRepositories {
    fn users(&mut self) -> &mut (dyn UserRepository + Send) {
        self
    }

    fn items(&mut self) -> &mut (dyn ItemRepository + Send) {
        self
    }

    fn sessions(&mut self) -> &mut (dyn SessionRepository + Send) {
        self
    }

    fn audit(&mut self) -> &mut (dyn AuditRepository + Send) {
        self
    }

    fn mail_tokens(&mut self) -> &mut (dyn MailTokenRepository + Send) {
        self
    }

    fn email_changes(&mut self) -> &mut (dyn EmailChangeRepository + Send) {
        self
    }

    fn jobs(&mut self) -> &mut (dyn JobRepository + Send) {
        self
    }

    fn idempotency(&mut self) -> &mut (dyn IdempotencyRepository + Send) {
        self
    }
}

#[async_trait]
impl Transaction for DieselRepositories {
    async fn commit(mut self: Box<Self>) -> Result<()> {
        // PostgreSQL would answer the COMMIT of a failed transaction with success, having rolled it back.
        if let Some(failure) = self.failure.clone() {
            // What went wrong first is what the caller needs to know, not how the undoing went.
            drop(self.rollback().await);
            return Err(failure);
        }
        let limit = self.limit();
        let outcome = self.start().commit(limit).await;
        self.finish(outcome)?;
        self.is_in_transaction = false;
        if self.has_work {
            self.work.notify_one();
        }
        Ok(())
    }

    async fn rollback(mut self: Box<Self>) -> Result<()> {
        let limit = self.limit();
        let outcome = self.start().rollback(limit).await;
        self.finish(outcome)?;
        self.is_in_transaction = false;
        // The connection has proved to be alive and clean, whatever the statement met.
        self.failure = None;
        Ok(())
    }

    fn failure(&self) -> Option<&StorageError> {
        self.failure.as_ref()
    }
}
