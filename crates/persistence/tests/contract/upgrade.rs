//! Upgrades of a database in use keep its data.

use keepstone_domain::{
    AuditFilter, AuditKind, DisplayName, Page, PageRequest, RoleName, SearchText, User, UserFilter, UserId, Version,
};
use keepstone_persistence::Target;
use keepstone_test_backends::Database;
use uuid::Uuid;

use crate::harness::{Opened, at};

/// The number of migrations of a database without versions, search and counts.
const BEFORE: usize = 3;

fn id(kind: Database, number: u128) -> String {
    let simple = Uuid::from_u128(number).simple().to_string();
    if kind == Database::Postgres { format!("'{simple}'") } else { format!("X'{simple}'") }
}

/// Returns the time this many seconds after 1970.
fn time(kind: Database, seconds: u8) -> String {
    match kind {
        Database::Sqlite => format!("{seconds}000000"),
        Database::Postgres => format!("'1970-01-01 00:00:{seconds:02}+00'"),
        Database::Mariadb => format!("'1970-01-01 00:00:{seconds:02}'"),
    }
}

async fn fill(opened: &Opened) {
    let (kind, mut raw) = (opened.kind, opened.raw().await);
    let yes = if kind == Database::Sqlite { "1" } else { "TRUE" };
    let users = [
        ("Ada@Example.com", "'ada@example.com'", "'Ada'", "'ada'", "'Ada Lovelace'", "NULL"),
        ("bob@example.com", "'bob@example.com'", "NULL", "NULL", "'BÖB'", "NULL"),
        ("eve@example.com", "NULL", "'eve'", "NULL", "NULL", "1"),
        ("kim@example.com", "'kim@example.com'", "'kim'", "'kim'", "NULL", "NULL"),
    ];
    for (number, (email, key, username, username_key, name, deleted)) in (1_u8..).zip(users) {
        let (id, made) = (id(kind, number.into()), time(kind, number));
        let deleted = if deleted == "NULL" { deleted.to_owned() } else { time(kind, 9) };
        raw.run(&format!(
            "INSERT INTO users (public_id, email, email_key, username, username_key, name, role, is_active, \
             email_verified, password_hash, created_at, updated_at, deleted_at) VALUES ({id}, '{email}', {key}, \
             {username}, {username_key}, {name}, 'viewer', {yes}, {yes}, 'hash', {made}, {made}, {deleted})"
        ))
        .await;
    }
    for number in 1..=5_u8 {
        let (id, made) = (id(kind, 6 - u128::from(number)), time(kind, 7));
        raw.run(&format!(
            "INSERT INTO audit_events (public_id, at, kind, detail) VALUES ({id}, {made}, 'login', '{{}}')"
        ))
        .await;
    }
}

async fn search(opened: &Opened, text: &str) -> Page<User> {
    let filter = UserFilter { search: Some(SearchText::parse(text).unwrap()), role: None };
    opened.read().await.unwrap().users().list(&filter, &PageRequest::first(10)).await.unwrap()
}

fn emails(page: &Page<User>) -> Vec<&str> {
    assert_eq!(page.total, u64::try_from(page.items.len()).ok());
    page.items.iter().map(|user| user.email.as_str()).collect()
}

async fn assert_right(opened: &Opened) {
    let mut reader = opened.read().await.unwrap();
    let all = reader.users().list(&UserFilter::default(), &PageRequest::first(10)).await.unwrap();
    assert_eq!(emails(&all), ["kim@example.com", "bob@example.com", "Ada@Example.com"]);
    let one = reader.users().list(&UserFilter::default(), &PageRequest::first(1)).await.unwrap();
    assert_eq!(one.total, Some(3), "as counted by the migration");
    assert!(all.items.iter().all(|user| user.version == Version::FIRST && user.email_verified));
    let events = reader.audit().list(&AuditFilter::default(), &PageRequest::first(2)).await.unwrap();
    assert_eq!(events.total, Some(5));
    assert!(events.items.iter().all(|event| event.kind == AuditKind::Login && event.at == at(7_000_000)));
    assert_eq!(events.next.unwrap().id, Uuid::from_u128(4), "newest first, then by public id");

    for (text, found) in [
        ("ADA", &["Ada@Example.com"][..]),
        ("lovelace", &["Ada@Example.com"]),
        ("a", &["kim@example.com", "bob@example.com", "Ada@Example.com"]),
        ("eve", &[]),
        ("mkim", &[]),
        ("kim", &["kim@example.com"]),
    ] {
        assert_eq!(emails(&search(opened, text).await), found, "{text}");
    }
}

#[tokio::test]
async fn an_upgrade_of_a_database_in_use_sets_counts_versions_and_search_keys() {
    let opened = Opened::empty().await;
    opened.store.migrator().upgrade(Target::Steps(BEFORE)).await.unwrap();
    fill(&opened).await;
    opened.store.migrator().upgrade(Target::All).await.unwrap();
    assert_right(&opened).await;

    // Keys that SQL folds differently are corrected when the user next changes.
    let bob = opened.find(Uuid::from_u128(2).into()).await.unwrap();
    assert_eq!(opened.write().await.unwrap().users().update(&bob, at(10)).await, Ok(true));
    assert_eq!(emails(&search(&opened, "böb").await), ["bob@example.com"]);
    let kim: UserId = Uuid::from_u128(4).into();
    assert_eq!(opened.write().await.unwrap().users().delete(kim, at(10)).await, Ok(true));
    assert_eq!(emails(&search(&opened, "kim").await), [""; 0]);
    let page = opened.read().await.unwrap().users().list(&UserFilter::default(), &PageRequest::first(1)).await;
    assert_eq!(page.unwrap().total, Some(2));
}

#[tokio::test]
async fn a_downgrade_and_upgrade_keep_the_rows() {
    let opened = Opened::empty().await;
    let all = opened.store.migrator().upgrade(Target::All).await.unwrap().len();
    fill(&opened).await;
    opened.store.migrator().downgrade(Target::Steps(all - BEFORE)).await.unwrap();
    opened.store.migrator().upgrade(Target::All).await.unwrap();
    assert_right(&opened).await;
    let ada = opened.find(Uuid::from_u128(1).into()).await.unwrap();
    let name = Some(DisplayName::parse("Countess").unwrap());
    let changed = User { name, role: RoleName::admin(), ..ada };
    assert_eq!(opened.write().await.unwrap().users().update(&changed, at(10)).await, Ok(true));
    assert_eq!(emails(&search(&opened, "count").await), ["Ada@Example.com"]);
    assert_eq!(emails(&search(&opened, "lovelace").await), [""; 0]);
}
