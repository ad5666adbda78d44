//! The contents of e-mails, and the port that delivers them. The adapters' templates contain the texts.
//!
//! No header contains unchecked text: recipients are parsed addresses, and subjects are [`Subject`]s.

use std::time::Duration;

use async_trait::async_trait;
use keepstone_domain::{DisplayName, Email, JobId, MailText, Subject, Timestamp, Username};
use thiserror::Error;

/// An e-mail to one person.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The ID, the same at every delivery attempt, so that a duplicate can be recognized.
    pub id: JobId,
    /// The recipient.
    pub to: Email,
    /// The name in the greeting.
    pub name: Option<DisplayName>,
    /// The content.
    pub letter: Letter,
}

/// Every kind of e-mail.
#[derive(Debug, Clone)]
pub enum Letter {
    /// Asks the owner of an address to confirm it.
    VerifyEmail {
        /// The link, which contains a secret.
        link: String,
        /// How long the link is valid.
        valid_for: Duration,
    },
    /// Lets the owner of an account set a new password.
    ResetPassword {
        /// The link, which contains a secret.
        link: String,
        /// How long the link is valid.
        valid_for: Duration,
    },
    /// Reports a sign-up attempt with the address of an existing account to its owner.
    AddressTaken,
    /// Reports that a sign-up failed because the address is reserved for the account that had it before.
    AddressReserved,
    /// Reports that a sign-up failed because another account has the user name.
    UsernameTaken {
        /// The requested name.
        username: Username,
    },
    /// Reports a change of the password.
    PasswordChanged {
        /// The time of the event.
        at: Timestamp,
    },
    /// Reports to the previous address of an account that the address was changed.
    EmailChanged {
        /// The time of the event.
        at: Timestamp,
        /// The link that undoes the change, if the previous address may undo it; it contains a secret.
        undo: Option<String>,
        /// How long the link is valid.
        valid_for: Duration,
    },
    /// Reports that a session was revoked because its refresh token was used twice.
    SessionEnded {
        /// The time of the event.
        at: Timestamp,
        /// The IP address of the second use.
        ip: Option<String>,
    },
    /// A text written by a user with `email:send`.
    Message {
        /// The subject.
        subject: Subject,
        /// The plain text.
        text: MailText,
    },
}

/// Delivers e-mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands an e-mail over for delivery. After `Ok`, the receiving system is responsible for it. After an error the
    /// e-mail may still have been delivered.
    ///
    /// # Errors
    /// See [`MailError`].
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;

    /// Checks whether e-mails could be delivered now, without sending one.
    ///
    /// # Errors
    /// See [`MailError`].
    async fn check(&self) -> Result<(), MailError>;
}

/// Why an e-mail was not delivered. The texts are for the operator; they contain neither passwords nor the body of the
/// e-mail.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MailError {
    /// A permanent failure: the server rejected the e-mail with a 5yz reply (RFC 5321 section 4.2.1), and a retry
    /// cannot succeed.
    #[error("{0}")]
    Refused(String),
    /// A transient failure, such as a 4yz reply, no reply, a broken connection or a full disk. A retry may succeed.
    #[error("{0}")]
    Unavailable(String),
}
