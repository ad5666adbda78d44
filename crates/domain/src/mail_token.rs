//! Tokens that are sent by e-mail: a token proves access to the mailbox. Only digests are stored, never the tokens.

use std::time::Duration;

use crate::{Email, MailTokenId, Timestamp, UserId};

/// A token that was sent to an address. Each user has at most one token for each purpose: the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailToken {
    /// The public id. The token is derived from it and a secret; the id alone is useless.
    pub id: MailTokenId,
    /// The purpose.
    pub purpose: MailPurpose,
    /// The account.
    pub user_id: UserId,
    /// The address to which the token is sent.
    pub email: Email,
    /// The SHA-256 of the token.
    pub digest: [u8; 32],
    /// The time at which the token expires.
    pub expires_at: Timestamp,
}

/// The purpose of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailPurpose {
    /// Verifies an e-mail address.
    VerifyEmail,
    /// Sets a new password.
    ResetPassword,
    /// Restores the previous address of an account.
    UndoEmailChange,
}

impl MailPurpose {
    /// All purposes.
    pub const ALL: [Self; 3] = [Self::VerifyEmail, Self::ResetPassword, Self::UndoEmailChange];

    /// Returns the name that is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::UndoEmailChange => "undo_email_change",
        }
    }

    /// Returns the purpose with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }

    /// Returns the lifetime of tokens with this purpose.
    #[must_use]
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::VerifyEmail => Duration::from_hours(24),
            Self::ResetPassword => Duration::from_hours(1),
            Self::UndoEmailChange => Duration::from_hours(7 * 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_is_found_by_its_name() {
        for purpose in MailPurpose::ALL {
            assert_eq!(MailPurpose::from_name(purpose.name()), Some(purpose));
        }
    }
}
