//! Changes of addresses that can be undone: until then the old address stays reserved, even if the account is deleted.

use std::time::Duration;

use keepstone_domain::{Email, EmailChange, MailPurpose, MailTokenId, Timestamp, User, UserId};
use keepstone_persistence::Target;
use keepstone_repository::{Insertion, Purged, Result};
use keepstone_test_backends::Database;
use uuid::Uuid;

use crate::{
    harness::{Opened, at, hashed, user},
    mail_token::{replace, token},
};

const MOMENT: Duration = Duration::from_micros(1);

fn change(user_id: UserId, old_email: &str, expires_at: Timestamp) -> EmailChange {
    let id = MailTokenId::generate();
    let mut digest = [0xee; 32];
    digest[..16].copy_from_slice(Uuid::from(id).as_bytes());
    EmailChange { id, user_id, old_email: Email::parse(old_email).unwrap(), digest, expires_at }
}

async fn insert(opened: &Opened, change: &EmailChange) {
    opened.transaction(async |tx| tx.email_changes().insert(change).await).await.unwrap();
}

async fn undo(opened: &Opened, id: MailTokenId) -> Result<bool> {
    opened.transaction(async |tx| tx.email_changes().undo(id).await).await
}

async fn found(opened: &Opened, id: MailTokenId) -> Option<EmailChange> {
    opened.read().await.unwrap().email_changes().find(id).await.unwrap()
}

async fn owner(opened: &Opened, email: &str, now: Timestamp) -> Option<UserId> {
    let email = Email::parse(email).unwrap();
    opened.read().await.unwrap().email_changes().find_owner(&email, now).await.unwrap()
}

#[tokio::test]
async fn an_address_is_reserved_in_any_spelling_until_its_change_expires() {
    let (opened, end) = (Opened::migrated().await, at(1_000_000));
    let ada = change(UserId::generate(), "Ada@Bücher.example", end);
    insert(&opened, &ada).await;
    assert_eq!(found(&opened, ada.id).await.as_ref(), Some(&ada));
    let mut reader = opened.read().await.unwrap();
    assert_eq!(reader.email_changes().find_by_digest(&ada.digest).await, Ok(Some(ada.clone())));
    assert_eq!(reader.email_changes().find_by_digest(&[0; 32]).await, Ok(None));
    for email in ["ada@bücher.example", "ADA@xn--bcher-kva.example"] {
        assert_eq!(owner(&opened, email, end - MOMENT).await, Some(ada.user_id), "{email}");
        assert_eq!(owner(&opened, email, end).await, None, "{email}");
    }
    assert_eq!(owner(&opened, "ad@bücher.example", at(0)).await, None);
}

#[tokio::test]
async fn undoing_a_change_removes_it_and_the_later_ones_of_its_account_once() {
    let opened = Opened::migrated().await;
    let (ada, bob, end) = (UserId::generate(), UserId::generate(), at(1_000_000));
    let changes = [("a", ada), ("x", bob), ("b", ada), ("a", ada)];
    let changes = changes.map(|(name, id)| change(id, &format!("{name}@example.com"), end));
    for change in &changes {
        insert(&opened, change).await;
    }
    let [first, other, second, third] = &changes;
    let of = async |id| opened.read().await.unwrap().email_changes().list_of(id, end - MOMENT).await.unwrap();
    assert_eq!(of(ada).await, [third.clone(), second.clone(), first.clone()]);
    assert_eq!(opened.read().await.unwrap().email_changes().list_of(ada, end).await, Ok(Vec::new()));
    assert_eq!(undo(&opened, second.id).await, Ok(true));
    assert_eq!(of(ada).await, std::slice::from_ref(first));
    assert_eq!(of(bob).await, std::slice::from_ref(other));
    for removed in [second.id, third.id, MailTokenId::generate()] {
        assert_eq!(undo(&opened, removed).await, Ok(false));
    }
    assert_eq!(undo(&opened, first.id).await, Ok(true));
    assert_eq!(of(ada).await, []);
}

#[tokio::test]
async fn a_bulk_insert_rejects_reserved_addresses() {
    let (opened, end) = (Opened::migrated().await, at(1_000_000));
    insert(&opened, &change(UserId::generate(), "ada@example.com", end)).await;
    let people = [user("ada"), user("bob")];
    let expected = [Insertion::EmailTaken, Insertion::Made];
    let foreseen = opened.read().await.unwrap().users().foresee(&hashed(&people, "hash"), end - MOMENT).await;
    assert_eq!(foreseen.as_deref(), Ok(&expected[..]));
    let missing =
        async |now| opened.transaction(async |tx| tx.users().insert_missing(&hashed(&people, "hash"), now).await).await;
    assert_eq!(missing(end - MOMENT).await.as_deref(), Ok(&expected[..]));
    assert_eq!(missing(end).await.as_deref(), Ok(&[Insertion::Made, Insertion::EmailTaken][..]), "it has expired");
}

#[tokio::test]
async fn a_reservation_outlives_the_account_and_ends_when_it_expires() {
    let (ada, end) = (user("ada"), at(1_000_000));
    let opened = Opened::with_users(&[&ada]).await;
    let kept = change(ada.id, "old@example.com", end);
    insert(&opened, &kept).await;
    let pending = User { pending_email: Some(Email::parse("Next@example.com").unwrap()), ..ada.clone() };
    assert_eq!(opened.write().await.unwrap().users().update(&pending, at(1)).await, Ok(true));
    assert_eq!(opened.find(ada.id).await.unwrap().pending_email, pending.pending_email);
    assert_eq!(opened.write().await.unwrap().users().delete(ada.id, at(1)).await, Ok(true));
    let left = "SELECT email AS line FROM users WHERE pending_email IS NOT NULL";
    assert!(opened.raw().await.lines(left).await.is_empty(), "a deleted user has no pending address");
    let purge = opened.transaction(async |tx| tx.users().purge(ada.id, at(1), 50).await).await;
    assert_eq!(purge, Ok(Purged::Wholly));
    assert_eq!(owner(&opened, "old@example.com", end - MOMENT).await, Some(ada.id));
    let delete =
        async |before, limit| opened.write().await.unwrap().email_changes().delete_expired(before, limit).await;
    assert_eq!(delete(end, 9).await, Ok(0));
    for number in 0..2 {
        insert(&opened, &change(ada.id, &format!("old{number}@example.com"), end)).await;
    }
    assert_eq!((delete(end + MOMENT, 2).await, delete(end + MOMENT, 2).await), (Ok(2), Ok(1)));
    assert_eq!(found(&opened, kept.id).await, None);
}

#[tokio::test]
async fn links_sent_before_the_migration_still_work_and_reserve_the_address() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let migrator = opened.store.migrator();
    // Downgrades to the schema without the table.
    while !migrator
        .downgrade(Target::Steps(1))
        .await
        .unwrap()
        .iter()
        .any(|taken| taken.name.contains("create_email_changes"))
    {}
    // This program cannot read users of that schema, but need not.
    let old = token(&ada, MailPurpose::UndoEmailChange);
    let (id, user_id) = (opened.literal(old.id), opened.literal(ada.id));
    let binary = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let digest = match opened.kind {
        Database::Postgres => format!("decode('{}', 'hex')", binary(&old.digest)),
        Database::Sqlite | Database::Mariadb => format!("x'{}'", binary(&old.digest)),
    };
    let expires_at = match opened.kind {
        Database::Postgres => "'2099-01-01 00:00:00+00'",
        Database::Sqlite => "4070908800000000",
        Database::Mariadb => "'2099-01-01 00:00:00'",
    };
    opened
        .raw()
        .await
        .run(&format!(
            "INSERT INTO mail_tokens (public_id, user_id, purpose, email, digest, expires_at) \
             SELECT {id}, id, 'undo_email_change', 'Ada@Example.com', {digest}, {expires_at} FROM users \
             WHERE public_id = {user_id}"
        ))
        .await;
    migrator.upgrade(Target::All).await.unwrap();
    let moved = found(&opened, old.id).await.unwrap();
    assert_eq!((moved.user_id, moved.old_email.as_str(), moved.digest), (ada.id, "Ada@Example.com", old.digest));
    assert_eq!(owner(&opened, "ada@example.com", at(0)).await, Some(ada.id));
    insert(&opened, &change(ada.id, "later@example.com", moved.expires_at)).await;
    while !migrator
        .downgrade(Target::Steps(1))
        .await
        .unwrap()
        .iter()
        .any(|taken| taken.name.contains("create_email_changes"))
    {}
    let back = opened.raw().await.lines("SELECT email AS line FROM mail_tokens").await;
    assert_eq!(back, ["Ada@Example.com"], "the first of several changes");
    migrator.upgrade(Target::All).await.unwrap();
    replace(&*opened, &token(&ada, MailPurpose::VerifyEmail)).await.unwrap();
    assert!(found(&opened, old.id).await.is_some());
}
