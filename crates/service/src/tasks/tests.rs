//! Tasks that only change the database are executed once, by the owner of their job.

use keepstone_adapters::SystemClock;
use keepstone_auth::{
    permission::Roles,
    token::{Issuer, KeySet, Keyring, Profile, Secret, SigningKey, TokenChain},
};
use keepstone_domain::{AuditFilter, JobFilter, MailPurpose, MailTokenId, NewUser, PageRequest, RoleName, UserId};
use keepstone_persistence::{DieselStore, Target};
use keepstone_test_backends::Database;
use secrecy::SecretString;

use super::*;
use crate::{Principals, RateLimits, SessionParts, SessionPolicy, permission};

fn secret(byte: u8) -> Secret {
    Secret::new([byte; 32]).unwrap()
}

fn tasks(store: &Arc<dyn Store>) -> Tasks {
    let (clock, outbox): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), Outbox::new(secret(1), true));
    let key_set = |byte| KeySet::new(SigningKey::hs256(&secret(byte)));
    let lifetime = Duration::from_mins(30);
    let profile = Profile::new("us", "us", lifetime);
    let sessions = Sessions::new(SessionParts {
        store: Arc::clone(store),
        clock: Arc::clone(&clock),
        keyring: Arc::new(Keyring::new(Issuer::new(key_set(2), key_set(3), profile).unwrap())),
        chain: Arc::new(TokenChain::new(&secret(4))),
        roles: Arc::new(Roles::new([("viewer", [permission::ITEMS_READ])]).unwrap()),
        policy: SessionPolicy::default(),
        principals: Arc::new(Principals::new(Duration::ZERO)),
        limits: RateLimits::new(None),
        outbox: outbox.clone(),
    });
    Tasks::new(TaskParts {
        limits: RateLimits::new(None),
        store: Arc::clone(store),
        requests: Arc::new(Idempotency::new(Arc::clone(store), Arc::clone(&clock), secret(5))),
        purge: Arc::new(Purge::new(Arc::clone(store), Arc::clone(&clock), None)),
        clock,
        mailer: None,
        outbox,
        api_url: "https://api.example.com".to_owned(),
        frontend_url: None,
        sessions: Arc::new(sessions),
    })
}

/// Queues a job and leases it for this time.
async fn leased(store: &dyn Store, task: &Task, lease: Duration) -> Claimed {
    let id = JobId::generate();
    let mut writer = store.write().await.unwrap();
    writer.jobs().insert(id, task, SystemClock.now()).await.unwrap();
    let due = writer.jobs().list_due(100).await.unwrap();
    let job = due.ready.iter().find(|job| job.id == id).unwrap();
    let until = due.now + lease;
    assert_eq!(writer.jobs().claim(job, until).await, Ok(true));
    Claimed { id, attempts: 1, lease: until, is_routine: false }
}

/// Returns the visible effects of jobs: the numbers of jobs and events, and the user and the token, if any.
async fn traces(store: &dyn Store, email: &Email) -> (usize, usize, Option<UserId>, Option<MailTokenId>) {
    let (mut reader, all) = (store.read().await.unwrap(), PageRequest::first(100));
    let jobs = reader.jobs().list(&JobFilter::default(), &all).await.unwrap().items.len();
    let events = reader.audit().list(&AuditFilter::default(), &all).await.unwrap().items.len();
    let user = reader.users().find_credentials(&Login::Email(email.clone())).await.unwrap().map(|found| found.user.id);
    let token = match user {
        Some(id) => reader.mail_tokens().find_of(id, MailPurpose::ResetPassword).await.unwrap().map(|token| token.id),
        None => None,
    };
    (jobs, events, user, token)
}

#[tokio::test]
async fn a_former_owner_of_a_job_changes_nothing() {
    let database = Database::chosen().create();
    let store = DieselStore::open(&database.url().parse().unwrap(), 4).await.unwrap();
    store.migrator().upgrade(Target::All).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let tasks = tasks(&store);
    let hash = SecretString::from("no hash");
    let [ada, bob] = ["ada", "bob"].map(|name| Email::parse(&format!("{name}@example.com")).unwrap());
    let new = |email: &Email| NewUser {
        email: email.clone(),
        username: None,
        name: None,
        role: RoleName::viewer(),
        is_active: true,
    };
    let user = new(&ada).into_user(SystemClock.now());
    store.transaction(async |tx| tx.users().insert(&user, &hash).await).await.unwrap();
    let pending = |email: &Email| PendingUser {
        email: email.clone(),
        username: None,
        name: None,
        role: RoleName::viewer(),
        password_hash: hash.clone().into(),
        ip: None,
        request_id: None,
    };
    for (task, email) in [
        (Task::BeginPasswordReset { email: ada.clone() }, &ada),
        (Task::BeginPasswordReset { email: bob.clone() }, &bob),
        (Task::FinishRegistration { user: pending(&bob) }, &bob),
        (Task::FinishRegistration { user: pending(&bob) }, &bob),
    ] {
        let owner = leased(&*store, &task, Duration::from_mins(1)).await;
        let before = traces(&*store, email).await;
        let late = Claimed { lease: owner.lease - Duration::from_micros(1), ..owner };
        let ran = tasks.run(&late, task.clone()).await;
        assert!(matches!(ran, Err(TaskError::Lost)), "{ran:?}");
        assert_eq!(traces(&*store, email).await, before, "too late for {}", task.kind());
        assert!(matches!(tasks.run(&owner, task.clone()).await, Ok(Ran::Settled)));
        let after = traces(&*store, email).await;
        let ran = tasks.run(&owner, task.clone()).await;
        assert!(matches!(ran, Err(TaskError::Lost)), "{ran:?}");
        assert_eq!(traces(&*store, email).await, after, "a second time {}", task.kind());
    }
    assert!(traces(&*store, &ada).await.3.is_some() && traces(&*store, &bob).await.2.is_some());
}
