//! Work that is done later and never lost: written down in the transaction that causes it, done by whichever process
//! comes first. It may be done twice, if a process dies at the wrong moment, and so must bear it.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Email, ItemId, JobId, MailText, MailTokenId, PendingUser, Subject, Timestamp, UserId, Username};

/// Everything that is done later. What an old version wrote must stay readable: members are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Task {
    /// Sends the link of a token that shows whose an address is.
    MailVerifyEmail {
        /// The token, which also says whose address it is.
        token_id: MailTokenId,
    },
    /// Sends the link of a token that sets a new password.
    MailResetPassword {
        /// The token, which also says whose password it is.
        token_id: MailTokenId,
    },
    /// Tells the owner of an account that somebody tried to sign up with its address.
    MailAddressTaken {
        /// Whose account it is.
        user_id: UserId,
    },
    /// Tells who signed up that the address is reserved for the account that had it before.
    MailAddressReserved {
        /// Who signed up.
        email: Email,
    },
    /// Tells who signed up that another account has the user name.
    MailUsernameTaken {
        /// Who signed up.
        email: Email,
        /// The name that is taken.
        username: Username,
    },
    /// Tells that a password was changed.
    MailPasswordChanged {
        /// Whose.
        user_id: UserId,
        /// When.
        at: Timestamp,
    },
    /// Tells the address that an account had before that it has another.
    MailEmailChanged {
        /// Whose account it is.
        user_id: UserId,
        /// The address before.
        email: Email,
        /// When it was changed.
        at: Timestamp,
        /// The token that takes it back, if the address was verified.
        token_id: Option<MailTokenId>,
    },
    /// Tells that a session was ended because a refresh token came again.
    MailSessionEnded {
        /// Whose session it was.
        user_id: UserId,
        /// When it ended.
        at: Timestamp,
        /// Where the second use came from.
        ip: Option<IpAddr>,
    },
    /// Sends what somebody wrote.
    MailMessage {
        /// To whom.
        email: Email,
        /// What it is about.
        subject: Subject,
        /// What it says.
        text: MailText,
    },
    /// Sends a link to set a new password, if there is an account with this address.
    BeginPasswordReset {
        /// What somebody typed as their address.
        email: Email,
    },
    /// Makes an account, or tells its owner by e-mail why there is none: for sign-ups that are answered alike.
    FinishRegistration {
        /// What it takes to make it.
        user: PendingUser,
    },
    /// Renews what users are searched by, a few at once: once, after the rules of the search have changed.
    RenewUserSearchKeys {
        /// The last user that has been renewed.
        after: Option<UserId>,
    },
    /// Renews what items are searched by, as [`RenewUserSearchKeys`](Self::RenewUserSearchKeys) does for users.
    RenewItemSearchKeys {
        /// The last item that has been renewed.
        after: Option<ItemId>,
    },
    /// What is done again and again.
    #[serde(untagged)]
    Routine(RoutineTask),
}

/// A routine as it is kept: `{"kind": "purge_users"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutineTask {
    /// Which one.
    pub kind: Routine,
}

/// Work that is done once in each interval, however many processes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Routine {
    /// Deletes sessions whose time is over, and their tokens.
    DeleteExpiredSessions,
    /// Deletes the answers to requests that are too old to be sent again.
    DeleteOldRequests,
    /// Deletes tokens of e-mails whose time is over.
    DeleteExpiredMailTokens,
    /// Deletes jobs that were finished, or given up, long ago.
    DeleteOldJobs,
    /// Deletes for good who was deleted long ago.
    PurgeUsers,
}

impl Routine {
    /// Every routine there is.
    pub const ALL: [Self; 5] = [
        Self::DeleteExpiredSessions,
        Self::DeleteOldRequests,
        Self::DeleteExpiredMailTokens,
        Self::DeleteOldJobs,
        Self::PurgeUsers,
    ];

    /// How long after one was done it is done again.
    pub const INTERVAL: Duration = Duration::from_hours(1);
}

impl From<Routine> for Task {
    fn from(kind: Routine) -> Self {
        Self::Routine(RoutineTask { kind })
    }
}

impl Task {
    /// The name of its kind, under which it is kept and told.
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

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Its time has not come, or nobody has got round to it.
    Waiting,
    /// Somebody is at it, or has died over it: then another takes it over when its lease ends.
    Running,
    /// It is done.
    Done,
    /// It failed too often, or cannot be done at all. Somebody has to look.
    Dead,
}

impl JobState {
    /// Every state there is.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Running, Self::Done, Self::Dead];

    /// The name under which it is kept and told.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }

    /// The state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A job, as it is looked at. What it is about stays inside: there may be addresses in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The public id.
    pub id: JobId,
    /// The name of its task's kind; one that this version may not know.
    pub kind: String,
    /// How far it has come.
    pub state: JobState,
    /// How often it was tried, this time included.
    pub attempts: u32,
    /// When it was caused.
    pub created_at: Timestamp,
    /// When it is to be tried, or its lease ends; `None` once it is over. In the database's time.
    pub due_at: Option<Timestamp>,
    /// When it was done, or given up.
    pub finished_at: Option<Timestamp>,
    /// What went wrong the last time, in one line.
    pub last_error: Option<String>,
}

/// Which jobs are meant.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// Those that have come this far only.
    pub state: Option<JobState>,
}

/// A job whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueJob {
    /// Which one.
    pub id: JobId,
    /// How often it has been tried.
    pub attempts: u32,
    /// Since when it is due. Whoever moves this has the job: that is all a lease is.
    pub due_at: Timestamp,
    /// Whether it is the only row of a [`Routine`], whatever else can be read of it.
    pub is_routine: bool,
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueJobs {
    /// Those whose time has come, the one that has waited longest first.
    pub ready: Vec<DueJob>,
    /// How long it is until the next one's, if there are no more that are ready.
    pub next: Option<Duration>,
    /// What time it is in the database.
    pub now: Timestamp,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// It is done. What it was about is forgotten.
    Done,
    /// It is to be tried again.
    Again {
        /// How long from now, in the database's time.
        after: Duration,
        /// How many attempts count by then.
        attempts: u32,
        /// What went wrong, if anything did.
        error: Option<String>,
    },
    /// It is given up.
    Dead {
        /// What went wrong.
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
    fn a_task_reads_what_it_writes_and_says_its_kind() {
        for task in examples() {
            let json = serde_json::to_value(&task).unwrap();
            assert_eq!(json["kind"], task.kind());
            assert_eq!(serde_json::from_value::<Task>(json).unwrap(), task);
        }
    }

    #[test]
    fn a_task_that_a_migration_wrote_is_read() {
        for (json, task) in [
            (r#"{"kind":"renew_user_search_keys"}"#, Task::RenewUserSearchKeys { after: None }),
            (r#"{"kind":"renew_item_search_keys"}"#, Task::RenewItemSearchKeys { after: None }),
        ] {
            assert_eq!(serde_json::from_str::<Task>(json).unwrap(), task);
        }
    }

    #[test]
    fn what_is_no_task_is_refused() {
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
    fn a_state_is_kept_under_its_name() {
        for state in JobState::ALL {
            assert_eq!(JobState::from_name(state.name()), Some(state));
        }
    }
}
