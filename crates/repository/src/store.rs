//! Where repositories come from, and what holds their changes together.
//!
//! Ask [`Store::read`] to look and [`transaction`](trait.Store.html#method.transaction) to change.

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
    /// Repositories over one connection, each statement on its own. May be a replica that lags behind.
    async fn read(&self) -> Result<Box<dyn Repositories>>;

    /// Repositories over one connection, each statement lasting on its own: for a change that is one statement.
    async fn write(&self) -> Result<Box<dyn Repositories>>;

    /// Repositories whose changes become visible together, at commit. Dropped without one, nothing has happened.
    async fn begin(&self) -> Result<Box<dyn Transaction>>;

    /// Waits until this process has written down a job, if it has not since this was last asked. Other processes are
    /// not heard.
    async fn job_written(&self);

    /// Asks the database for a sign of life.
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
    /// What is done later.
    fn jobs(&mut self) -> &mut (dyn JobRepository + Send);
    /// The requests that may be sent again.
    fn idempotency(&mut self) -> &mut (dyn IdempotencyRepository + Send);
}

/// Changes that are not visible to anyone else yet.
#[async_trait]
pub trait Transaction: Repositories {
    /// Makes all changes visible and lasting. Refused with the earlier error if any statement had failed.
    async fn commit(self: Box<Self>) -> Result<()>;

    /// Undoes all changes and frees their locks.
    async fn rollback(self: Box<Self>) -> Result<()>;

    /// The first error that a statement of this transaction met.
    fn failure(&self) -> Option<&StorageError>;
}

/// A transaction in the hands of [`transaction`](trait.Store.html#method.transaction)'s closure: repositories, and no
/// way to commit.
///
/// A struct, because a future that holds a `&mut dyn` of its own is not `Send` for every lifetime, as far as today's
/// compiler can see.
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
    /// The future that a call gives.
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
/// Attempts after the first one end when this much time has passed since the first one began: clients get their answer
/// within five seconds.
const RETRY_PERIOD: Duration = Duration::from_secs(4);
/// A transaction that could not begin is tried again if that was known within this time. A pool without a free
/// connection takes longer.
const QUICK: Duration = Duration::from_secs(1);

/// Why one attempt at a transaction failed.
enum Failed<E> {
    /// The database could not do it, and nothing of it has happened.
    Undone(E),
    /// Another attempt would not help, or the COMMIT failed and may have happened.
    Final(E),
}

impl dyn Store + '_ {
    /// Runs `work` in a transaction: commits on `Ok`, undoes everything on `Err`, and starts over, three times in all,
    /// when the database failed before the COMMIT or reports a serialization failure. Refusals by `work` itself are
    /// final.
    ///
    /// `work` may therefore run more than once: it must touch nothing but what it is given. Hashing and mail stay
    /// outside.
    ///
    /// # Errors
    /// What `work` returned, or what beginning or committing met.
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
                // What went wrong first is what the caller needs to know, not how the undoing went.
                drop(unit.0.rollback().await);
                Err(failed(error))
            }
        }
    }
}

/// 1 to 10 ms after the first attempt, 1 to 20 ms after the second: those who clashed should not meet again.
fn jitter(attempt: u32) -> Duration {
    Duration::from_micros(fastrand::u64(1_000..10_000 * u64::from(attempt)))
}
