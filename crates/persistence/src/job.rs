//! Database access to jobs. A job belongs to the worker that set its `due_at` last.

use std::time::Duration;

use async_trait::async_trait;
use diesel::{prelude::*, select};
use diesel_async::RunQueryDsl;
use keepstone_domain::{
    DueJob, DueJobs, Job, JobFilter, JobId, JobOutcome, JobState, Page, PageRequest, Position, Routine, Task, Timestamp,
};
use keepstone_repository::{JobRepository, Result, StorageError};

use crate::{
    connection::on,
    database_time::DatabaseTime,
    list::{self, part},
    repositories::DieselRepositories,
    schema::jobs,
    types::{Id, Time},
};

/// The maximum length of a stored error, in characters.
const ERROR_LENGTH: usize = 500;

/// A row without the payload.
#[derive(Queryable, Selectable)]
#[diesel(table_name = jobs)]
struct JobRow {
    public_id: Id,
    kind: String,
    state: String,
    attempts: i32,
    created_at: Time,
    due_at: Option<Time>,
    finished_at: Option<Time>,
    last_error: Option<String>,
}

impl TryFrom<JobRow> for Job {
    type Error = StorageError;

    fn try_from(row: JobRow) -> Result<Self> {
        let id: JobId = row.public_id.get();
        let unknown = || StorageError::Corrupt(format!("job {id} is in the unknown state {}", row.state));
        Ok(Self {
            id,
            state: JobState::from_name(&row.state).ok_or_else(unknown)?,
            kind: row.kind,
            attempts: count(row.attempts),
            created_at: row.created_at.0,
            due_at: row.due_at.map(|time| time.0),
            finished_at: row.finished_at.map(|time| time.0),
            last_error: row.last_error,
        })
    }
}

fn count(attempts: i32) -> u32 {
    u32::try_from(attempts).unwrap_or_default()
}

fn number(attempts: u32) -> i32 {
    i32::try_from(attempts).unwrap_or(i32::MAX)
}

/// Shortens an error to one line of limited length, because lists show it.
fn shortened(error: &str) -> String {
    error.chars().map(|character| if character.is_control() { ' ' } else { character }).take(ERROR_LENGTH).collect()
}

impl DieselRepositories {
    /// Inserts a job that is due immediately.
    async fn insert_job(&mut self, id: JobId, task: &Task, routine: Option<&str>, now: Timestamp) -> Result<()> {
        let payload = serde_json::to_string(task).map_err(|error| StorageError::Corrupt(error.to_string()))?;
        let row = (
            jobs::public_id.eq(Id::of(id)),
            jobs::kind.eq(task.kind()),
            jobs::routine.eq(routine),
            jobs::payload.eq(payload),
            jobs::state.eq(JobState::Waiting.name()),
            jobs::attempts.eq(0),
            jobs::created_at.eq(Time(now)),
            jobs::due_at.eq(DatabaseTime.nullable()),
        );
        on!(self, |conn| diesel::insert_into(jobs::table).values(row).execute(conn).await)?;
        self.note_job();
        Ok(())
    }

    async fn time(&mut self) -> Result<Timestamp> {
        on!(self, |conn| select(DatabaseTime).get_result::<Time>(conn).await).map(|time| time.0)
    }
}

#[async_trait]
impl JobRepository for DieselRepositories {
    async fn insert(&mut self, id: JobId, task: &Task, now: Timestamp) -> Result<()> {
        self.insert_job(id, task, None, now).await
    }

    async fn insert_routine(&mut self, routine: Routine, now: Timestamp) -> Result<()> {
        let task = Task::from(routine);
        let kept: Option<Id> = on!(self, |conn| {
            jobs::table.filter(jobs::routine.eq(task.kind())).select(jobs::public_id).first(conn).await.optional()
        })?;
        if kept.is_some() {
            return Ok(());
        }
        match self.insert_job(JobId::generate(), &task, Some(task.kind()), now).await {
            Err(StorageError::Duplicate { .. }) => Ok(()),
            other => other,
        }
    }

    async fn list_due(&mut self, limit: u32) -> Result<DueJobs> {
        let rows: Vec<(Id, i32, Option<Time>, bool, Time)> = on!(self, |conn| {
            jobs::table
                .filter(jobs::due_at.is_not_null())
                .order((jobs::due_at, jobs::id))
                .limit(limit.into())
                .select((jobs::public_id, jobs::attempts, jobs::due_at, jobs::routine.is_not_null(), DatabaseTime))
                .load(conn)
                .await
        })?;
        let mut due = DueJobs { ready: Vec::with_capacity(rows.len()), next: None, now: Timestamp::UNIX_EPOCH };
        for (id, attempts, due_at, is_routine, now) in rows {
            due.now = now.0;
            let Some(Time(due_at)) = due_at else { continue };
            if due_at <= due.now {
                due.ready.push(DueJob { id: id.get(), attempts: count(attempts), due_at, is_routine });
            } else if due.next.is_none() {
                due.next = Some(until(due.now, due_at));
            }
        }
        Ok(due)
    }

    async fn claim(&mut self, job: &DueJob, until: Timestamp) -> Result<bool> {
        let claimed = on!(self, |conn| {
            diesel::update(jobs::table)
                .filter(jobs::public_id.eq(Id::of(job.id)))
                .filter(jobs::due_at.eq(Time(job.due_at)))
                .set((
                    jobs::state.eq(JobState::Running.name()),
                    // Not incremented by the database: it would fail at the largest number, and with it the whole
                    // transaction.
                    jobs::attempts.eq(number(job.attempts.saturating_add(1))),
                    jobs::due_at.eq(Time(until)),
                ))
                .execute(conn)
                .await
        })?;
        Ok(claimed == 1)
    }

    async fn find_task(&mut self, id: JobId) -> Result<Option<String>> {
        let payload: Option<Option<String>> = on!(self, |conn| {
            jobs::table.filter(jobs::public_id.eq(Id::of(id))).select(jobs::payload).first(conn).await.optional()
        })?;
        Ok(payload.flatten())
    }

    async fn settle(&mut self, id: JobId, lease: Timestamp, outcome: &JobOutcome, now: Timestamp) -> Result<bool> {
        let due_at = match outcome {
            JobOutcome::Again { after, .. } => Some(Time(self.time().await? + *after)),
            JobOutcome::Done | JobOutcome::Dead { .. } => None,
        };
        let mine = jobs::table.filter(jobs::public_id.eq(Id::of(id))).filter(jobs::due_at.eq(Time(lease)));
        let settled = match outcome {
            JobOutcome::Done => {
                let over = (
                    jobs::state.eq(JobState::Done.name()),
                    jobs::due_at.eq(due_at),
                    jobs::finished_at.eq(Some(Time(now))),
                    jobs::last_error.eq(None::<String>),
                    jobs::payload.eq(None::<String>),
                );
                on!(self, |conn| diesel::update(mine).set(over).execute(conn).await)
            }
            JobOutcome::Again { attempts, error, .. } => {
                let again = (
                    jobs::state.eq(JobState::Waiting.name()),
                    jobs::due_at.eq(due_at),
                    jobs::attempts.eq(number(*attempts)),
                    jobs::last_error.eq(error.as_deref().map(shortened)),
                );
                on!(self, |conn| diesel::update(mine).set(again).execute(conn).await)
            }
            JobOutcome::Dead { error } => {
                let over = (
                    jobs::state.eq(JobState::Dead.name()),
                    jobs::due_at.eq(due_at),
                    jobs::finished_at.eq(Some(Time(now))),
                    jobs::last_error.eq(Some(shortened(error))),
                );
                on!(self, |conn| diesel::update(mine).set(over).execute(conn).await)
            }
        }?;
        Ok(settled == 1)
    }

    async fn retry(&mut self, id: JobId) -> Result<bool> {
        let retried = on!(self, |conn| {
            diesel::update(jobs::table)
                .filter(jobs::public_id.eq(Id::of(id)))
                .filter(jobs::state.eq_any([JobState::Waiting.name(), JobState::Dead.name()]))
                .set((
                    jobs::state.eq(JobState::Waiting.name()),
                    jobs::attempts.eq(0),
                    jobs::due_at.eq(DatabaseTime.nullable()),
                    jobs::finished_at.eq(None::<Time>),
                ))
                .execute(conn)
                .await
        })?;
        self.note_job();
        Ok(retried == 1)
    }

    async fn find(&mut self, id: JobId) -> Result<Option<Job>> {
        let row: Option<JobRow> = on!(self, |conn| {
            jobs::table.filter(jobs::public_id.eq(Id::of(id))).select(JobRow::as_select()).first(conn).await.optional()
        })?;
        row.map(Job::try_from).transpose()
    }

    async fn list(&mut self, filter: &JobFilter, page: &PageRequest) -> Result<Page<Job>> {
        let rows: Vec<JobRow> = on!(self, |conn| {
            let mut query = jobs::table.select(JobRow::as_select()).into_boxed();
            if let Some(state) = filter.state {
                query = query.filter(jobs::state.eq(state.name()));
            }
            part!(query, page, jobs::created_at, jobs::public_id).load(conn).await
        })?;
        let found = rows.into_iter().map(Job::try_from).collect::<Result<_>>()?;
        let mut found = Page::of(found, page, |job: &Job| Position { created_at: job.created_at, id: job.id.into() });
        if page.with_total && found.total.is_none() {
            let count = on!(self, |conn| {
                let mut query = jobs::table.count().into_boxed();
                if let Some(state) = filter.state {
                    query = query.filter(jobs::state.eq(state.name()));
                }
                query.get_result(conn).await
            })?;
            found.total = Some(list::as_count(count));
        }
        Ok(found)
    }

    async fn delete_old(&mut self, done_before: Timestamp, dead_before: Timestamp, limit: u32) -> Result<usize> {
        let done = jobs::state.eq(JobState::Done.name()).and(jobs::finished_at.lt(Time(done_before)));
        let dead = jobs::state.eq(JobState::Dead.name()).and(jobs::finished_at.lt(Time(dead_before)));
        let ids: Vec<i64> = on!(self, |conn| {
            jobs::table
                .filter(done.or(dead))
                .order(jobs::finished_at)
                .limit(limit.into())
                .select(jobs::id)
                .load(conn)
                .await
        })?;
        // One of them may have been retried since then.
        on!(self, |conn| {
            let old = jobs::table.filter(jobs::id.eq_any(&ids)).filter(jobs::due_at.is_null());
            diesel::delete(old).execute(conn).await
        })
    }
}

/// Returns the duration from one time to a later one.
fn until(now: Timestamp, later: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(later.as_micros() - now.as_micros()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_of_500_characters() {
        assert_eq!(shortened("a\r\nb\0c"), "a  b c");
        assert_eq!(shortened(&"é".repeat(600)).chars().count(), 500);
    }
}
