//! The harness: each test has its own database, workers over it, and a mailer that behaves as the subjects of its
//! e-mails say.

mod post;
mod watched;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, AsyncPgConnection, SimpleAsyncConnection};
use keepstone_adapters::SystemClock;
use keepstone_auth::{
    permission::Roles,
    token::{Issuer, KeySet, Keyring, Profile, Secret, SigningKey, TokenChain},
};
use keepstone_domain::{
    Clock, Email, Job, JobFilter, JobId, JobState, MailText, PageRequest, Start, Subject, Task, Timestamp,
};
use keepstone_persistence::{DatabaseUrl, DieselStore, Target};
use keepstone_repository::{StorageError, Store};
use keepstone_service::{
    Idempotency, JobPolicy, Outbox, Principals, Purge, RateLimits, SessionParts, SessionPolicy, Sessions, TaskParts,
    Tasks, Worker, permission,
};
use keepstone_test_backends::{Database, TestDatabase};
use tokio::{sync::oneshot, task::JoinHandle};
use uuid::Uuid;

pub use post::Post;
pub use watched::Watched;

/// Long enough for any machine.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// A fast policy, unless a test changes it.
pub const POLICY: JobPolicy = JobPolicy {
    concurrency: 4,
    poll_interval: Duration::from_millis(20),
    lease: Duration::from_secs(5),
    max_backoff: Duration::from_millis(10),
};

pub struct Fixture {
    pub post: Arc<Post>,
    pub store: Arc<dyn Store>,
    url: DatabaseUrl,
    database: TestDatabase,
}

impl Fixture {
    pub async fn new() -> Self {
        let database = Database::chosen().create();
        let url: DatabaseUrl = database.url().parse().unwrap();
        let store = DieselStore::open(&url, 6).await.unwrap();
        store.migrator().upgrade(Target::All).await.unwrap();
        Self { post: Arc::default(), store: Arc::new(store), url, database }
    }

    /// Opens one more store on the same database, like another process.
    pub async fn another(&self) -> Arc<dyn Store> {
        Arc::new(DieselStore::open(&self.url, 6).await.unwrap())
    }

    /// Starts a worker of this process.
    pub fn work(&self, policy: JobPolicy) -> Running {
        self.work_on(Arc::clone(&self.store), policy)
    }

    pub fn work_on(&self, store: Arc<dyn Store>, policy: JobPolicy) -> Running {
        let worker = Arc::new(Worker::new(Arc::clone(&store), Arc::new(SystemClock), tasks(store, &self.post), policy));
        let (stop, stopped) = oneshot::channel::<()>();
        let worker = tokio::spawn(worker.run_until(async move { drop(stopped.await) }));
        Running { stop: Some(stop), worker }
    }

    /// Queues e-mails with this subject.
    pub async fn write(&self, subject: &str, count: usize) -> Vec<JobId> {
        let task = message(subject);
        let ids: Vec<JobId> = (0..count).map(|_| JobId::generate()).collect();
        let written = self.store.transaction::<_, StorageError, _>(async |tx| {
            for id in &ids {
                tx.jobs().insert(*id, &task, SystemClock.now()).await?;
            }
            Ok(())
        });
        written.await.unwrap();
        ids
    }

    pub async fn write_task(&self, task: &Task) -> JobId {
        let id = JobId::generate();
        self.store.write().await.unwrap().jobs().insert(id, task, SystemClock.now()).await.unwrap();
        id
    }

    pub async fn job(&self, id: JobId) -> Job {
        self.store.read().await.unwrap().jobs().find(id).await.unwrap().unwrap()
    }

    /// Lists all jobs in this state, newest first.
    pub async fn jobs(&self, state: Option<JobState>) -> Vec<Job> {
        let mut all = Vec::new();
        let mut request = PageRequest { with_total: false, ..PageRequest::first(1_000) };
        loop {
            let mut reader = self.store.read().await.unwrap();
            let page = reader.jobs().list(&JobFilter { state }, &request).await.unwrap();
            all.extend(page.items);
            let Some(next) = page.next else { return all };
            request.start = Start::After(next);
        }
    }

    pub async fn becomes(&self, id: JobId, state: JobState) -> Job {
        eventually("the job is in its state", async || self.job(id).await.state == state).await;
        self.job(id).await
    }

    /// Leases a due job like a process that then dies, and returns the end of the lease.
    pub async fn take(&self, id: JobId, lease: Duration) -> Timestamp {
        let mut writer = self.store.write().await.unwrap();
        let due = writer.jobs().list_due(1_000).await.unwrap();
        let job = *due.ready.iter().find(|job| job.id == id).unwrap();
        assert_eq!(writer.jobs().claim(&job, due.now + lease).await, Ok(true));
        due.now + lease
    }

    /// Changes a row of a job without the store.
    pub async fn corrupt(&self, id: JobId, what: &str) {
        let simple = Uuid::from(id).simple();
        let id =
            if self.database.database() == Database::Postgres { format!("'{simple}'") } else { format!("x'{simple}'") };
        self.run(&format!("UPDATE jobs SET {what} WHERE public_id = {id}")).await;
    }

    /// Runs a statement without the store.
    pub async fn run(&self, sql: &str) {
        match &self.url {
            DatabaseUrl::SqliteFile(path) => {
                let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                connection.batch_execute(&format!("PRAGMA busy_timeout = 5000; {sql}")).unwrap();
            }
            DatabaseUrl::SqliteMemory => panic!("an in-memory database cannot be opened twice"),
            DatabaseUrl::Postgres(url) => {
                AsyncPgConnection::establish(url.as_str()).await.unwrap().batch_execute(sql).await.unwrap();
            }
            DatabaseUrl::Mysql(url) => {
                AsyncMysqlConnection::establish(url.as_str()).await.unwrap().batch_execute(sql).await.unwrap();
            }
        }
    }
}

/// A running worker. Dropping it stops it, too, without waiting.
pub struct Running {
    stop: Option<oneshot::Sender<()>>,
    worker: JoinHandle<()>,
}

impl Running {
    /// Stops the worker gracefully.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        (&mut self.worker).await.unwrap();
    }

    /// Aborts the worker, like kill -9.
    pub async fn kill(mut self) {
        self.worker.abort();
        assert!((&mut self.worker).await.unwrap_err().is_cancelled());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.worker.abort();
    }
}

pub fn message(subject: &str) -> Task {
    Task::MailMessage {
        email: Email::parse("ada@example.com").unwrap(),
        subject: Subject::parse(subject).unwrap(),
        text: MailText::parse("Hello!").unwrap(),
    }
}

/// Repeats a check until it succeeds.
pub async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !check().await {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn secret(byte: u8) -> Secret {
    Secret::new([byte; 32]).unwrap()
}

fn sessions(store: Arc<dyn Store>, outbox: Outbox) -> Sessions {
    let key_set = |byte| KeySet::new(SigningKey::hs256(&secret(byte)));
    let profile = Profile::new("us", "us", Duration::from_mins(30));
    Sessions::new(SessionParts {
        store,
        clock: Arc::new(SystemClock),
        keyring: Arc::new(Keyring::new(Issuer::new(key_set(1), key_set(2), profile).unwrap())),
        chain: Arc::new(TokenChain::new(&secret(3))),
        roles: Arc::new(Roles::new([("viewer", [permission::ITEMS_READ])]).unwrap()),
        policy: SessionPolicy::default(),
        principals: Arc::new(Principals::new(Duration::ZERO)),
        limits: RateLimits::new(None),
        outbox,
    })
}

fn tasks(store: Arc<dyn Store>, post: &Arc<Post>) -> Tasks {
    let (clock, outbox): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), Outbox::new(secret(4), true));
    Tasks::new(TaskParts {
        sessions: Arc::new(sessions(Arc::clone(&store), outbox.clone())),
        requests: Arc::new(Idempotency::new(Arc::clone(&store), Arc::clone(&clock), secret(5))),
        purge: Arc::new(Purge::new(Arc::clone(&store), Arc::clone(&clock), None)),
        mailer: Some(Arc::<Post>::clone(post)),
        api_url: "https://api.example.com/api/v1".to_owned(),
        frontend_url: None,
        limits: RateLimits::new(None),
        store,
        clock,
        outbox,
    })
}
