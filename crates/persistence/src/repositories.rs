//! The repositories of a connection, with or without a transaction.
//!
//! A connection returns to its pool only if it is known to be clean: no statement in progress, no open transaction, and
//! no doubt that it is alive. Any other connection is closed, because actix drops handlers at any `await` when a client
//! disconnects.

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
    /// A statement was sent, and its result has not been read completely.
    is_waiting: bool,
    failure: Option<StorageError>,
    /// The time spent on acquiring the connection, which counts towards the limit of the first statement.
    spent: Duration,
    /// Notified of jobs once they are visible to others.
    work: Arc<Notify>,
    has_work: bool,
}

impl DieselRepositories {
    /// Creates repositories without a transaction.
    pub fn new((connection, spent): (Connection, Duration), work: Arc<Notify>) -> Self {
        Self { connection, is_in_transaction: false, is_waiting: false, failure: None, spent, work, has_work: false }
    }

    /// Begins a transaction, which ends with [`commit`](Transaction::commit) or a rollback.
    pub async fn begin(acquired: (Connection, Duration), work: Arc<Notify>) -> Result<Self> {
        let mut this = Self::new(acquired, work);
        let limit = this.limit();
        let outcome = this.start().begin(limit).await;
        this.finish(outcome)?;
        this.is_in_transaction = true;
        Ok(this)
    }

    /// Returns the connection, to find out which database it is.
    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the connection for a statement. [`finish`](Self::finish) must follow; see
    /// [`on!`](crate::connection::on).
    pub(crate) const fn start(&mut self) -> &mut Connection {
        self.is_waiting = true;
        &mut self.connection
    }

    /// Returns the time limit of the next statement.
    pub(crate) const fn limit(&mut self) -> Duration {
        let spent = std::mem::replace(&mut self.spent, Duration::ZERO);
        ANSWER_LIMIT.saturating_sub(spent)
    }

    /// Records that a job was inserted.
    pub(crate) fn note_job(&mut self) {
        if self.is_in_transaction {
            self.has_work = true;
        } else {
            self.work.notify_one();
        }
    }

    /// Records the outcome of the statement.
    pub(crate) fn finish<T>(&mut self, outcome: QueryResult<T>) -> Result<T> {
        self.is_waiting = false;
        outcome.map_err(|error| {
            // The answer may still arrive, so this connection must not be used again.
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
            // The caller needs the first error, not that of the rollback.
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
        // The rollback proved that the connection is alive and clean, whatever error a statement had.
        self.failure = None;
        Ok(())
    }

    fn failure(&self) -> Option<&StorageError> {
        self.failure.as_ref()
    }
}
