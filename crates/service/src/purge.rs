//! What is left of deleted accounts is removed for good when their time is over. Until then an operator could still
//! bring one back. What the audit log tells of them stays.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use keepstone_domain::{Clock, Timestamp, UserId};
use keepstone_repository::{Purged, Store, UnitOfWork};

use crate::Result;

/// How many rows are removed at once. SQLite takes a third of a second for as many of the largest items, and nobody
/// else can write meanwhile.
const BATCH: u32 = 50;
/// How many users are looked up at once: without an index, on MariaDB, that takes a second of every million users.
const USERS: u32 = 500;
/// How long others are let in at most, between two steps: in this time SQLite's writers of other processes look again.
const PAUSE: Duration = Duration::from_millis(100);

/// Removes deleted accounts.
pub struct Purge {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    after: Option<Duration>,
}

impl Purge {
    /// So long after they were deleted; `None` is never.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, after: Option<Duration>) -> Self {
        Self { store, clock, after }
    }

    /// Removes those whose time is over, with all that was theirs, in small transactions, and gives how many they were.
    /// Whoever is interrupted can begin again, and several may be at it at once. What indexes still hold of them goes
    /// when all rows have, in the run that has removed any.
    ///
    /// # Errors
    /// Storage's only; what was removed before stays so.
    pub async fn run(&self) -> Result<usize> {
        let Some(after) = self.after else { return Ok(0) };
        let deleted_before = self.clock.now() - after;
        let mut users = 0;
        let mut has_begun = false;
        loop {
            // Not a replica, which would go on telling of those who were just removed.
            let some = self.store.write().await?.users().list_deleted(deleted_before, USERS).await?;
            if some.is_empty() {
                break;
            }
            for id in some {
                users += usize::from(self.remove(id, deleted_before).await?);
            }
            has_begun = true;
        }
        if has_begun {
            self.forget_searches().await?;
        }
        Ok(users)
    }

    /// Whether it was done here, and not by somebody else.
    async fn remove(&self, id: UserId, deleted_before: Timestamp) -> Result<bool> {
        loop {
            let begun = Instant::now();
            let remove = async |tx: &mut UnitOfWork| tx.users().purge(id, deleted_before, BATCH).await;
            let removed = self.store.transaction(remove).await?;
            let_others_in(begun).await;
            if removed != Purged::Partly {
                return Ok(removed == Purged::Wholly);
            }
        }
    }

    async fn forget_searches(&self) -> Result<()> {
        let mut first = true;
        loop {
            let begun = Instant::now();
            if !self.store.transaction(async |tx| tx.users().forget_searches(first).await).await? {
                return Ok(());
            }
            first = false;
            let_others_in(begun).await;
        }
    }
}

/// Rests as long as the last step took.
pub(crate) async fn let_others_in(begun: Instant) {
    tokio::time::sleep(begun.elapsed().min(PAUSE)).await;
}
