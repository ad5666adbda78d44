//! Tokens that are sent by e-mail: whoever has one has the mailbox. Kept as digests; the tokens themselves nowhere.

use std::time::Duration;

use crate::{Email, MailTokenId, Timestamp, UserId};

/// A token that was sent to an address. For each user and purpose there is one at most: the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailToken {
    /// The public id. With a secret it makes the token; by itself it is good for nothing.
    pub id: MailTokenId,
    /// What it is good for.
    pub purpose: MailPurpose,
    /// Whose account it is about.
    pub user_id: UserId,
    /// Where it is sent to.
    pub email: Email,
    /// The SHA-256 of the token.
    pub digest: [u8; 32],
    /// When it stops being good.
    pub expires_at: Timestamp,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailPurpose {
    /// Shows that the address is one's own.
    VerifyEmail,
    /// Sets a new password.
    ResetPassword,
    /// Gives an account back the address that it had.
    UndoEmailChange,
}

impl MailPurpose {
    /// Every purpose there is.
    pub const ALL: [Self; 3] = [Self::VerifyEmail, Self::ResetPassword, Self::UndoEmailChange];

    /// The name under which it is kept.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::UndoEmailChange => "undo_email_change",
        }
    }

    /// The purpose with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }

    /// How long such a token is good.
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
    fn a_purpose_is_kept_under_its_name() {
        for purpose in MailPurpose::ALL {
            assert_eq!(MailPurpose::from_name(purpose.name()), Some(purpose));
        }
    }
}
