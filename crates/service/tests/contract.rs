//! Sessions over our own storage keep every promise of `keepstone-auth`'s trait, on the database that `TEST_DATABASE`
//! names.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::{Arc, Mutex};

use keepstone_auth::testing::{Fixture, session_store_contract};
use keepstone_domain::{Email, NewUser, RoleName, Timestamp};
use keepstone_persistence::DieselStore;
use keepstone_repository::{StorageError, Store};
use keepstone_service::{Client, RequestStore};
use keepstone_test_backends::{Database, TestDatabase};
use secrecy::SecretString;

async fn a_user(store: &dyn Store, name: &str) -> String {
    let user = NewUser {
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        username: None,
        name: None,
        role: RoleName::viewer(),
        is_active: true,
    };
    let user = user.into_user(Timestamp::UNIX_EPOCH);
    let hash = SecretString::from("no hash");
    store.transaction(async |tx| Ok::<_, StorageError>(tx.users().insert(&user, &hash).await?)).await.unwrap();
    user.id.to_string()
}

async fn fixture(database: &TestDatabase) -> Fixture<RequestStore> {
    let store = DieselStore::open(&database.url().parse().unwrap(), 10).await.unwrap();
    store.migrator().upgrade(usize::MAX).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let subjects = [a_user(&*store, "ada").await, a_user(&*store, "bob").await];
    Fixture { store: RequestStore { store, client: Client::default(), actor: None }, subjects }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_sessions_keep_the_promises_of_the_trait() {
    let used = Mutex::new(Vec::new());
    session_store_contract(async || {
        let database = Database::chosen().create();
        let fixture = fixture(&database).await;
        used.lock().unwrap().push(database);
        fixture
    })
    .await;
}
