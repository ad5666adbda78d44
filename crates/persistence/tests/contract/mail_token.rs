//! Tokens that are sent by e-mail: the newest token of a user and purpose is valid, once.

use std::{sync::Arc, time::Duration};

use keepstone_domain::{Email, MailPurpose, MailToken, MailTokenId, User, UserId};
use keepstone_repository::{Result, StorageError, Store};
use tokio::sync::Barrier;

use crate::harness::{Opened, at, together, user};

/// Creates a token of this user, sent to the user's address.
pub fn token(user: &User, purpose: MailPurpose) -> MailToken {
    let id = MailTokenId::generate();
    let half = *uuid::Uuid::from(id).as_bytes();
    let mut digest = [0xff; 32];
    digest[..16].copy_from_slice(&half);
    MailToken {
        id,
        purpose,
        user_id: user.id,
        email: user.email.clone(),
        digest,
        expires_at: at(1_000_000_000_000_007),
    }
}

pub async fn replace(store: &dyn Store, token: &MailToken) -> Result<()> {
    store
        .transaction(async |tx| {
            tx.users().hold(token.user_id).await?;
            tx.mail_tokens().replace(token).await
        })
        .await
}

async fn found(opened: &Opened, token: &MailToken) -> Option<MailToken> {
    opened.read().await.unwrap().mail_tokens().find(token.id).await.unwrap()
}

#[tokio::test]
async fn a_token_is_found_by_id_digest_and_user_with_every_member() {
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let mut all = Vec::new();
    for owner in [&ada, &bob] {
        for purpose in MailPurpose::ALL {
            let token = MailToken { email: Email::parse("Other@Example.com").unwrap(), ..token(owner, purpose) };
            assert_eq!(replace(&*opened, &token).await, Ok(()));
            all.push(token);
        }
    }
    let mut reader = opened.read().await.unwrap();
    for token in all {
        assert_eq!(reader.mail_tokens().find(token.id).await, Ok(Some(token.clone())));
        assert_eq!(reader.mail_tokens().find_by_digest(&token.digest).await, Ok(Some(token.clone())));
        assert_eq!(reader.mail_tokens().find_of(token.user_id, token.purpose).await, Ok(Some(token.clone())));
        let mut near = token.digest;
        near[31] ^= 1;
        assert_eq!(reader.mail_tokens().find_by_digest(&near).await, Ok(None));
    }
    assert_eq!(reader.mail_tokens().find(MailTokenId::generate()).await, Ok(None));
    assert_eq!(reader.mail_tokens().find_of(UserId::generate(), MailPurpose::VerifyEmail).await, Ok(None));
}

#[tokio::test]
async fn a_new_token_replaces_only_the_previous_one_of_its_user_and_purpose() {
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let first = token(&ada, MailPurpose::ResetPassword);
    let others = [token(&ada, MailPurpose::VerifyEmail), token(&bob, MailPurpose::ResetPassword)];
    for token in others.iter().chain([&first]) {
        replace(&*opened, token).await.unwrap();
    }
    let second = token(&ada, MailPurpose::ResetPassword);
    replace(&*opened, &second).await.unwrap();
    assert_eq!(found(&opened, &first).await, None);
    for token in others.iter().chain([&second]) {
        assert_eq!(found(&opened, token).await.as_ref(), Some(token));
    }
    let twin = MailToken { digest: second.digest, ..token(&bob, MailPurpose::ResetPassword) };
    assert!(matches!(replace(&*opened, &twin).await, Err(StorageError::Duplicate { .. })));
    assert_eq!(
        found(&opened, &others[1]).await.as_ref(),
        Some(&others[1]),
        "a token that was not replaced is still valid"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twelve_concurrent_replacements_on_two_nodes_one_token_remains_and_none_fails() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let other: Arc<dyn Store> = opened.another().await;
    let outcomes = together((0..12).map(|number| {
        let store = if number % 2 == 0 { opened.shared() } else { Arc::clone(&other) };
        let token = token(&ada, MailPurpose::VerifyEmail);
        async move { replace(&*store, &token).await }
    }))
    .await;
    assert_eq!(outcomes, [const { Ok(()) }; 12]);
    let left = opened.raw().await.lines("SELECT purpose AS line FROM mail_tokens").await;
    assert_eq!(left, ["verify_email"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twelve_concurrent_uses_on_two_nodes_one_consumes_the_token() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let other: Arc<dyn Store> = opened.another().await;
    for _ in 0..3 {
        let token = token(&ada, MailPurpose::ResetPassword);
        replace(&*opened, &token).await.unwrap();
        let all = Arc::new(Barrier::new(12));
        let outcomes = together((0..12).map(|number| {
            let store = if number % 2 == 0 { opened.shared() } else { Arc::clone(&other) };
            let (all, id) = (Arc::clone(&all), token.id);
            async move {
                all.wait().await;
                store.transaction(async |tx| tx.mail_tokens().consume(id).await).await
            }
        }))
        .await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Ok(true)).count(), 1, "{outcomes:?}");
    }
    opened.assert_whole().await;
}

#[tokio::test]
async fn only_the_tokens_of_a_user_and_purpose_are_deleted() {
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let tokens = MailPurpose::ALL.map(|purpose| token(&ada, purpose));
    let others = MailPurpose::ALL.map(|purpose| token(&bob, purpose));
    for token in tokens.iter().chain(&others) {
        replace(&*opened, token).await.unwrap();
    }
    let delete =
        async |id, purposes: &[MailPurpose]| opened.write().await.unwrap().mail_tokens().delete_of(id, purposes).await;
    assert_eq!(delete(ada.id, &[]).await, Ok(()));
    assert_eq!(delete(UserId::generate(), &MailPurpose::ALL).await, Ok(()), "an unknown user");
    assert_eq!(delete(ada.id, &[MailPurpose::VerifyEmail, MailPurpose::ResetPassword]).await, Ok(()));
    for (index, token) in tokens.iter().enumerate() {
        assert_eq!(found(&opened, token).await.as_ref(), (index == 2).then_some(token));
    }
    for token in &others {
        assert_eq!(found(&opened, token).await.as_ref(), Some(token));
    }
}

#[tokio::test]
async fn expired_tokens_are_deleted_in_batches() {
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let end = at(1_000);
    for token in MailPurpose::ALL.map(|purpose| token(&ada, purpose)) {
        replace(&*opened, &MailToken { expires_at: end, ..token }).await.unwrap();
    }
    let good = MailToken { expires_at: end + Duration::from_micros(1), ..token(&bob, MailPurpose::VerifyEmail) };
    replace(&*opened, &good).await.unwrap();
    let delete = async |before, limit| opened.write().await.unwrap().mail_tokens().delete_expired(before, limit).await;
    assert_eq!(delete(end, 9).await, Ok(0));
    let later = end + Duration::from_micros(1);
    assert_eq!(delete(later, 2).await, Ok(2));
    assert_eq!(delete(later, 2).await, Ok(1));
    assert_eq!(delete(later, 2).await, Ok(0));
    assert_eq!(found(&opened, &good).await, Some(good));
}

#[tokio::test]
async fn a_token_of_an_unknown_or_deleted_user_is_rejected() {
    let (ada, absent) = (user("ada"), user("absent"));
    let opened = Opened::with_users(&[&ada]).await;
    assert_eq!(opened.write().await.unwrap().users().delete(ada.id, at(1)).await, Ok(true));
    for owner in [&absent, &ada] {
        let token = token(owner, MailPurpose::ResetPassword);
        let outcome = replace(&*opened, &token).await;
        assert!(matches!(outcome, Err(StorageError::Corrupt(_))), "{outcome:?}");
        assert_eq!(found(&opened, &token).await, None);
    }
}

#[tokio::test]
async fn tokens_are_deleted_with_their_user() {
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let tokens = [token(&ada, MailPurpose::VerifyEmail), token(&bob, MailPurpose::VerifyEmail)];
    for token in &tokens {
        replace(&*opened, token).await.unwrap();
    }
    let id = opened.literal(ada.id);
    let mut raw = opened.raw().await;
    if opened.is_sqlite() {
        raw.run("PRAGMA foreign_keys = ON").await;
    }
    raw.run(&format!("DELETE FROM users WHERE public_id = {id}")).await;
    assert_eq!(found(&opened, &tokens[0]).await, None);
    assert_eq!(found(&opened, &tokens[1]).await.as_ref(), Some(&tokens[1]));
}
