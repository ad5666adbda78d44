//! What is left of deleted accounts is removed for good when their time is over. Until then an operator could still bring one
//! back. What the audit log tells of them stays.

use std::{sync::Arc, time::Duration};

use keepstone_domain::{Clock, Timestamp};
use keepstone_repository::Store;

use crate::Result;

/// How many rows are removed at once.
const BATCH: u32 = 500;

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
    /// Whoever is interrupted can begin again, and several may be at it at once.
    ///
    /// # Errors
    /// Storage's only; what was removed before stays so.
    pub async fn run(&self) -> Result<usize> {
        let Some(deleted_before) = self.after.and_then(|after| before(self.clock.now(), after)) else { return Ok(0) };
        let (mut users, mut steps) = (0, 0_usize);
        loop {
            let step = self.store.transaction(async |tx| tx.users().purge(deleted_before, BATCH).await).await?;
            if step.is_done {
                break;
            }
            users += step.users;
            steps += 1;
        }
        if steps > 0 {
            self.forget_searches().await?;
        }
        Ok(users)
    }

    async fn forget_searches(&self) -> Result<()> {
        let mut first = true;
        while self.store.transaction(async |tx| tx.users().forget_searches(first).await).await? {
            first = false;
        }
        Ok(())
    }
}

fn before(now: Timestamp, duration: Duration) -> Option<Timestamp> {
    let micros = i64::try_from(duration.as_micros()).ok()?;
    Timestamp::from_micros(now.as_micros().checked_sub(micros)?)
}
