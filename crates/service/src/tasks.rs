//! What each task does. Each may be begun again after any of its steps, by another process, and must then do no harm.
//!
//! What only changes the database notes in the same transaction that it is done. An e-mail may go out twice, under one
//! Message-ID.

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

/// How many rows are deleted at once.
const BATCH: u32 = 500;
/// How long it can be seen that a job was done.
const DONE_KEPT: Duration = Duration::from_hours(7 * 24);
/// How long a dead job waits for somebody to look.
const DEAD_KEPT: Duration = Duration::from_hours(30 * 24);

/// A job in the hands of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// Which one.
    pub id: JobId,
    /// How often it was tried, this time included.
    pub attempts: u32,
    /// When it is somebody else's, if it is not settled by then.
    pub lease: Timestamp,
    /// Whether it is the only row of a routine.
    pub is_routine: bool,
}

/// How a task ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// It is done, and that is noted.
    Settled,
    /// It is done.
    Done,
    /// It is done for now.
    Routine,
}

/// Why a task was not done.
#[derive(Debug, Error)]
pub enum TaskError {
    /// It never will be.
    #[error("{0}")]
    Hopeless(String),
    /// It may be later.
    #[error("{0}")]
    Later(String),
    /// A lease has run out meanwhile: somebody else does it.
    #[error("another process has taken it over")]
    Lost,
    /// The database did not do as asked.
    #[error("{0}")]
    Storage(#[from] StorageError),
}

impl From<MailError> for TaskError {
    fn from(error: MailError) -> Self {
        match error {
            MailError::Refused(reason) => Self::Hopeless(format!("the e-mail was refused: {reason}")),
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

/// What [`Tasks`] is made of.
pub struct TaskParts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who carries e-mails, if anybody does.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// What is to be said by e-mail.
    pub outbox: Outbox,
    /// How the API is reached from outside: `https://api.example.com/api/v1`. Links in e-mails are made of it, and of
    /// nothing that a request says.
    pub api_url: String,
    /// The front end with pages of its own for the links that confirm an address or set a password, if there is one.
    pub frontend_url: Option<String>,
    /// The sessions, of which old ones are deleted.
    pub sessions: Arc<Sessions>,
    /// The requests that may be sent again, of which old ones are deleted.
    pub requests: Arc<Idempotency>,
    /// What removes deleted users for good.
    pub purge: Arc<Purge>,
    /// How often a mailbox is written to.
    pub limits: RateLimits,
}

/// Does the tasks.
pub struct Tasks {
    parts: TaskParts,
}

impl Tasks {
    /// Puts the parts together.
    #[must_use]
    pub const fn new(parts: TaskParts) -> Self {
        Self { parts }
    }

    /// Does what a job is about.
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

    /// Makes the account, or has its owner told why there is none.
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
        // Of many sign-ups with one address most are left out without a word.
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
                // The other account has gone meanwhile.
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
                tracing::info!(users = some, "removed deleted users for good");
            }
        }
    }
}

/// Notes, in the transaction of what a task does, that it is done. Nothing is done if somebody else has the job by now.
async fn settle(tx: &mut UnitOfWork, job: &Claimed, now: Timestamp) -> Result<Ran> {
    let is_ours = tx.jobs().settle(job.id, job.lease, &JobOutcome::Done, now).await?;
    if is_ours { Ok(Ran::Settled) } else { Err(TaskError::Lost) }
}

#[cfg(test)]
mod tests;
