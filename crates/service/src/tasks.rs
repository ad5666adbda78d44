//! What each task does. Each may be begun again after any of its steps, by another process, and must then do no harm.
//!
//! What only changes the database notes in the same transaction that it is done. An e-mail may go out twice, under one
//! Message-ID.

use std::{sync::Arc, time::Duration};

use keepstone_domain::{
    AuditEvent, AuditKind, Clock, Email, JobId, JobOutcome, Login, MailPurpose, MailToken, MailTokenId, PendingUser,
    Routine, RoutineTask, Task, Timestamp, User, UserId,
};
use keepstone_repository::{StorageError, Store, UniqueKey, UnitOfWork};
use thiserror::Error;

use crate::{Error as UseCaseError, Idempotency, Letter, Mail, MailError, Mailer, Outbox, Purge, Sessions};

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
    Routine(Routine),
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
            MailError::Refused(_) => Self::Hopeless(error.to_string()),
            MailError::Unavailable(_) => Self::Later(error.to_string()),
        }
    }
}

impl From<UseCaseError> for TaskError {
    fn from(error: UseCaseError) -> Self {
        Self::Later(error.to_string())
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
    /// The sessions, of which old ones are deleted.
    pub sessions: Arc<Sessions>,
    /// The requests that may be sent again, of which old ones are deleted.
    pub requests: Arc<Idempotency>,
    /// What removes deleted users for good.
    pub purge: Arc<Purge>,
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
            Task::Routine(RoutineTask { kind }) => self.routine(kind).await.map(|()| Ran::Routine(kind)),
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

    /// The e-mail that a task sends; `None` if there is nothing to say any more.
    async fn mail(&self, id: JobId, task: Task) -> Result<Option<Mail>> {
        let mail = |user: Option<User>, letter| user.map(|user| Mail { id, to: user.email, name: user.name, letter });
        Ok(match task {
            Task::MailVerifyEmail { token_id } | Task::MailResetPassword { token_id } => {
                self.proof(id, token_id).await?
            }
            Task::MailAddressTaken { user_id } => mail(self.user(user_id).await?, Letter::AddressTaken),
            Task::MailUsernameTaken { email, username } => {
                Some(Mail { id, to: email, name: None, letter: Letter::UsernameTaken { username } })
            }
            Task::MailPasswordChanged { user_id, at } => {
                mail(self.user(user_id).await?, Letter::PasswordChanged { at })
            }
            Task::MailSessionEnded { user_id, at, ip } => {
                mail(self.user(user_id).await?, Letter::SessionEnded { at, ip: ip.map(|ip| ip.to_string()) })
            }
            Task::MailEmailChanged { user_id, email, at, token_id } => {
                let token = match token_id {
                    Some(token_id) => self.token(token_id).await?,
                    None => None,
                };
                let undo = token.map(|token| self.link(&token));
                let valid_for = MailPurpose::UndoEmailChange.lifetime();
                let user = self.user(user_id).await?.map(|user| User { email, ..user });
                mail(user, Letter::EmailChanged { at, undo, valid_for })
            }
            Task::MailMessage { email, subject, text } => {
                Some(Mail { id, to: email, name: None, letter: Letter::Message { subject, text } })
            }
            Task::BeginPasswordReset { .. } | Task::FinishRegistration { .. } | Task::Routine(_) => None,
        })
    }

    /// The e-mail with the link of a token; `None` if that is not good any more.
    async fn proof(&self, id: JobId, token_id: MailTokenId) -> Result<Option<Mail>> {
        let Some(token) = self.token(token_id).await? else { return Ok(None) };
        let name = self.user(token.user_id).await?.and_then(|user| user.name);
        let (link, valid_for) = (self.link(&token), token.purpose.lifetime());
        let letter = match token.purpose {
            MailPurpose::VerifyEmail => Letter::VerifyEmail { link, valid_for },
            MailPurpose::ResetPassword => Letter::ResetPassword { link, valid_for },
            MailPurpose::UndoEmailChange => return Ok(None),
        };
        Ok(Some(Mail { id, to: token.email, name, letter }))
    }

    /// Where a token is used. It is behind the `#`, which browsers send to no server.
    fn link(&self, token: &MailToken) -> String {
        let page = match token.purpose {
            MailPurpose::VerifyEmail => "verify-email",
            MailPurpose::ResetPassword => "reset-password",
            MailPurpose::UndoEmailChange => "undo-email-change",
        };
        format!("{}/auth/{page}#token={}", self.parts.api_url, self.parts.outbox.token(token.purpose, token.id))
    }

    async fn token(&self, id: MailTokenId) -> Result<Option<MailToken>> {
        let now = self.parts.clock.now();
        let found = self.parts.store.read().await?.mail_tokens().find(id).await?;
        Ok(found.filter(|token| now < token.expires_at))
    }

    async fn user(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.parts.store.read().await?.users().find(id).await?)
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
        let make = async |tx: &mut UnitOfWork| {
            tx.users().insert(&user, pending.password_hash.as_secret()).await?;
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
        let tell = async |tx: &mut UnitOfWork| {
            let owner = tx.users().find_credentials(&Login::Email(pending.email.clone())).await?;
            let task = match (owner, taken, &pending.username) {
                (Some(owner), ..) => Some(Task::MailAddressTaken { user_id: owner.user.id }),
                (None, UniqueKey::Username, Some(username)) => {
                    Some(Task::MailUsernameTaken { email: pending.email.clone(), username: username.clone() })
                }
                // The other account has gone meanwhile.
                (None, ..) => None,
            };
            match task {
                Some(task) => outbox.push(tx, &task, now).await?,
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
                    store.write().await?.mail_tokens().delete_expired(now, BATCH).await?
                }
                Routine::DeleteOldJobs => {
                    store.write().await?.jobs().delete_old(now - DONE_KEPT, now - DEAD_KEPT, BATCH).await?
                }
                Routine::PurgeUsers => purge.run().await?,
            };
            deleted += some;
            if some == 0 {
                tracing::debug!(routine = Task::from(routine).kind(), deleted, "cleaned up");
                return Ok(());
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
