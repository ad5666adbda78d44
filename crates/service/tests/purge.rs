//! When deleted accounts are purged, measured with a manual clock. Runs on the database that `TEST_DATABASE` names.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use diesel::{Connection, QueryableByName, SqliteConnection, sql_query, sql_types::Text};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, AsyncPgConnection};
use keepstone_domain::{Clock, Email, NewUser, RoleName, Timestamp};
use keepstone_persistence::{DatabaseUrl, DieselStore, Target};
use keepstone_repository::Store;
use keepstone_service::Purge;
use keepstone_test_backends::{Database, TestDatabase};

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

/// A row of the table of users.
#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    email: String,
}

/// Returns the addresses of all rows, read without the store, which hides deleted users.
async fn rows(database: &TestDatabase) -> Vec<String> {
    let query = sql_query("SELECT email FROM users");
    let rows: Vec<Row> = match database.url().parse().unwrap() {
        DatabaseUrl::SqliteFile(path) => {
            let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            diesel::RunQueryDsl::load(query, &mut connection).unwrap()
        }
        DatabaseUrl::SqliteMemory => panic!("an in-memory database cannot be opened twice"),
        DatabaseUrl::Postgres(url) => {
            let mut connection = AsyncPgConnection::establish(url.as_str()).await.unwrap();
            diesel_async::RunQueryDsl::load(query, &mut connection).await.unwrap()
        }
        DatabaseUrl::Mysql(url) => {
            let mut connection = AsyncMysqlConnection::establish(url.as_str()).await.unwrap();
            diesel_async::RunQueryDsl::load(query, &mut connection).await.unwrap()
        }
    };
    rows.into_iter().map(|row| row.email).collect()
}

async fn deleted(store: &dyn Store, name: &str, clock: &Hand) {
    let user = NewUser {
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        username: None,
        name: None,
        role: RoleName::viewer(),
        is_active: true,
    };
    let user = user.into_user(Timestamp::UNIX_EPOCH);
    let (hash, now): (secrecy::SecretString, _) = ("hash".into(), clock.now());
    let create = async |tx: &mut keepstone_repository::UnitOfWork| {
        tx.users().insert(&user, &hash).await?;
        tx.users().delete(user.id, now).await
    };
    assert_eq!(store.transaction(create).await, Ok(true));
}

#[tokio::test]
async fn an_account_is_purged_after_its_retention_time_and_not_before() {
    let database = Database::chosen().create();
    let store = Arc::new(DieselStore::open(&database.url().parse().unwrap(), 4).await.unwrap());
    store.migrator().upgrade(Target::All).await.unwrap();
    let clock = Arc::new(Hand::default());
    let purge = |after| Purge::new(Arc::<DieselStore>::clone(&store), Arc::<Hand>::clone(&clock), after);
    let set = |time| clock.0.store(time, Ordering::SeqCst);

    assert_eq!(purge(MONTH).run().await.unwrap(), 0, "in 1970 no account can have been deleted a month ago");
    set(100 * DAY);
    deleted(&*store, "first", &clock).await;
    set(110 * DAY);
    deleted(&*store, "second", &clock).await;
    set(130 * DAY - 1);
    assert_eq!(purge(MONTH).run().await.unwrap(), 0);
    set(130 * DAY);
    assert_eq!(purge(None).run().await.unwrap(), 0, "never");
    assert_eq!(purge(Some(Duration::MAX)).run().await.unwrap(), 0, "practically never");
    assert_eq!(rows(&database).await.len(), 2);
    assert_eq!(purge(MONTH).run().await.unwrap(), 1);
    assert_eq!(purge(MONTH).run().await.unwrap(), 0);
    assert_eq!(rows(&database).await, ["second@example.com"]);
    set(140 * DAY);
    assert_eq!(purge(MONTH).run().await.unwrap(), 1);
    assert!(rows(&database).await.is_empty());
}
