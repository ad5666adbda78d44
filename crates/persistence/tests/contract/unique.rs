//! Unique keys: each value exists once, and the error names the right key for any value.

use keepstone_domain::{Email, User, UserId, UserPatch, Username};
use keepstone_repository::{Result, StorageError, UniqueKey};

use crate::harness::{Opened, at, hash, session, together, user};

const fn taken(key: UniqueKey) -> Result<()> {
    Err(StorageError::Duplicate { key })
}

fn with_email(email: &str) -> User {
    User { email: Email::parse(email).unwrap(), username: None, ..user("person") }
}

fn with_username(username: &str) -> User {
    let id = UserId::generate();
    User { id, username: Some(Username::parse(username).unwrap()), ..user(&format!("u-{id}")) }
}

#[tokio::test]
async fn an_address_is_unique_in_any_case_and_spelling() {
    let long = format!("{}@{}.example.com", "l".repeat(64), "d".repeat(63));
    let opened = Opened::migrated().await;
    for (first, second) in [
        ("ada@example.com", "ADA@Example.COM"),
        ("users_username_key@example.com", "Users_Username_Key@example.com"),
        ("o'for`key'users_username_key'@example.com", "O'for`key'users_username_key'@example.com"),
        ("%s{0}\u{7c}$1@example.com", "%S{0}\u{7c}$1@example.com"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        (long.as_str(), long.as_str()),
    ] {
        opened.insert(&with_email(first)).await.unwrap();
        assert_eq!(opened.insert(&with_email(second)).await, taken(UniqueKey::Email), "{second}");
    }
    for other in ["a@bucher.example", "ada@example.co", "ad@example.com", "a.da@example.com"] {
        assert_eq!(opened.insert(&with_email(other)).await, Ok(()), "{other}");
    }
}

#[tokio::test]
async fn a_username_is_unique_in_any_case() {
    let opened = Opened::migrated().await;
    for (first, second) in
        [("ada", "ADA"), ("users_email_key", "Users_Email_Key"), ("for.key.email_key", "for.key.EMAIL_KEY")]
    {
        opened.insert(&with_username(first)).await.unwrap();
        assert_eq!(opened.insert(&with_username(second)).await, taken(UniqueKey::Username), "{second}");
    }
    for other in ["ad_", "ada_", "a-da", "adaa"] {
        assert_eq!(opened.insert(&with_username(other)).await, Ok(()), "{other}");
    }
}

#[tokio::test]
async fn any_number_of_users_may_have_no_username() {
    let opened = Opened::migrated().await;
    for number in 0..3 {
        assert_eq!(opened.insert(&with_email(&format!("u{number}@example.com"))).await, Ok(()));
    }
}

#[tokio::test]
async fn a_change_to_a_taken_key_is_rejected_unless_it_is_the_users_own() {
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let email = |text: &str| UserPatch { email: Some(Email::parse(text).unwrap()), ..UserPatch::default() };
    let username =
        |text: &str| UserPatch { username: Some(Some(Username::parse(text).unwrap())), ..UserPatch::default() };
    for (patch, outcome) in [
        (email("ADA@example.com"), taken(UniqueKey::Email)),
        (username("Ada"), taken(UniqueKey::Username)),
        (email("BOB@example.com"), Ok(())),
        (username("BOB"), Ok(())),
    ] {
        let bob = opened.find(bob.id).await.unwrap();
        let changed = patch.clone().apply(&bob);
        let change = opened.transaction(async |tx| tx.users().update(&changed, at(1)).await).await;
        assert_eq!(change.map(drop), outcome, "{patch:?}");
    }
    assert_eq!(opened.find(ada.id).await, Some(ada));
}

#[tokio::test]
async fn a_duplicate_id_or_digest_is_not_reported_as_a_taken_name() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let twin = User { id: ada.id, ..user("email_key") };
    assert_eq!(opened.insert(&twin).await, taken(UniqueKey::Other));

    let (first, token) = session(&ada);
    assert_eq!(opened.insert_session(&first, &token).await, Ok(()));
    let (mut second, mut other) = session(&ada);
    second.id = first.id;
    assert_eq!(opened.insert_session(&second, &other).await, taken(UniqueKey::Other), "the same id");

    let (second, fresh) = session(&ada);
    other.session_id = second.id;
    other.digest = token.digest;
    assert_eq!(opened.insert_session(&second, &other).await, taken(UniqueKey::Other), "the same digest");

    other.digest = fresh.digest;
    other.session_id = first.id;
    assert_eq!(
        opened.insert_session(&second, &other).await,
        taken(UniqueKey::Other),
        "the same generation of the same session"
    );
    assert_eq!(opened.read().await.unwrap().sessions().find_with_user(second.id).await, Ok(None));
    assert_eq!(opened.insert_session(&second, &fresh).await, Ok(()), "the failed insert left nothing behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_concurrent_claims_of_one_address_one_succeeds() {
    let opened = Opened::migrated().await;
    for round in 0..3 {
        let outcomes = together((0_u32..50).map(|number| {
            let store = opened.shared();
            async move {
                let case = |(index, letter): (u32, char)| {
                    if number >> index & 1 == 1 { letter.to_ascii_uppercase() } else { letter }
                };
                let name: String = (0..).zip("lovelace".chars()).map(case).collect();
                let user = with_email(&format!("{name}{round}@example.com"));
                store.transaction(async |tx| tx.users().insert(&user, &hash("hash")).await).await
            }
        }))
        .await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        let others = outcomes.iter().filter(|outcome| **outcome == taken(UniqueKey::Email)).count();
        assert_eq!(others, 49, "{outcomes:?}");
    }
    opened.assert_whole().await;
}
