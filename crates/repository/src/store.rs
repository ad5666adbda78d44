//! The store: access to repositories, and transactions.
//!
//! Use [`Store::read`] to read and [`transaction`](trait.Store.html#method.transaction) to change data.

use std::{
    ops::{Deref, DerefMut},
    time::{Duration, Instant},
};

use async_trait::async_trait;

use crate::{
    AuditRepository, EmailChangeRepository, IdempotencyRepository, ItemRepository, JobRepository, MailTokenRepository,
    Result, SessionRepository, StorageError, UserRepository,
};

/// A database.
#[async_trait]
pub trait Store: Send + Sync {
    /// Returns repositories over one connection, without a transaction. It may be a replica that lags behind.
    async fn read(&self) -> Result<Box<dyn Repositories>>;

    /// Returns repositories over one connection, where each statement is committed on its own. For single-statement
    /// changes.
    async fn write(&self) -> Result<Box<dyn Repositories>>;

    /// Begins a transaction. If it is dropped without a commit, nothing is changed.
    async fn begin(&self) -> Result<Box<dyn Transaction>>;

    /// Waits until this process has inserted a job. Returns at once if it has done so since the last call. Jobs of
    /// other processes are not noticed.
    async fn job_written(&self);

    /// Checks that the database answers.
    async fn ping(&self) -> Result<()>;

    /// Whether every migration that this program knows has been applied.
    async fn is_migrated(&self) -> Result<bool>;
}

/// The repositories of one connection. After an error only [`Transaction::rollback`] makes sense.
pub trait Repositories: Send {
    /// The users.
    fn users(&mut self) -> &mut (dyn UserRepository + Send);
    /// The items.
    fn items(&mut self) -> &mut (dyn ItemRepository + Send);
    /// The sessions and their refresh tokens.
    fn sessions(&mut self) -> &mut (dyn SessionRepository + Send);
    /// The audit log.
    fn audit(&mut self) -> &mut (dyn AuditRepository + Send);
    /// The tokens that were sent by e-mail.
    fn mail_tokens(&mut self) -> &mut (dyn MailTokenRepository + Send);
    /// The changes of e-mail addresses that can still be undone.
    fn email_changes(&mut self) -> &mut (dyn EmailChangeRepository + Send);
    /// The background jobs.
    fn jobs(&mut self) -> &mut (dyn JobRepository + Send);
    /// The requests with an idempotency key.
    fn idempotency(&mut self) -> &mut (dyn IdempotencyRepository + Send);
}

/// A transaction: its changes are not visible to others until the commit.
#[async_trait]
pub trait Transaction: Repositories {
    /// Commits all changes. If any statement has failed, rolls back and returns that error.
    async fn commit(self: Box<Self>) -> Result<()>;

    /// Rolls back all changes and releases their locks.
    async fn rollback(self: Box<Self>) -> Result<()>;

    /// Returns the first error of a statement of this transaction.
    fn failure(&self) -> Option<&StorageError>;
}

/// The argument of the closure of [`transaction`](trait.Store.html#method.transaction): repositories, without a way to
/// commit.
///
/// It is a struct, because the compiler cannot prove that a future which holds a `&mut dyn` of its own is `Send` for
/// every lifetime.
pub struct UnitOfWork(Box<dyn Transaction>);

impl Deref for UnitOfWork {
    type Target = dyn Repositories;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl DerefMut for UnitOfWork {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.0
    }
}

/// An `async` closure over a transaction's repositories, whose future can move between threads.
///
/// Never implemented by hand. It exists because a bound on the future of an `AsyncFnMut` cannot be written yet.
pub trait Work<R, O>: AsyncFnMut(R) -> O + FnMut(R) -> <Self as Work<R, O>>::Future {
    /// The future that a call returns.
    type Future: Future<Output = O>;
}

impl<F, Fut, R, O> Work<R, O> for F
where
    F: AsyncFnMut(R) -> O + FnMut(R) -> Fut,
    Fut: Future<Output = O>,
{
    type Future = Fut;
}

const ATTEMPTS: u32 = 3;
/// Retries end when this much time has passed since the first attempt began: clients must get a response within five
/// seconds.
const RETRY_PERIOD: Duration = Duration::from_secs(4);
/// A transaction that could not begin is retried only if the failure occurred within this time. A pool without a free
/// connection takes longer to fail.
const QUICK: Duration = Duration::from_secs(1);

/// The failure of one attempt at a transaction.
enum Failed<E> {
    /// The database failed, and nothing has been changed.
    Undone(E),
    /// A retry would not help, or the COMMIT failed and may still have taken effect.
    Final(E),
}

impl dyn Store + '_ {
    /// Runs `work` in a transaction: commits on `Ok` and rolls back on `Err`.
    ///
    /// Retries when the database fails before the COMMIT or reports a serialization failure: three attempts in all. An
    /// error that `work` returns without a failure of the database is final.
    ///
    /// `work` may therefore run more than once. It must not have other side effects, such as sending mail, and
    /// expensive work such as hashing belongs outside.
    ///
    /// # Errors
    /// Returns the error of `work`, or that of beginning or committing the transaction.
    pub async fn transaction<T, E, F>(&self, mut work: F) -> Result<T, E>
    where
        F: for<'r> AsyncFnMut(&'r mut UnitOfWork) -> Result<T, E>
            + for<'r> Work<&'r mut UnitOfWork, Result<T, E>, Future: Send>
            + Send,
        T: Send,
        E: From<StorageError> + Send,
    {
        let deadline = Instant::now() + RETRY_PERIOD;
        let mut last = match self.attempt(&mut work).await {
            Ok(value) => return Ok(value),
            Err(Failed::Final(error)) => return Err(error),
            Err(Failed::Undone(error)) => error,
        };
        for attempt in 1..ATTEMPTS {
            let again = async {
                tokio::time::sleep(jitter(attempt)).await;
                self.attempt(&mut work).await
            };
            last = match tokio::time::timeout_at(deadline.into(), again).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(Failed::Final(error))) => return Err(error),
                Ok(Err(Failed::Undone(error))) => error,
                Err(_too_late) => return Err(last),
            };
        }
        Err(last)
    }

    async fn attempt<T, E, F>(&self, work: &mut F) -> Result<T, Failed<E>>
    where
        F: for<'r> AsyncFnMut(&'r mut UnitOfWork) -> Result<T, E>
            + for<'r> Work<&'r mut UnitOfWork, Result<T, E>, Future: Send>
            + Send,
        T: Send,
        E: From<StorageError> + Send,
    {
        let start = Instant::now();
        let mut unit = match self.begin().await {
            Ok(transaction) => UnitOfWork(transaction),
            Err(error) if error.is_transient() && start.elapsed() < QUICK => {
                return Err(Failed::Undone(error.into()));
            }
            Err(error) => return Err(Failed::Final(error.into())),
        };
        let outcome = work(&mut unit).await;
        let is_undone = unit.0.failure().is_some_and(StorageError::is_transient);
        let failed = |error| if is_undone { Failed::Undone(error) } else { Failed::Final(error) };
        match outcome {
            Ok(value) => match unit.0.commit().await {
                Ok(()) => Ok(value),
                Err(error @ StorageError::Contention(_)) => Err(Failed::Undone(error.into())),
                Err(error) => Err(failed(error.into())),
            },
            Err(error) => {
                // The caller needs the first error, not that of the rollback.
                drop(unit.0.rollback().await);
                Err(failed(error))
            }
        }
    }
}

/// Returns 1 to 10 ms after the first attempt, 1 to 20 ms after the second, so that conflicting attempts drift apart.
fn jitter(attempt: u32) -> Duration {
    Duration::from_micros(fastrand::u64(1_000..10_000 * u64::from(attempt)))
}
