//! Public ids: a separate newtype for each kind of entity, so the compiler rejects mix-ups.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Generates a UUIDv7 (RFC 9562), larger than every id that this process generated before.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// The id of an audit event.
    AuditEventId;
    /// The id of a job, and of the e-mail that it sends.
    JobId;
    /// The id of a token that is sent by e-mail.
    MailTokenId;
    /// The id of an item.
    ItemId;
    /// The id of a user.
    UserId;
    /// The id of a session: one login, from its first token to its last.
    SessionId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_and_grow() {
        let ids: Vec<_> = (0..1000).map(|_| UserId::generate()).collect();
        assert!(ids.iter().all(|id| id.0.get_version_num() == 7));
        assert!(ids.is_sorted());
    }

    #[test]
    fn a_printed_id_parses_to_itself() {
        let id = SessionId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}
