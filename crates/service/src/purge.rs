//! Purging deleted accounts permanently after a retention time. Until then an operator can restore them. Their audit
//! events stay.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use keepstone_domain::{Clock, Timestamp, UserId};
use keepstone_repository::{Purged, Store, UnitOfWork};

use crate::Result;

/// The number of rows that one transaction removes. SQLite takes a third of a second for this many of the largest
/// items, and blocks all other writers meanwhile.
const BATCH: u32 = 50;
/// The number of users of one lookup: without an index, MariaDB takes a second for every million users.
const USERS: u32 = 500;
/// The longest pause between two steps. In this time SQLite's writers of other processes retry.
const PAUSE: Duration = Duration::from_millis(100);

/// Purges deleted accounts.
pub struct Purge {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    after: Option<Duration>,
}

impl Purge {
    /// Creates the purge of accounts that were deleted this long ago; `None` disables it.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, after: Option<Duration>) -> Self {
        Self { store, clock, after }
    }

    /// Removes the accounts whose retention time is over with all their data, in small transactions, and returns their
    /// number. An interrupted run can be repeated, and several may run concurrently. A run that has removed any account
    /// also removes their remains from the search indexes, after all rows are removed.
    ///
    /// # Errors
    /// Only storage errors. Accounts removed before an error stay removed.
    pub async fn run(&self) -> Result<usize> {
        let Some(after) = self.after else { return Ok(0) };
        let deleted_before = self.clock.now() - after;
        let mut users = 0;
        let mut has_begun = false;
        loop {
            // Not a replica, which may still return users that were just removed.
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

    /// Returns whether this run removed the account, and not another one.
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

/// Pauses for the duration of the last step, so that other writers can proceed.
pub(crate) async fn let_others_in(begun: Instant) {
    tokio::time::sleep(begun.elapsed().min(PAUSE)).await;
}
