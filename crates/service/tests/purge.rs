//! When deleted accounts are removed, told by a clock that can be moved. On the database that `TEST_DATABASE` names.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use keepstone_domain::{Clock, Email, NewUser, RoleName, Timestamp, User, UserId};
use keepstone_persistence::DieselStore;
use keepstone_repository::Store;
use keepstone_service::Purge;
use keepstone_test_backends::Database;

const DAY: i64 = 86_400;
const MONTH: Option<Duration> = Some(Duration::from_hours(30 * 24));

/// Seconds since 1970.
#[derive(Default)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst) * 1_000_000).unwrap()
    }
}

async fn deleted(store: &dyn Store, name: &str, clock: &Hand) -> User {
    let user = NewUser {
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        username: None,
        name: None,
        role: RoleName::viewer(),
        is_active: true,
    };
    let user = user.into_user(Timestamp::UNIX_EPOCH);
    let (hash, now): (secrecy::SecretString, _) = ("hash".into(), clock.now());
    let make = async |tx: &mut keepstone_repository::UnitOfWork| {
        tx.users().insert(&user, &hash).await?;
        tx.users().delete(user.id, now).await
    };
    assert_eq!(store.transaction(make).await, Ok(true));
    user
}

#[tokio::test]
async fn an_account_is_removed_when_its_time_is_over_and_not_before() {
    let database = Database::chosen().create();
    let store = Arc::new(DieselStore::open(&database.url().parse().unwrap(), 4).await.unwrap());
    store.migrator().upgrade(usize::MAX).await.unwrap();
    let clock = Arc::new(Hand::default());
    let purge = |after| Purge::new(Arc::<DieselStore>::clone(&store), Arc::<Hand>::clone(&clock), after);
    let set = |time| clock.0.store(time, Ordering::SeqCst);

    assert_eq!(purge(MONTH).run().await.unwrap(), 0, "in 1970, when nobody can have been deleted a month ago");
    set(100 * DAY);
    deleted(&*store, "first", &clock).await;
    set(110 * DAY);
    deleted(&*store, "second", &clock).await;
    set(130 * DAY - 1);
    assert_eq!(purge(MONTH).run().await.unwrap(), 0);
    set(130 * DAY);
    assert_eq!(purge(None).run().await.unwrap(), 0, "never");
    assert_eq!(purge(Some(Duration::MAX)).run().await.unwrap(), 0, "as good as never");
    assert_eq!(purge(MONTH).run().await.unwrap(), 1);
    assert_eq!(purge(MONTH).run().await.unwrap(), 0);
    set(140 * DAY);
    assert_eq!(purge(MONTH).run().await.unwrap(), 1);
    assert_eq!(store.read().await.unwrap().users().find(UserId::generate()).await, Ok(None));
}
