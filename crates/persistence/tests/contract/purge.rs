//! Purging of deleted users: complete, without touching other users, in small steps, and by several nodes at once.

use std::{collections::BTreeSet, sync::Arc};

use keepstone_domain::{
    AuditEvent, AuditKind, DisplayName, Email, MailPurpose, MailToken, RefreshToken, Session, Timestamp, User,
};
use keepstone_repository::{Purged, Result, Store, UnitOfWork};
use keepstone_test_backends::Database;

use crate::{
    count::assert_right,
    harness::{Opened, Raw, at, described, hash, item, session, together, user},
    mail_token::{self, replace},
};

const DAY: i64 = 86_400_000_000;

/// Purges in steps of this many rows until no deleted user is left. Returns the number of users removed here.
async fn purge(store: &dyn Store, before: Timestamp, limit: u32) -> Result<usize> {
    let mut users = 0;
    loop {
        let some = store.write().await?.users().list_deleted(before, 5).await?;
        if some.is_empty() {
            return Ok(users);
        }
        for id in some {
            let remove = async |tx: &mut UnitOfWork| tx.users().purge(id, before, limit).await;
            while store.transaction(remove).await.map(|step| {
                users += usize::from(step == Purged::Wholly);
                step == Purged::Partly
            })? {}
        }
    }
}

async fn forget_searches(store: &dyn Store) {
    let mut first = true;
    while store.transaction(async |tx| tx.users().forget_searches(first).await).await.unwrap() {
        first = false;
    }
}

/// Returns the columns that contain these texts, including SQLite's internal search tables.
async fn places(opened: &Opened, raw: &mut Raw, texts: &[&str]) -> BTreeSet<String> {
    let columns = match opened.kind {
        Database::Sqlite => {
            "SELECT tables.name || '.' || columns.name AS line FROM pragma_table_list tables \
             JOIN pragma_table_info(tables.name) columns WHERE tables.schema = 'main'"
        }
        Database::Postgres => {
            "SELECT concat(table_name, '.', column_name) AS line FROM information_schema.columns \
             WHERE table_schema = 'public'"
        }
        Database::Mariadb => {
            "SELECT CONCAT(table_name, '.', column_name) AS line FROM information_schema.columns \
             WHERE table_schema = DATABASE()"
        }
    };
    let mut found = BTreeSet::new();
    for name in raw.lines(columns).await {
        let (table, column) = name.split_once('.').unwrap();
        for text in texts {
            let hex = text.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));
            let is_there = match opened.kind {
                Database::Sqlite => format!("hex(CAST({table}.\"{column}\" AS BLOB)) LIKE '%{hex}%'"),
                Database::Postgres => {
                    format!("\"{column}\"::text LIKE '%{text}%' OR upper(\"{column}\"::text) LIKE '%{hex}%'")
                }
                Database::Mariadb => format!("HEX(`{column}`) LIKE '%{hex}%'"),
            };
            if !raw.lines(&format!("SELECT '{name}' AS line FROM {table} WHERE {is_there} LIMIT 1")).await.is_empty() {
                found.insert(name.clone());
            }
        }
    }
    found
}

/// Creates a user with an item, a refreshed session, a token of each purpose, and events, all with distinctive texts.
async fn insert_full_user(opened: &Opened, person: &User, secret: &str) {
    opened.transaction(async |tx| tx.users().insert(person, &hash(&format!("hash-{secret}"))).await).await.unwrap();
    let things = [described(person, &format!("{secret} one"), &format!("about {secret}")), item(person, secret)];
    opened.insert_items(&things).await;
    let (session, token) = session(person);
    let session = Session { ip: Some("192.0.2.77".to_owned()), user_agent: Some(secret.to_owned()), ..session };
    opened.insert_session(&session, &token).await.unwrap();
    let mut digest = token.digest;
    digest[0] ^= 1;
    let successor = RefreshToken::fresh(session.id, 1, digest, session.created_at);
    let exchange = async |tx: &mut UnitOfWork| tx.sessions().exchange(&token.digest, Some(&[7; 32]), &successor).await;
    assert_eq!(opened.transaction(exchange).await, Ok(true));
    for purpose in MailPurpose::ALL {
        let email =
            Email::parse(&format!("{}@tokens.example.com", person.username.as_ref().unwrap().as_str())).unwrap();
        replace(&**opened, &MailToken { email, ..mail_token::token(person, purpose) }).await.unwrap();
    }
    let event = AuditEvent { user_id: Some(person.id), ..AuditEvent::new(AuditKind::UserCreated, at(1)) };
    opened.transaction(async |tx| tx.audit().insert(&event.clone().with("role", "viewer")).await).await.unwrap();
}

async fn delete(opened: &Opened, person: &User, when: Timestamp) {
    assert_eq!(opened.transaction(async |tx| tx.users().delete(person.id, when).await).await, Ok(true));
}

#[tokio::test]
async fn a_purge_leaves_nothing_of_the_user_and_everything_of_others() {
    // Characters that occur nowhere else, so a trigram index finds three of them.
    let (purged, late, new) = ("zwqxvkj\u{1200}\u{1201}\u{1202}\u{1203}", "qjlatexw", "xqnewjzk");
    let pieces = ["zwqxvkj", "\u{1202}\u{1203}"];
    let name = |text: &str| Some(DisplayName::parse(text).unwrap());
    let ada = User { name: name(purged), ..user("zwqxvkj") };
    let bob = User { name: name(late), ..user(late) };
    let opened = Opened::migrated().await;
    insert_full_user(&opened, &ada, purged).await;
    insert_full_user(&opened, &bob, late).await;
    let mut raw = opened.raw().await;
    let before = places(&opened, &mut raw, &pieces).await;
    let expected = ["users.email", "users.username", "users.name", "users.password_hash", "users.search_key"];
    let expected = expected.into_iter().chain(["items.title", "items.title_key", "items.description"]);
    let expected = expected.chain(["items.description_key", "sessions.user_agent", "mail_tokens.email"]);
    let missing: Vec<_> = expected.filter(|place| !before.contains(*place)).collect();
    assert!(missing.is_empty(), "not found although present: {missing:?}, only {before:?}");
    let has_index = opened.is_sqlite();
    assert_eq!(before.contains("items_search_data.block") && before.contains("users_search_data.block"), has_index);

    delete(&opened, &ada, at(10 * DAY)).await;
    delete(&opened, &bob, at(20 * DAY)).await;
    // The same address and user name again, while the deleted account still exists.
    let again = User { name: name(new), ..user("zwqxvkj") };
    let again = User { id: keepstone_domain::UserId::generate(), ..again };
    opened.insert(&again).await.unwrap();
    opened.insert_items(&[item(&again, new)]).await;
    assert_eq!(purge(&*opened.shared(), at(10 * DAY - 1), 500).await, Ok(0), "not before its time");
    assert_eq!(purge(&*opened.shared(), at(10 * DAY), 500).await, Ok(1));
    forget_searches(&*opened.shared()).await;

    assert_eq!(opened.find(again.id).await, Some(again.clone()), "the new account with the same name is unchanged");
    // The remaining occurrences belong to the new account.
    let left = places(&opened, &mut raw, &["hash-zwqxvkj", "zwqxvkj one", "\u{1202}\u{1203}"]).await;
    assert!(left.is_empty(), "{left:?}");
    delete(&opened, &again, at(10 * DAY)).await;
    assert_eq!(purge(&*opened.shared(), at(10 * DAY), 500).await, Ok(1));
    forget_searches(&*opened.shared()).await;
    let left = places(&opened, &mut raw, &[pieces[0], pieces[1], new]).await;
    assert!(left.is_empty(), "{left:?}");
    let stays = places(&opened, &mut raw, &[late]).await;
    assert!(
        stays.contains("items.title") && stays.contains("mail_tokens.email"),
        "a user who was deleted later stays: {stays:?}"
    );
    assert_eq!(assert_right(&opened).await, ["0", "2", "2"], "users, items, events");
}

#[tokio::test]
async fn no_step_exceeds_its_limit_and_a_purge_can_stop_after_any_step() {
    let people: Vec<User> = (0..3).map(|number| user(&format!("user-{number}"))).collect();
    let staying = user("staying");
    let opened = Opened::with_users(&[&staying]).await;
    for (person, when) in people.iter().zip([2, 0, 1]) {
        insert_full_user(&opened, person, "something").await;
        delete(&opened, person, at(when)).await;
    }
    let rows = async |raw: &mut Raw| {
        let mut rows = 0;
        for table in ["users", "items", "sessions", "refresh_tokens"] {
            rows += raw.lines(&format!("SELECT 'row' AS line FROM {table}")).await.len();
        }
        rows
    };
    let mut raw = opened.raw().await;
    let mut left = rows(&mut raw).await;
    assert_eq!(left, 1 + 3 * 6);
    let first = opened.read().await.unwrap().users().list_deleted(at(1), 2).await.unwrap();
    assert_eq!(first, [people[1].id, people[2].id], "oldest deletions first");
    for id in [people[0].id, staying.id] {
        let early = opened.transaction(async |tx| tx.users().purge(id, at(1), 4).await).await;
        assert_eq!(early, Ok(Purged::Nothing), "users who were not deleted, or only later");
    }
    for person in &people {
        loop {
            // A step that is rolled back has no effect.
            let mut tx = opened.begin().await.unwrap();
            let undone = tx.users().purge(person.id, at(2), 4).await.unwrap();
            tx.rollback().await.unwrap();
            assert_eq!(rows(&mut raw).await, left);
            let step = opened.transaction(async |tx| tx.users().purge(person.id, at(2), 4).await).await.unwrap();
            assert_eq!(step, undone);
            let now = rows(&mut raw).await;
            assert_right(&opened).await;
            if step == Purged::Nothing {
                assert_eq!(now, left);
                break;
            }
            assert!((1..=4).contains(&(left - now)), "{left} rows, then {now}");
            left = now;
        }
    }
    assert_eq!(left, 1, "the user who was not deleted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_nodes_purge_each_user_once_without_disturbing_others() {
    let (staying, opened) = (user("staying"), Opened::migrated().await);
    opened.insert(&staying).await.unwrap();
    for number in 0..12 {
        let person = user(&format!("user-{number}"));
        insert_full_user(&opened, &person, "something").await;
        delete(&opened, &person, at(number % 3)).await;
    }
    let stores: Vec<Arc<dyn Store>> = vec![opened.shared(), opened.another().await, opened.another().await];
    let removing = stores.into_iter().map(|store| async move {
        // A node that meets contention too often gives up, and starts again an hour later.
        loop {
            match purge(&*store, at(2), 3).await {
                Err(error) if error.is_transient() => {}
                done => return done,
            }
        }
    });
    let inserting = async {
        for number in 0..30 {
            opened.insert_items(&[item(&staying, &format!("meanwhile {number}"))]).await;
        }
    };
    let (removed, ()) = tokio::join!(together(removing.collect::<Vec<_>>()), inserting);
    assert!(removed.iter().all(Result::is_ok), "{removed:?}");
    assert_eq!(assert_right(&opened).await, ["1", "30", "12"]);
    let mut raw = opened.raw().await;
    for table in ["sessions", "refresh_tokens", "mail_tokens"] {
        assert!(raw.lines(&format!("SELECT 'row' AS line FROM {table}")).await.is_empty(), "{table}");
    }
    assert_eq!(raw.lines("SELECT 'row' AS line FROM users").await.len(), 1);
}
