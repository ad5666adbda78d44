//! Background jobs. A job is stored in the transaction that causes it and executed by any process. If a process dies at
//! the wrong moment, the job is executed twice, so it must tolerate that.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Email, ItemId, JobId, MailText, MailTokenId, PendingUser, Subject, Timestamp, UserId, Username};

/// The work of a job. Rows of older versions must stay readable: members may be added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Task {
    /// Sends the link that verifies an e-mail address.
    MailVerifyEmail {
        /// The token, which also determines the address.
        token_id: MailTokenId,
    },
    /// Sends the link that resets a password.
    MailResetPassword {
        /// The token, which also determines the account.
        token_id: MailTokenId,
    },
    /// Informs the owner of an account that a sign-up used its address.
    MailAddressTaken {
        /// The account.
        user_id: UserId,
    },
    /// Informs the person who signed up that the address is reserved for the account that had it before.
    MailAddressReserved {
        /// The address of the sign-up.
        email: Email,
    },
    /// Informs the person who signed up that another account has the user name.
    MailUsernameTaken {
        /// The address of the sign-up.
        email: Email,
        /// The name that is taken.
        username: Username,
    },
    /// Informs the owner of an account that its password was changed.
    MailPasswordChanged {
        /// The account.
        user_id: UserId,
        /// The time of the change.
        at: Timestamp,
    },
    /// Informs the previous address of an account that the account has another one.
    MailEmailChanged {
        /// The account.
        user_id: UserId,
        /// The previous address.
        email: Email,
        /// The time of the change.
        at: Timestamp,
        /// The token that undoes the change, if the previous address was verified.
        token_id: Option<MailTokenId>,
    },
    /// Informs the owner of a session that it was ended because a refresh token was used twice.
    MailSessionEnded {
        /// The owner.
        user_id: UserId,
        /// The time at which the session ended.
        at: Timestamp,
        /// The network address of the second use.
        ip: Option<IpAddr>,
    },
    /// Sends an e-mail that a user wrote.
    MailMessage {
        /// The recipient.
        email: Email,
        /// The subject.
        subject: Subject,
        /// The text.
        text: MailText,
    },
    /// Sends a link to set a new password, if there is an account with this address.
    BeginPasswordReset {
        /// The address, as entered by the client.
        email: Email,
    },
    /// Creates an account, or explains by e-mail why it could not. Sign-ups get the same response in both cases.
    FinishRegistration {
        /// The account to create.
        user: PendingUser,
    },
    /// Rebuilds the search keys of users, a few at a time. Runs once after the rules of the search have changed.
    RenewUserSearchKeys {
        /// The last user whose key has been rebuilt.
        after: Option<UserId>,
    },
    /// Rebuilds the search keys of items, as [`RenewUserSearchKeys`](Self::RenewUserSearchKeys) does for users.
    RenewItemSearchKeys {
        /// The last item whose key has been rebuilt.
        after: Option<ItemId>,
    },
    /// A recurring job.
    #[serde(untagged)]
    Routine(RoutineTask),
}

/// A routine in its stored form: `{"kind": "purge_users"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutineTask {
    /// The routine.
    pub kind: Routine,
}

/// A recurring task, executed once per interval regardless of the number of processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Routine {
    /// Deletes expired sessions and their tokens.
    DeleteExpiredSessions,
    /// Deletes stored responses to requests that are too old to be retried.
    DeleteOldRequests,
    /// Deletes expired e-mail tokens.
    DeleteExpiredMailTokens,
    /// Deletes jobs that were completed, or became dead, long ago.
    DeleteOldJobs,
    /// Permanently removes users who were deleted long ago.
    PurgeUsers,
}

impl Routine {
    /// All routines.
    pub const ALL: [Self; 5] = [
        Self::DeleteExpiredSessions,
        Self::DeleteOldRequests,
        Self::DeleteExpiredMailTokens,
        Self::DeleteOldJobs,
        Self::PurgeUsers,
    ];

    /// The time between the end of an execution and the next one.
    pub const INTERVAL: Duration = Duration::from_hours(1);
}

impl From<Routine> for Task {
    fn from(kind: Routine) -> Self {
        Self::Routine(RoutineTask { kind })
    }
}

impl Task {
    /// Returns the name of the kind, which is stored and shown in responses.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::MailVerifyEmail { .. } => "mail_verify_email",
            Self::MailResetPassword { .. } => "mail_reset_password",
            Self::MailAddressTaken { .. } => "mail_address_taken",
            Self::MailAddressReserved { .. } => "mail_address_reserved",
            Self::MailUsernameTaken { .. } => "mail_username_taken",
            Self::MailPasswordChanged { .. } => "mail_password_changed",
            Self::MailEmailChanged { .. } => "mail_email_changed",
            Self::MailSessionEnded { .. } => "mail_session_ended",
            Self::MailMessage { .. } => "mail_message",
            Self::BeginPasswordReset { .. } => "begin_password_reset",
            Self::FinishRegistration { .. } => "finish_registration",
            Self::RenewUserSearchKeys { .. } => "renew_user_search_keys",
            Self::RenewItemSearchKeys { .. } => "renew_item_search_keys",
            Self::Routine(RoutineTask { kind }) => match kind {
                Routine::DeleteExpiredSessions => "delete_expired_sessions",
                Routine::DeleteOldRequests => "delete_old_requests",
                Routine::DeleteExpiredMailTokens => "delete_expired_mail_tokens",
                Routine::DeleteOldJobs => "delete_old_jobs",
                Routine::PurgeUsers => "purge_users",
            },
        }
    }
}

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// The job is not due yet, or no worker has leased it.
    Waiting,
    /// A worker has leased the job. If the worker dies, another one takes over when the lease expires.
    Running,
    /// The job is done.
    Done,
    /// The job failed too often, or cannot succeed. It requires attention of an operator.
    Dead,
}

impl JobState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Running, Self::Done, Self::Dead];

    /// Returns the name that is stored and shown in responses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }

    /// Returns the state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A job as shown to operators. The payload is not part of it, because it may contain addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The public id.
    pub id: JobId,
    /// The name of the task's kind. This version may not know it.
    pub kind: String,
    /// The state.
    pub state: JobState,
    /// The number of attempts, including the current one.
    pub attempts: u32,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the next attempt, or the end of the lease; `None` once the job has ended. In the database's time.
    pub due_at: Option<Timestamp>,
    /// The time at which the job was completed or became dead.
    pub finished_at: Option<Timestamp>,
    /// The error of the last attempt, in one line.
    pub last_error: Option<String>,
}

/// A filter for jobs.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// Only jobs in this state.
    pub state: Option<JobState>,
}

/// A job that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueJob {
    /// The public id.
    pub id: JobId,
    /// The number of attempts so far.
    pub attempts: u32,
    /// The time at which the job became due. A worker leases a job by changing this value; a lease is nothing else.
    pub due_at: Timestamp,
    /// Whether this is the row of a [`Routine`]. Known even if the payload cannot be read.
    pub is_routine: bool,
}

/// The jobs that are due, and the time until the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueJobs {
    /// The jobs that are due, the longest waiting first.
    pub ready: Vec<DueJob>,
    /// The time until the next job is due, if no further jobs are ready.
    pub next: Option<Duration>,
    /// The current time of the database.
    pub now: Timestamp,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// The job is done. Its payload is deleted.
    Done,
    /// The job is to be tried again.
    Again {
        /// The delay from now, in the database's time.
        after: Duration,
        /// The number of attempts to store.
        attempts: u32,
        /// The error, if any.
        error: Option<String>,
    },
    /// The job is dead and not retried.
    Dead {
        /// The error.
        error: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> Vec<Task> {
        let (token_id, user_id, at) = (MailTokenId::generate(), UserId::generate(), Timestamp::UNIX_EPOCH);
        let email = Email::parse("Ada@Example.com").unwrap();
        let mut tasks = vec![
            Task::MailVerifyEmail { token_id },
            Task::MailResetPassword { token_id },
            Task::MailAddressTaken { user_id },
            Task::MailAddressReserved { email: email.clone() },
            Task::MailUsernameTaken { email: email.clone(), username: Username::parse("ada").unwrap() },
            Task::MailPasswordChanged { user_id, at },
            Task::MailEmailChanged { user_id, email: email.clone(), at, token_id: Some(token_id) },
            Task::MailSessionEnded { user_id, at, ip: Some([192, 0, 2, 1].into()) },
            Task::MailMessage {
                email: email.clone(),
                subject: Subject::parse("x").unwrap(),
                text: MailText::parse("y").unwrap(),
            },
            Task::BeginPasswordReset { email: email.clone() },
            Task::FinishRegistration { user: PendingUser::example(email) },
            Task::RenewUserSearchKeys { after: Some(user_id) },
            Task::RenewItemSearchKeys { after: None },
        ];
        tasks.extend(Routine::ALL.map(Task::from));
        tasks
    }

    #[test]
    fn a_task_survives_serialization_and_reports_its_kind() {
        for task in examples() {
            let json = serde_json::to_value(&task).unwrap();
            assert_eq!(json["kind"], task.kind());
            assert_eq!(serde_json::from_value::<Task>(json).unwrap(), task);
        }
    }

    #[test]
    fn a_task_written_by_a_migration_is_readable() {
        for (json, task) in [
            (r#"{"kind":"renew_user_search_keys"}"#, Task::RenewUserSearchKeys { after: None }),
            (r#"{"kind":"renew_item_search_keys"}"#, Task::RenewItemSearchKeys { after: None }),
        ] {
            assert_eq!(serde_json::from_str::<Task>(json).unwrap(), task);
        }
    }

    #[test]
    fn an_invalid_task_is_rejected() {
        for json in [
            r#"{"kind": "nonsense"}"#,
            r#"{"kind": "mail_address_taken"}"#,
            r#"{"kind": "mail_message", "email": "a@example.com", "subject": "x\r\ny: z", "text": "t"}"#,
            "[]",
            "",
        ] {
            assert!(serde_json::from_str::<Task>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_state_is_found_by_its_name() {
        for state in JobState::ALL {
            assert_eq!(JobState::from_name(state.name()), Some(state));
        }
    }
}
