//! Values are stored exactly: to the microsecond, the bit and the last space. A value that a database cannot store is
//! an error, and is never silently changed.

use chrono::DateTime;
use keepstone_domain::{DisplayName, Email, Login, Session, Timestamp, User, UserId};
use keepstone_test_backends::Database;
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::harness::{Opened, at, hash, named, session, user};

fn time(rfc3339: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(rfc3339).unwrap().to_utc().into()
}

#[tokio::test]
async fn every_time_is_stored_to_the_microsecond() {
    let times = [
        at(0),
        at(1),
        at(999_999),
        at(1_000_000),
        at(-1),
        time("1970-12-31T23:59:59.999999Z"),
        time("1999-12-31T23:59:59.999999Z"),
        time("2000-02-29T00:00:00.000001Z"),
        time("2024-02-29T23:59:59.999999Z"),
        time("2026-03-29T02:30:00.123456Z"), // does not exist in the time zone of Berlin
        time("2026-10-25T02:30:00.500000Z"), // exists twice there
        time("2038-01-19T03:14:08.000000Z"),
        time("9999-12-31T23:59:59.999999Z"),
    ];
    let opened = Opened::migrated().await;
    let mut shifted = times;
    shifted.rotate_left(1);
    for (first, second) in times.into_iter().zip(shifted) {
        let user = User { created_at: first, updated_at: second, ..named("Ada") };
        opened.insert(&user).await.unwrap();
        assert_eq!(opened.find(user.id).await, Some(user.clone()));

        let (mut session, token) = session(&user);
        (session.created_at, session.last_used_at, session.expires_at) = (second, first, second);
        opened.insert_session(&session, &token).await.unwrap();
        let found = opened.read().await.unwrap().sessions().find_with_user(session.id).await;
        assert_eq!(found, Ok(Some((session, user))));
    }
}

#[tokio::test]
async fn a_time_beyond_the_range_of_the_database_is_rejected_and_never_changed() {
    let opened = Opened::migrated().await;
    for far in ["+10000-01-01T00:00:00Z", "+73504-08-19T22:05:57.000001Z", "+262142-12-31T23:59:59Z"] {
        let far = far.parse::<DateTime<chrono::Utc>>().unwrap().into();
        let user = User { created_at: far, ..named("Ada") };
        if opened.insert(&user).await.is_ok() {
            assert_eq!(opened.find(user.id).await, Some(user));
        } else {
            assert_eq!(opened.find(user.id).await, None);
        }
    }
    opened.assert_whole().await;
}

#[tokio::test]
async fn every_id_is_stored_to_the_bit() {
    let opened = Opened::migrated().await;
    let ids = [
        Uuid::nil(),
        Uuid::max(),
        Uuid::from_u128(1),
        Uuid::from_u128(0x0027_5c25_5f22_600a_0d1a_c328_fffe_0000),
        Uuid::from_u128(0x8000_0000_0000_0000_0000_0000_0000_0000),
        Uuid::from_u128(0x2020_2020_2020_2020_2020_2020_2020_2020),
    ];
    for id in ids.map(UserId::from) {
        let user = User { id, ..named("Ada") };
        opened.insert(&user).await.unwrap();
        assert_eq!(opened.find(id).await, Some(user));
    }
}

const TEXTS: [&str; 15] = [
    "'; DROP TABLE users; --",
    "back\\slash \\' \\\\ \\0 \\n \\%",
    "\"double\" `back` 'single' “curly”",
    "100 % of _ and %%s $1 ? :name {0}",
    "👩🏽‍💻🏳️‍🌈 𝒳 \u{10ffff}",
    "e\u{301} is not é, \u{1e9e} is not ß, \u{212b} is not Å",
    "ﬁ ｆｕｌｌｗｉｄｔｈ \u{feff}bom \u{200b}zero",
    "العربية עברית हिन्दी 漢字",
    "ı İ Σ ς ſ K",
    "NULL",
    "null",
    "0",
    "\\N",
    "1e10",
    "two  spaces",
];

#[tokio::test]
async fn every_text_is_stored_to_the_last_space() {
    let opened = Opened::migrated().await;
    for text in TEXTS {
        let user = User { name: Some(DisplayName::parse(text).unwrap()), ..named("Ada") };
        opened.transaction(async |tx| tx.users().insert(&user, &hash(text)).await).await.unwrap();
        assert_eq!(opened.find(user.id).await, Some(user.clone()));
        let found =
            opened.read().await.unwrap().users().find_credentials(&Login::Email(user.email.clone())).await.unwrap();
        assert_eq!(found.unwrap().password_hash.expose_secret(), text);

        for agent in [text.to_owned(), format!("  {text}  "), format!("\t{text}\r\n"), String::new(), " ".to_owned()] {
            let (session, token) = session(&user);
            let session = Session { user_agent: Some(agent), ip: Some(String::new()), ..session };
            opened.insert_session(&session, &token).await.unwrap();
            let found = opened.read().await.unwrap().sessions().find_with_user(session.id).await.unwrap();
            assert_eq!(found.map(|(found, _user)| found), Some(session));
        }
    }
}

#[tokio::test]
async fn the_longest_texts_fit() {
    let opened = Opened::migrated().await;
    let email =
        format!("{}@{}.{}.{}.ex", "!#$%&'*+-/=?^_`{|}~a".repeat(3), "d".repeat(63), "e".repeat(63), "f".repeat(61));
    let person = User {
        email: Email::parse(&email).unwrap(),
        name: Some(DisplayName::parse(&"👩".repeat(DisplayName::MAX_LENGTH)).unwrap()),
        ..user(&"u".repeat(50))
    };
    assert_eq!(email.len(), 253);
    opened.transaction(async |tx| tx.users().insert(&person, &hash(&"h".repeat(255))).await).await.unwrap();
    assert_eq!(opened.find(person.id).await, Some(person.clone()));
    let (session, token) = session(&person);
    let ip = Some("0000:0000:0000:0000:0000:ffff:255.255.255.255".to_owned());
    let session = Session { ip, user_agent: Some("\u{10ffff}".repeat(512)), ..session };
    opened.insert_session(&session, &token).await.unwrap();
    let found = opened.read().await.unwrap().sessions().find_with_user(session.id).await;
    assert_eq!(found, Ok(Some((session, person))));
}

#[tokio::test]
async fn a_text_that_the_database_cannot_store_is_rejected_and_never_changed() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    // The domain's types reject U+0000 and limit every length; only the user agent of a session is unrestricted text.
    for (agent, kept_by) in [
        ("a\0b".to_owned(), [Database::Sqlite, Database::Mariadb].as_slice()),
        ("\0".to_owned(), &[Database::Sqlite, Database::Mariadb]),
        ("a".repeat(513), &[Database::Sqlite, Database::Postgres]),
    ] {
        let (session, token) = session(&ada);
        let session = Session { user_agent: Some(agent.clone()), ..session };
        let outcome = opened.insert_session(&session, &token).await;
        assert_eq!(outcome.is_ok(), kept_by.contains(&opened.kind), "{agent:?}: {outcome:?}");
        let found = opened.read().await.unwrap().sessions().find_with_user(session.id).await.unwrap();
        assert_eq!(found.map(|(found, _user)| found), outcome.is_ok().then_some(session));
    }
    opened.assert_whole().await;
}
