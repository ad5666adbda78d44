//! The ids that the outside world sees: one newtype for each kind, so that none can stand for another.

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
            /// A new id: a UUIDv7 (RFC 9562), larger than every id that this process made before.
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
    /// Names an event of the audit log.
    AuditEventId;
    /// Names a job, and the e-mail that it sends.
    JobId;
    /// Names a token that was sent by e-mail.
    MailTokenId;
    /// Names an item.
    ItemId;
    /// Names a user.
    UserId;
    /// Names a session: one login, from its first token to its last.
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
    fn an_id_reads_what_it_writes() {
        let id = SessionId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}
