//! Changes of an e-mail address that can still be undone. Until then the old address stays reserved for its account.

use crate::{Email, MailTokenId, Timestamp, UserId};

/// A change of an e-mail address that its owner can undo until it expires. It outlives the account, so that nobody else
/// takes the old address before that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailChange {
    /// The id of the token that undoes the change. Without the secret of the tokens it is worthless.
    pub id: MailTokenId,
    /// The account whose address was changed.
    pub user_id: UserId,
    /// The address before the change: where the token is sent, and what is reserved.
    pub old_email: Email,
    /// The SHA-256 of the token.
    pub digest: [u8; 32],
    /// The end of both the token and the reservation.
    pub expires_at: Timestamp,
}
