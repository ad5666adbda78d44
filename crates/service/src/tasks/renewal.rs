//! Renewing the search keys of rows. Each job renews a part and leaves the rest to the next job, so a process that dies
//! loses little work.

use std::time::{Duration, Instant};

use keepstone_domain::{ItemId, JobId, Task, UserId};
use keepstone_repository::UnitOfWork;

use super::{Claimed, Ran, Result, Tasks, settle};
use crate::purge::let_others_in;

/// The number of rows that one transaction renews: even a slow server writes them well within the shortest lease.
const BATCH: u32 = 100;
/// The duration of one job: less than any lease.
const TURN: Duration = Duration::from_secs(1);

impl Tasks {
    pub(super) async fn renew_user_search_keys(&self, job: &Claimed, mut after: Option<UserId>) -> Result<Ran> {
        let begun = Instant::now();
        loop {
            let step = Instant::now();
            let renew = async |tx: &mut UnitOfWork| tx.users().renew_search_keys(after, BATCH).await;
            after = self.parts.store.transaction(renew).await?;
            match after {
                Some(after) if begun.elapsed() > TURN => {
                    return self.go_on(job, Some(Task::RenewUserSearchKeys { after: Some(after) })).await;
                }
                Some(_) => let_others_in(step).await,
                None => return self.go_on(job, None).await,
            }
        }
    }

    pub(super) async fn renew_item_search_keys(&self, job: &Claimed, mut after: Option<ItemId>) -> Result<Ran> {
        let begun = Instant::now();
        loop {
            let step = Instant::now();
            let renew = async |tx: &mut UnitOfWork| tx.items().renew_search_keys(after, BATCH).await;
            after = self.parts.store.transaction(renew).await?;
            match after {
                Some(after) if begun.elapsed() > TURN => {
                    return self.go_on(job, Some(Task::RenewItemSearchKeys { after: Some(after) })).await;
                }
                Some(_) => let_others_in(step).await,
                None => return self.go_on(job, None).await,
            }
        }
    }

    /// Completes a job and, in the same transaction, queues the next one.
    async fn go_on(&self, job: &Claimed, next: Option<Task>) -> Result<Ran> {
        let (now, job) = (self.parts.clock.now(), *job);
        let end = async |tx: &mut UnitOfWork| {
            if let Some(next) = &next {
                tx.jobs().insert(JobId::generate(), next, now).await?;
            }
            settle(tx, &job, now).await
        };
        self.parts.store.transaction(end).await
    }
}
