//! The tasks of jobs. Another process may restart a task after any of its steps, which must be harmless.
//!
//! A task that only changes the database is marked as done in the same transaction. An e-mail may be sent twice, with
//! the same Message-ID.

mod letter;
mod renewal;

use std::{sync::Arc, time::Duration};

use keepstone_domain::{
    AuditEvent, AuditKind, Clock, Email, JobId, JobOutcome, Login, PendingUser, Routine, RoutineTask, Task, Timestamp,
};
use keepstone_repository::{StorageError, Store, UniqueKey, UnitOfWork};
use thiserror::Error;

use crate::{
    Error as UseCaseError, Idempotency, Limit, MailError, Mailer, Outbox, Purge, RateLimits, Sessions, closed,
    email_change::refuse_reserved,
};

/// The number of rows that one statement deletes.
const BATCH: u32 = 500;
/// How long a finished job stays in the list.
const DONE_KEPT: Duration = Duration::from_hours(7 * 24);
/// How long a dead job stays, for an operator to inspect it.
const DEAD_KEPT: Duration = Duration::from_hours(30 * 24);

/// A job leased by this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// The ID of the job.
    pub id: JobId,
    /// The number of attempts, including this one.
    pub attempts: u32,
    /// When another process may take the job over, unless it is completed by then.
    pub lease: Timestamp,
    /// Whether this is the only row of a routine.
    pub is_routine: bool,
}

/// The outcome of a task that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// The task is done, and its job is marked as done.
    Settled,
    /// The task is done.
    Done,
    /// A run of a routine is done.
    Routine,
}

/// Why a task failed.
#[derive(Debug, Error)]
pub enum TaskError {
    /// A retry cannot succeed.
    #[error("{0}")]
    Hopeless(String),
    /// A retry may succeed.
    #[error("{0}")]
    Later(String),
    /// The lease has expired, and another process has the job.
    #[error("another process has taken the job over")]
    Lost,
    /// A storage error.
    #[error("{0}")]
    Storage(#[from] StorageError),
}

impl From<MailError> for TaskError {
    fn from(error: MailError) -> Self {
        match error {
            MailError::Refused(reason) => Self::Hopeless(format!("the e-mail was rejected: {reason}")),
            MailError::Unavailable(reason) => Self::Later(format!("the e-mail could not be handed over: {reason}")),
        }
    }
}

impl From<UseCaseError> for TaskError {
    fn from(error: UseCaseError) -> Self {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        Self::Later(format!("{error}{}", cause.unwrap_or_default()))
    }
}

type Result<T, E = TaskError> = std::result::Result<T, E>;

/// The dependencies of [`Tasks`].
pub struct TaskParts {
    /// The storage.
    pub store: Arc<dyn Store>,
    /// The current time.
    pub clock: Arc<dyn Clock>,
    /// Delivers e-mails, if configured.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// Queues e-mails.
    pub outbox: Outbox,
    /// The public URL of the API: `https://api.example.com/api/v1`. Links in e-mails are built from it, never from a
    /// request.
    pub api_url: String,
    /// The URL of a front end with its own pages for the links that confirm an address or set a password, if there is
    /// one.
    pub frontend_url: Option<String>,
    /// Deletes expired sessions.
    pub sessions: Arc<Sessions>,
    /// Deletes old records of idempotent requests.
    pub requests: Arc<Idempotency>,
    /// Purges deleted users.
    pub purge: Arc<Purge>,
    /// Limits the e-mails to one mailbox.
    pub limits: RateLimits,
}

/// Executes the tasks.
pub struct Tasks {
    parts: TaskParts,
}

impl Tasks {
    /// Creates the executor.
    #[must_use]
    pub const fn new(parts: TaskParts) -> Self {
        Self { parts }
    }

    /// Executes the task of a job.
    pub(crate) async fn run(&self, job: &Claimed, task: Task) -> Result<Ran> {
        match task {
            Task::BeginPasswordReset { email } => self.begin_password_reset(job, email).await,
            Task::FinishRegistration { user } => self.finish_registration(job, user).await,
            Task::RenewUserSearchKeys { after } => self.renew_user_search_keys(job, after).await,
            Task::RenewItemSearchKeys { after } => self.renew_item_search_keys(job, after).await,
            Task::Routine(RoutineTask { kind }) => self.routine(kind).await.map(|()| Ran::Routine),
            letter => {
                if let Some(mail) = self.mail(job.id, letter).await? {
                    let mailer = self.parts.mailer.as_ref();
                    let mailer = mailer.ok_or_else(|| TaskError::Later("MAIL_URL is not set".to_owned()))?;
                    mailer.send(&mail).await?;
                }
                Ok(Ran::Done)
            }
        }
    }

    async fn begin_password_reset(&self, job: &Claimed, email: Email) -> Result<Ran> {
        let (login, now, outbox, job) = (Login::Email(email), self.parts.clock.now(), self.parts.outbox.clone(), *job);
        let begin = async |tx: &mut UnitOfWork| {
            if let Some(found) = tx.users().find_credentials(&login).await?
                && let Some(user) = tx.users().hold(found.user.id).await?.filter(|user| user.is_active)
            {
                outbox.offer_reset(tx, &user, now).await?;
            }
            settle(tx, &job, now).await
        };
        self.parts.store.transaction(begin).await
    }

    /// Creates the account, or notifies the owner of the address that it was not created.
    async fn finish_registration(&self, job: &Claimed, pending: PendingUser) -> Result<Ran> {
        let (now, outbox, job) = (self.parts.clock.now(), self.parts.outbox.clone(), *job);
        let user = pending.to_new_user().into_user(now);
        let event = AuditEvent {
            user_id: Some(user.id),
            ip: pending.ip.map(|ip| ip.to_string()),
            request_id: pending.request_id.clone(),
            ..AuditEvent::new(AuditKind::UserCreated, now).with("role", user.role.as_str())
        };
        let password = closed::until_confirmed(pending.password_hash.as_secret());
        let make = async |tx: &mut UnitOfWork| {
            tx.users().insert(&user, &password).await?;
            refuse_reserved(tx, &user.email, user.id, now).await?;
            outbox.ask_to_verify(tx, &user, now).await?;
            let ran = settle(tx, &job, now).await?;
            tx.audit().insert(&event).await?;
            Ok(ran)
        };
        let taken = match self.parts.store.transaction(make).await {
            Err(TaskError::Storage(StorageError::Duplicate {
                key: key @ (UniqueKey::Email | UniqueKey::Username),
            })) => key,
            other => return other,
        };
        // Of many sign-ups with one address, most get no e-mail.
        let mailbox = outbox.mailbox(&pending.email);
        let may_tell = self.parts.limits.require(Limit::Mailbox, mailbox).await.is_ok();
        let tell = async |tx: &mut UnitOfWork| {
            let owner = tx.users().find_credentials(&Login::Email(pending.email.clone())).await?;
            let reserved = tx.email_changes().find_owner(&pending.email, now).await?;
            let task = match (owner, taken, &pending.username) {
                (Some(owner), ..) => Some(Task::MailAddressTaken { user_id: owner.user.id }),
                (None, UniqueKey::Username, Some(username)) => {
                    Some(Task::MailUsernameTaken { email: pending.email.clone(), username: username.clone() })
                }
                (None, UniqueKey::Email, _) if reserved.is_some() => {
                    Some(Task::MailAddressReserved { email: pending.email.clone() })
                }
                // The other account was deleted meanwhile.
                (None, ..) => None,
            };
            match task {
                Some(task) if may_tell => outbox.push(tx, &task, now).await?,
                Some(_) => {}
                None => return Err(TaskError::Later("the address was in use a moment ago".to_owned())),
            }
            settle(tx, &job, now).await
        };
        self.parts.store.transaction(tell).await
    }

    async fn routine(&self, routine: Routine) -> Result<()> {
        let TaskParts { store, clock, sessions, requests, purge, .. } = &self.parts;
        let now = clock.now();
        let mut deleted = 0;
        loop {
            let some = match routine {
                Routine::DeleteExpiredSessions => sessions.clean_up().await?,
                Routine::DeleteOldRequests => requests.clean_up().await?,
                Routine::DeleteExpiredMailTokens => {
                    let mut writer = store.write().await?;
                    let tokens = writer.mail_tokens().delete_expired(now, BATCH).await?;
                    tokens + writer.email_changes().delete_expired(now, BATCH).await?
                }
                Routine::DeleteOldJobs => {
                    store.write().await?.jobs().delete_old(now - DONE_KEPT, now - DEAD_KEPT, BATCH).await?
                }
                Routine::PurgeUsers => purge.run().await?,
            };
            deleted += some;
            if some == 0 {
                if deleted > 0 {
                    tracing::debug!(routine = Task::from(routine).kind(), deleted, "cleaned up");
                }
                return Ok(());
            }
            if routine == Routine::PurgeUsers {
                tracing::info!(users = some, "permanently removed deleted users");
            }
        }
    }
}

/// Marks the job as done in the transaction of its task. Fails, and so rolls the task back, if another process has the
/// job now.
async fn settle(tx: &mut UnitOfWork, job: &Claimed, now: Timestamp) -> Result<Ran> {
    let is_ours = tx.jobs().settle(job.id, job.lease, &JobOutcome::Done, now).await?;
    if is_ours { Ok(Ran::Settled) } else { Err(TaskError::Lost) }
}

#[cfg(test)]
mod tests;
