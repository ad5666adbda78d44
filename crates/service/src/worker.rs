//! Does the jobs: takes those that are due, a few at once, tries again what failed, and gives up what cannot be done.
//!
//! A job belongs to whoever has its lease. Nothing else is remembered: a process that dies leaves leases that run out.

mod held;

use std::{
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use keepstone_domain::{Clock, DueJobs, JobOutcome, Routine};
use keepstone_repository::{Result, StorageError, Store, UnitOfWork};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use self::held::Held;
use crate::tasks::{Claimed, Ran, TaskError, Tasks};

/// How often a job is tried before somebody has to look at it.
const ATTEMPTS: u32 = 10;
/// What is waited after the first failure, and twice as long after each more.
const FIRST_BACKOFF: Duration = Duration::from_secs(15);
/// How long those under way may take to end when the process stops.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// A database that has not answered by then never will, as its own limits are shorter: the connection is dead, and
/// nobody was told.
const DATABASE_WAIT: Duration = Duration::from_secs(30);
/// How long after it could not be noted how a job ended that is tried again.
const NOTE_AGAIN: Duration = Duration::from_secs(1);
/// After what pause a routine goes on that had more to do than there was time.
const ROUTINE_PAUSE: Duration = Duration::from_secs(1);

/// How jobs are done.
#[derive(Debug, Clone, Copy)]
pub struct JobPolicy {
    /// How many at once.
    pub concurrency: usize,
    /// After what time, with nothing to do, to look for jobs of other processes.
    pub poll_interval: Duration,
    /// How long a job is this process's alone. An attempt may take three quarters of that.
    pub lease: Duration,
    /// The longest to wait after a failure.
    pub max_backoff: Duration,
}

impl JobPolicy {
    /// The rest of a lease is for noting how an attempt ended.
    fn longest_attempt(&self) -> Duration {
        self.lease * 3 / 4
    }
}

/// Says whether the worker is still at it.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<Mutex<Option<Instant>>>);

impl Pulse {
    /// How long ago the worker last looked for jobs; `None` if it has not begun.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).map(|last| last.elapsed())
    }

    fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// Does the jobs of a database, beside others that do.
pub struct Worker {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    policy: JobPolicy,
    pulse: Pulse,
}

impl Worker {
    /// Puts the parts together.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, tasks: Tasks, policy: JobPolicy) -> Self {
        Self { store, clock, tasks, policy, pulse: Pulse::default() }
    }

    /// What says whether it is still at it.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Does jobs until this ends; then those under way have a few seconds, and what is left is given back.
    pub async fn run_until(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut held = Held::default();
        let mut is_prepared = false;
        loop {
            self.pulse.beat();
            let wait = match timeout(self.patience(), self.turn(&mut held, &mut is_prepared)).await {
                Ok(Ok(wait)) => wait,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "could not look for jobs");
                    self.policy.poll_interval.min(self.backoff(1))
                }
                Err(_) => {
                    tracing::warn!("could not look for jobs: the database does not answer");
                    Duration::ZERO
                }
            };
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = held.next() => {}
                () = self.store.job_written(), if held.len() < self.policy.concurrency => {}
                () = sleep(wait) => {}
            }
            held.forget_ended();
        }
        let ended = async {
            while held.len() > 0 {
                held.next().await;
            }
        };
        if timeout(LAST_WAIT, ended).await.is_err() && timeout(LAST_WAIT, held.give_back(&self)).await.is_err() {
            tracing::warn!("could not give jobs back: they are done by others when their leases end");
        }
    }

    /// Begins what is due, as much as is allowed, and gives how long it is until there may be more.
    async fn turn(self: &Arc<Self>, held: &mut Held, is_prepared: &mut bool) -> Result<Duration> {
        if !*is_prepared {
            let now = self.clock.now();
            for routine in Routine::ALL {
                self.store.write().await?.jobs().insert_routine(routine, now).await?;
            }
            *is_prepared = true;
        }
        let free = self.policy.concurrency.saturating_sub(held.len());
        if free == 0 {
            return Ok(self.policy.poll_interval);
        }
        // One more tells when the next is due.
        let limit = u32::try_from(free).unwrap_or(u32::MAX).saturating_add(1);
        // Before the lease begins, which is while the database is asked.
        let deadline = Instant::now() + self.policy.longest_attempt();
        let due = self.store.read().await?.jobs().list_due(limit).await?;
        if due.ready.is_empty() {
            return Ok(due.next.map_or(self.policy.poll_interval, |next| next.min(self.policy.poll_interval)));
        }
        for job in self.claim(due, free).await? {
            held.begin(self, job, deadline);
        }
        // There may be more, or those that others took.
        Ok(Duration::ZERO)
    }

    /// Takes as many of these as nobody else has taken meanwhile.
    async fn claim(&self, due: DueJobs, most: usize) -> Result<Vec<Claimed>> {
        let lease = due.now + self.policy.lease;
        let claim = async |tx: &mut UnitOfWork| {
            let mut claimed = Vec::new();
            for job in due.ready.iter().take(most) {
                if tx.jobs().claim(job, lease).await? {
                    let (attempts, is_routine) = (job.attempts.saturating_add(1), job.is_routine);
                    claimed.push(Claimed { id: job.id, attempts, lease, is_routine });
                }
            }
            Ok(claimed)
        };
        self.store.transaction::<_, StorageError, _>(claim).await
    }

    /// One attempt, and a note of how it ended.
    async fn attempt(&self, job: Claimed, deadline: Instant) {
        if job.attempts > ATTEMPTS {
            let error = "it was begun again and again, and never ended: whoever does it dies of it".to_owned();
            return self.fail(&job, TaskError::Hopeless(error)).await;
        }
        let ran = match AssertUnwindSafe(timeout_at(deadline, self.find_and_run(&job))).catch_unwind().await {
            Ok(Ok(ran)) => ran,
            // It has cleaned up what it could in this time, and goes on.
            Ok(Err(_)) if job.is_routine => {
                let again = JobOutcome::Again { after: ROUTINE_PAUSE, attempts: 0, error: None };
                return self.settle(&job, again).await;
            }
            Ok(Err(_)) => Err(TaskError::Later(format!("it took longer than {:?}", self.policy.longest_attempt()))),
            Err(_) => Err(TaskError::Later("the attempt panicked: see the log".to_owned())),
        };
        match ran {
            Ok(Ran::Settled) | Err(TaskError::Lost) => {}
            Ok(Ran::Done) => self.settle(&job, JobOutcome::Done).await,
            Ok(Ran::Routine) => {
                self.settle(&job, JobOutcome::Again { after: Routine::INTERVAL, attempts: 0, error: None }).await;
            }
            Err(error) => self.fail(&job, error).await,
        }
    }

    async fn find_and_run(&self, job: &Claimed) -> Result<Ran, TaskError> {
        let found = match self.store.read().await {
            Ok(mut repositories) => repositories.jobs().find_task(job.id).await,
            Err(error) => Err(error),
        };
        let json = match found {
            Ok(found) => found.ok_or_else(|| TaskError::Hopeless("it does not say what is to be done".to_owned()))?,
            Err(error @ StorageError::Corrupt(_)) => return Err(TaskError::Hopeless(error.to_string())),
            Err(error) => return Err(error.into()),
        };
        let task = serde_json::from_str(&json).map_err(|error| unreadable(&json, &error))?;
        self.tasks.run(job, task).await
    }

    async fn fail(&self, job: &Claimed, error: TaskError) {
        let (id, attempts) = (job.id, job.attempts);
        let is_last = attempts >= ATTEMPTS || matches!(error, TaskError::Hopeless(_));
        let text = error.to_string();
        let outcome = match (is_last, job.is_routine) {
            (false, _) => JobOutcome::Again { after: self.backoff(attempts), attempts, error: Some(text) },
            // It is never given up: nothing else would do it.
            (true, true) => JobOutcome::Again { after: Routine::INTERVAL, attempts: 0, error: Some(text) },
            (true, false) => JobOutcome::Dead { error: text },
        };
        if matches!(outcome, JobOutcome::Dead { .. }) {
            tracing::error!(job_id = %id, attempts, %error, "a job is dead: see keepstone jobs list");
        } else {
            tracing::warn!(job_id = %id, attempts, %error, "a job failed, and is tried again");
        }
        self.settle(job, outcome).await;
    }

    /// 15 s after the first failure, then twice as long each time, less up to half: jobs that failed together should
    /// not come again together.
    fn backoff(&self, attempts: u32) -> Duration {
        let doubled = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
        let longest = doubled.min(self.policy.max_backoff);
        let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(fastrand::u64(micros / 2..=micros))
    }

    /// How long the database is waited for: an answer that comes after the lease is of no use.
    fn patience(&self) -> Duration {
        DATABASE_WAIT.min(self.policy.lease)
    }

    /// If this cannot be noted the lease runs out, and somebody does the job again. So what is done is worth some
    /// tries.
    async fn settle(&self, job: &Claimed, outcome: JobOutcome) {
        let (now, id, lease) = (self.clock.now(), job.id, job.lease);
        let settle = async |tx: &mut UnitOfWork| tx.jobs().settle(id, lease, &outcome, now).await;
        let noted = async {
            loop {
                match self.store.transaction(settle).await {
                    Ok(is_ours) => return is_ours,
                    Err(error) => tracing::warn!(job_id = %id, %error, "could not note how a job ended"),
                }
                sleep(NOTE_AGAIN.min(self.policy.max_backoff)).await;
            }
        };
        match timeout(self.patience(), noted).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(job_id = %id, "a job took longer than its lease, and may be done twice"),
            Err(_) => tracing::warn!(job_id = %id, "a job is done again when its lease ends, whatever became of it"),
        }
    }
}

fn unreadable(json: &str, error: &serde_json::Error) -> TaskError {
    /// As much of a task as every version can read.
    #[derive(serde::Deserialize)]
    struct Kind {
        #[expect(dead_code, reason = "what counts is that there is one")]
        kind: String,
    }
    // The error would quote what is in it.
    let (line, column) = (error.line(), error.column());
    if serde_json::from_str::<Kind>(json).is_ok() {
        TaskError::Later("this version does not know such a task; a newer one may".to_owned())
    } else {
        TaskError::Hopeless(format!("it is not readable: line {line}, column {column}"))
    }
}
