//! Tokens that are sent by e-mail: the newest of a user and purpose is good, once.

use std::{sync::Arc, time::Duration};

use keepstone_domain::{Email, MailPurpose, MailToken, MailTokenId, User, UserId};
use keepstone_repository::{Result, StorageError, Store};
use tokio::sync::Barrier;

use crate::harness::{Opened, at, together, user};

/// A token of this user, sent to the address that they have.
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
async fn a_token_is_found_by_its_id_its_digest_and_its_user_with_all_that_is_known_of_it() {
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
async fn the_newest_token_takes_the_place_of_the_one_before_and_of_no_other() {
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
    assert_eq!(found(&opened, &others[1]).await.as_ref(), Some(&others[1]), "what was not replaced is still good");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twelve_who_replace_a_token_on_two_nodes_one_has_the_last_word_and_none_sees_an_error() {
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
async fn of_twelve_who_use_a_token_on_two_nodes_one_has_used_it() {
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
async fn the_tokens_of_a_user_and_purpose_are_deleted_and_no_others() {
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
    assert_eq!(delete(UserId::generate(), &MailPurpose::ALL).await, Ok(()), "nobody's");
    assert_eq!(delete(ada.id, &[MailPurpose::VerifyEmail, MailPurpose::ResetPassword]).await, Ok(()));
    for (index, token) in tokens.iter().enumerate() {
        assert_eq!(found(&opened, token).await.as_ref(), (index == 2).then_some(token));
    }
    for token in &others {
        assert_eq!(found(&opened, token).await.as_ref(), Some(token));
    }
}

#[tokio::test]
async fn tokens_whose_time_is_over_are_deleted_a_few_at_once() {
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
async fn a_token_of_nobody_or_of_somebody_deleted_is_an_error_and_is_not_kept() {
    let (ada, nobody) = (user("ada"), user("nobody"));
    let opened = Opened::with_users(&[&ada]).await;
    assert_eq!(opened.write().await.unwrap().users().delete(ada.id, at(1)).await, Ok(true));
    for owner in [&nobody, &ada] {
        let token = token(owner, MailPurpose::ResetPassword);
        let outcome = replace(&*opened, &token).await;
        assert!(matches!(outcome, Err(StorageError::Corrupt(_))), "{outcome:?}");
        assert_eq!(found(&opened, &token).await, None);
    }
}

#[tokio::test]
async fn tokens_go_with_their_user() {
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
