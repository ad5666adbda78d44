//! Changes of an e-mail address that can still be undone. Until then the old address stays reserved for its account.

use crate::{Email, MailTokenId, Timestamp, UserId};

/// A change of an e-mail address that its owner can undo until it expires.
///
/// It outlives the account, so the old address stays reserved even after the account is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailChange {
    /// The id of the token that undoes the change. It is useless without the secret from which tokens are derived.
    pub id: MailTokenId,
    /// The account whose address was changed.
    pub user_id: UserId,
    /// The address before the change. The token is sent to it, and it is reserved.
    pub old_email: Email,
    /// The SHA-256 of the token.
    pub digest: [u8; 32],
    /// The expiry of both the token and the reservation.
    pub expires_at: Timestamp,
}
