//! Sessions over this application's storage: they satisfy the contract of `keepstone-auth`'s trait, and query the
//! database no more than necessary. Runs on the database that `TEST_DATABASE` names.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use keepstone_adapters::SystemClock;
use keepstone_auth::{
    permission::Roles,
    testing::{Fixture, Subjects, session_store_contract},
    token::{Issuer, KeySet, Keyring, Profile, Secret, SigningKey, TokenChain},
};
use keepstone_domain::{Email, NewUser, RoleName, Timestamp, User};
use keepstone_persistence::{DieselStore, Target};
use keepstone_repository::{Repositories, Result, Store, Transaction};
use keepstone_service::{
    Client, Outbox, Principals, RateLimits, RequestStore, SessionParts, SessionPolicy, Sessions, permission,
};
use keepstone_test_backends::{Database, TestDatabase};
use secrecy::{ExposeSecret, SecretString};

const HASH: &str = "no hash";

async fn a_user(store: &dyn Store, name: &str) -> User {
    let user = NewUser {
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        username: None,
        name: None,
        role: RoleName::viewer(),
        is_active: true,
    };
    let user = user.into_user(Timestamp::UNIX_EPOCH);
    let hash = SecretString::from(HASH);
    store.transaction(async |tx| tx.users().insert(&user, &hash).await).await.unwrap();
    user
}

async fn migrated(database: &TestDatabase) -> Arc<dyn Store> {
    let store = DieselStore::open(&database.url().parse().unwrap(), 10).await.unwrap();
    store.migrator().upgrade(Target::All).await.unwrap();
    Arc::new(store)
}

/// Returns an outbox without e-mail.
fn outbox() -> Outbox {
    Outbox::new(Secret::new([1; 32]).unwrap(), false)
}

async fn fixture(database: &TestDatabase) -> Fixture<RequestStore> {
    let store = migrated(database).await;
    let subjects = [a_user(&*store, "ada").await, a_user(&*store, "bob").await].map(|user| user.id.to_string());
    let principals = Arc::new(Principals::new(Duration::ZERO));
    Fixture {
        store: RequestStore::new(store, principals, outbox(), Client::default()),
        subjects: Subjects::Only(subjects),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_session_store_satisfies_the_contract_of_the_trait() {
    let used = Mutex::new(Vec::new());
    session_store_contract(async || {
        let database = Database::chosen().create();
        let fixture = fixture(&database).await;
        used.lock().unwrap().push(database);
        fixture
    })
    .await;
}

/// A real store that counts its accesses.
struct Counting {
    store: Arc<dyn Store>,
    accesses: AtomicUsize,
}

#[async_trait]
impl Store for Counting {
    async fn read(&self) -> Result<Box<dyn Repositories>> {
        self.accesses.fetch_add(1, Ordering::SeqCst);
        self.store.read().await
    }

    async fn write(&self) -> Result<Box<dyn Repositories>> {
        self.accesses.fetch_add(1, Ordering::SeqCst);
        self.store.write().await
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>> {
        self.accesses.fetch_add(1, Ordering::SeqCst);
        self.store.begin().await
    }

    async fn job_written(&self) {
        self.store.job_written().await;
    }

    async fn ping(&self) -> Result<()> {
        self.store.ping().await
    }

    async fn is_migrated(&self) -> Result<bool> {
        self.store.is_migrated().await
    }
}

fn sessions(store: Arc<dyn Store>) -> Sessions {
    let secret = Secret::new("a secret of at least 32 bytes, for this test").unwrap();
    let key_set = |secret: &Secret| KeySet::new(SigningKey::hs256(secret));
    let profile = Profile::new("us", "us", Duration::from_mins(30));
    let issuer = Issuer::new(key_set(&secret), key_set(&secret.for_refresh_tokens()), profile).unwrap();
    Sessions::new(SessionParts {
        store,
        clock: Arc::new(SystemClock),
        keyring: Arc::new(Keyring::new(issuer)),
        chain: Arc::new(TokenChain::new(&secret.for_refresh_tokens())),
        roles: Arc::new(Roles::new([("viewer", [permission::ITEMS_READ])]).unwrap()),
        policy: SessionPolicy::default(),
        principals: Arc::new(Principals::new(Duration::from_secs(5))),
        limits: RateLimits::new(None),
        outbox: outbox(),
    })
}

#[tokio::test]
async fn a_caller_who_was_authenticated_recently_costs_no_query() {
    let database = Database::chosen().create();
    let store = migrated(&database).await;
    let ada = a_user(&*store, "ada").await;
    let counting = Arc::new(Counting { store, accesses: AtomicUsize::new(0) });
    let sessions = sessions(counting.clone());
    let tokens = sessions.open(&ada, &HASH.into(), &Client::default()).await.unwrap();
    let token = tokens.access_token.expose_secret();

    let accesses = |so_far: usize| counting.accesses.load(Ordering::SeqCst) - so_far;
    let before = accesses(0);
    let caller = sessions.authenticate(token).await.unwrap();
    assert_eq!(accesses(before), 1, "the first request loads the caller");
    for _ in 0..10 {
        sessions.authenticate(token).await.unwrap();
    }
    assert_eq!(accesses(before), 1, "later requests use the cache");

    sessions.log_out(Ok(Some(caller)), None, &Client::default()).await.unwrap();
    assert!(sessions.authenticate(token).await.is_err(), "the session has ended");
}
