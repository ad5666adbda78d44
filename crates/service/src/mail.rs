//! What is said by e-mail, and who carries it. How a letter reads is for the adapters' templates.
//!
//! No part of a header is a stranger's text: recipients are parsed addresses, subjects are [`Subject`]s.

use std::time::Duration;

use async_trait::async_trait;
use keepstone_domain::{DisplayName, Email, JobId, MailText, Subject, Timestamp, Username};
use thiserror::Error;

/// One e-mail to one person.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The same at every attempt to deliver it, so that a second copy can be recognised.
    pub id: JobId,
    /// Where it goes.
    pub to: Email,
    /// How the person is addressed.
    pub name: Option<DisplayName>,
    /// What it says.
    pub letter: Letter,
}

/// Everything that is ever said by e-mail.
#[derive(Debug, Clone)]
pub enum Letter {
    /// Asks the owner of an address to show that it is theirs.
    VerifyEmail {
        /// Where to click; it contains a secret.
        link: String,
        /// How long that works.
        valid_for: Duration,
    },
    /// Gives whoever has forgotten their password a way to set another.
    ResetPassword {
        /// Where to click; it contains a secret.
        link: String,
        /// How long that works.
        valid_for: Duration,
    },
    /// Tells the owner of an account that somebody tried to sign up with its address.
    AddressTaken,
    /// Tells who signed up that there is no account, because the address is reserved for the account that had it before.
    AddressReserved,
    /// Tells who signed up that there is no account, because another one has the user name.
    UsernameTaken {
        /// The name that was asked for.
        username: Username,
    },
    /// Tells that the password was changed.
    PasswordChanged {
        /// When.
        at: Timestamp,
    },
    /// Tells the address that an account had before that it has another one now.
    EmailChanged {
        /// When.
        at: Timestamp,
        /// Where to take it back, if it can be from here; it contains a secret.
        undo: Option<String>,
        /// How long that works.
        valid_for: Duration,
    },
    /// Tells that a session was ended because somebody used a refresh token a second time.
    SessionEnded {
        /// When.
        at: Timestamp,
        /// The address that the second use came from.
        ip: Option<String>,
    },
    /// What somebody with `email:send` writes.
    Message {
        /// What it is about.
        subject: Subject,
        /// What it says, in plain text.
        text: MailText,
    },
}

/// Carries e-mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands an e-mail over to who delivers it. Once this gives `Ok`, losing it is somebody else's fault; after an
    /// error it may have been handed over all the same.
    ///
    /// # Errors
    /// See [`MailError`].
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;

    /// Finds out whether e-mails could be handed over now, without sending one.
    ///
    /// # Errors
    /// See [`MailError`].
    async fn check(&self) -> Result<(), MailError>;
}

/// Why an e-mail was not handed over. The texts are for the operator, and have neither a password nor the e-mail's
/// body.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MailError {
    /// It will never be taken, however often it is tried: a permanent reply of the server (5yz, RFC 5321 section
    /// 4.2.1).
    #[error("{0}")]
    Refused(String),
    /// It may be taken later: a transient reply (4yz), no answer, a broken connection, a full disk.
    #[error("{0}")]
    Unavailable(String),
}
