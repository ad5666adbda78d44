//! The job worker: executes due jobs, a few at once, retries failed ones, and gives up those that cannot succeed.
//!
//! A job belongs to the process that holds its lease, and no other state exists: the leases of a process that dies
//! expire.

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

/// The number of attempts before a job is dead and an operator must inspect it.
const ATTEMPTS: u32 = 10;
/// The delay after the first failure; it doubles with each further failure.
const FIRST_BACKOFF: Duration = Duration::from_secs(15);
/// How long running attempts may take when the process stops.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// How long to wait for the database. Its own limits are shorter: without a response in this time the connection is
/// dead, although no error was reported.
const DATABASE_WAIT: Duration = Duration::from_secs(30);
/// The delay before another try to record the outcome of a job.
const NOTE_AGAIN: Duration = Duration::from_secs(1);
/// The pause before an unfinished routine continues.
const ROUTINE_PAUSE: Duration = Duration::from_secs(1);

/// The configuration of the job worker.
#[derive(Debug, Clone, Copy)]
pub struct JobPolicy {
    /// The number of concurrent jobs.
    pub concurrency: usize,
    /// The interval at which an idle worker looks for jobs of other processes.
    pub poll_interval: Duration,
    /// How long a job belongs to this process alone. An attempt may take three quarters of that.
    pub lease: Duration,
    /// The longest delay after a failure.
    pub max_backoff: Duration,
}

impl JobPolicy {
    /// The rest of a lease is reserved for recording the outcome of an attempt.
    fn longest_attempt(&self) -> Duration {
        self.lease * 3 / 4
    }
}

/// The heartbeat of a worker.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<Mutex<Option<Instant>>>);

impl Pulse {
    /// Returns how long ago the worker last looked for jobs; `None` if it has not started.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).map(|last| last.elapsed())
    }

    fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// Executes the jobs of a database, alongside other workers.
pub struct Worker {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    policy: JobPolicy,
    pulse: Pulse,
}

impl Worker {
    /// Creates the worker.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, tasks: Tasks, policy: JobPolicy) -> Self {
        Self { store, clock, tasks, policy, pulse: Pulse::default() }
    }

    /// Returns the heartbeat of the worker.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Executes jobs until `stop` completes. Running jobs then have a few seconds to finish, and the rest are released.
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
                    tracing::warn!("could not look for jobs: the database does not respond");
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
            tracing::warn!("could not release jobs; other workers will pick them up when their leases expire");
        }
    }

    /// Starts due jobs up to the limit, and returns the time until more may be due.
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
        // One more row reveals when the next job is due.
        let limit = u32::try_from(free).unwrap_or(u32::MAX).saturating_add(1);
        // Taken before the query, because the lease begins while the database executes it.
        let deadline = Instant::now() + self.policy.longest_attempt();
        let due = self.store.read().await?.jobs().list_due(limit).await?;
        if due.ready.is_empty() {
            return Ok(due.next.map_or(self.policy.poll_interval, |next| next.min(self.policy.poll_interval)));
        }
        for job in self.claim(due, free).await? {
            held.begin(self, job, deadline);
        }
        // There may be more jobs, or other workers may have taken these.
        Ok(Duration::ZERO)
    }

    /// Leases as many of these jobs as no other worker has taken meanwhile.
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

    /// Makes one attempt and records its outcome.
    async fn attempt(&self, job: Claimed, deadline: Instant) {
        if job.attempts > ATTEMPTS {
            let error = "the job was started repeatedly and never ended; it may crash its process".to_owned();
            return self.fail(&job, TaskError::Hopeless(error)).await;
        }
        let ran = match AssertUnwindSafe(timeout_at(deadline, self.find_and_run(&job))).catch_unwind().await {
            Ok(Ok(ran)) => ran,
            // The routine has cleaned up what it could in this time, and continues later.
            Ok(Err(_)) if job.is_routine => {
                let again = JobOutcome::Again { after: ROUTINE_PAUSE, attempts: 0, error: None };
                return self.settle(&job, again).await;
            }
            Ok(Err(_)) => Err(TaskError::Later(format!("the attempt exceeded {:?}", self.policy.longest_attempt()))),
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
            Ok(found) => found.ok_or_else(|| TaskError::Hopeless("the job has no task".to_owned()))?,
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
            // A routine never dies, because no other job would replace it.
            (true, true) => JobOutcome::Again { after: Routine::INTERVAL, attempts: 0, error: Some(text) },
            (true, false) => JobOutcome::Dead { error: text },
        };
        if matches!(outcome, JobOutcome::Dead { .. }) {
            tracing::error!(job_id = %id, attempts, %error, "a job is dead: see keepstone jobs list");
        } else {
            tracing::warn!(job_id = %id, attempts, %error, "a job failed and will be retried");
        }
        self.settle(job, outcome).await;
    }

    /// Returns the delay before a retry: 15 s after the first failure, then twice as long each time, reduced by up to
    /// half at random, so that jobs that failed together are not retried together.
    fn backoff(&self, attempts: u32) -> Duration {
        let doubled = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
        let longest = doubled.min(self.policy.max_backoff);
        let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(fastrand::u64(micros / 2..=micros))
    }

    /// Returns how long to wait for the database: a response after the end of the lease is useless.
    fn patience(&self) -> Duration {
        DATABASE_WAIT.min(self.policy.lease)
    }

    /// Records the outcome of an attempt. Retries several times, because without the record the lease expires and
    /// another worker repeats the job.
    async fn settle(&self, job: &Claimed, outcome: JobOutcome) {
        let (now, id, lease) = (self.clock.now(), job.id, job.lease);
        let settle = async |tx: &mut UnitOfWork| tx.jobs().settle(id, lease, &outcome, now).await;
        let noted = async {
            loop {
                match self.store.transaction(settle).await {
                    Ok(is_ours) => return is_ours,
                    Err(error) => tracing::warn!(job_id = %id, %error, "could not record the outcome of a job"),
                }
                sleep(NOTE_AGAIN.min(self.policy.max_backoff)).await;
            }
        };
        match timeout(self.patience(), noted).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(job_id = %id, "a job took longer than its lease and may be executed twice"),
            Err(_) => {
                tracing::warn!(job_id = %id, "outcome not recorded; the job will be retried when its lease expires");
            }
        }
    }
}

fn unreadable(json: &str, error: &serde_json::Error) -> TaskError {
    /// The part of a task that every version can read.
    #[derive(serde::Deserialize)]
    struct Kind {
        #[expect(dead_code, reason = "only its presence matters")]
        kind: String,
    }
    // The error's own text would quote the payload, which may be private.
    let (line, column) = (error.line(), error.column());
    if serde_json::from_str::<Kind>(json).is_ok() {
        TaskError::Later("this version does not know the kind of the task; a newer version may".to_owned())
    } else {
        TaskError::Hopeless(format!("the task is not readable: line {line}, column {column}"))
    }
}
