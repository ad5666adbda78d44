//! Transactions: a commit makes all changes visible, anything else makes none visible, and no error is lost.

use std::sync::atomic::{AtomicU32, Ordering};

use keepstone_domain::Email;
use keepstone_repository::{StorageError, UniqueKey};

use crate::harness::{Opened, at, hash, user};

const EMAIL_TAKEN: StorageError = StorageError::Duplicate { key: UniqueKey::Email };

#[tokio::test]
async fn only_committed_changes_are_visible_to_other_readers() {
    let opened = Opened::migrated().await;
    let ada = user("ada");
    let mut reader = opened.read().await.unwrap();
    let mut tx = opened.begin().await.unwrap();
    tx.users().insert(&ada, &hash("hash")).await.unwrap();
    assert_eq!(tx.users().find(ada.id).await, Ok(Some(ada.clone())), "its own transaction sees it");
    assert_eq!(reader.users().find(ada.id).await, Ok(None));
    assert_eq!(opened.find(ada.id).await, None);

    tx.commit().await.unwrap();
    assert_eq!(reader.users().find(ada.id).await, Ok(Some(ada.clone())), "every statement reads the current state");
    assert_eq!(opened.find(ada.id).await, Some(ada.clone()));
    let another = opened.another().await;
    drop(opened.store);
    let store: &dyn keepstone_repository::Store = &*another;
    assert_eq!(store.read().await.unwrap().users().find(ada.id).await, Ok(Some(ada)));
}

#[tokio::test]
async fn a_rollback_reverts_everything() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let bob = user("bob");
    let mut tx = opened.begin().await.unwrap();
    tx.users().insert(&bob, &hash("hash")).await.unwrap();
    assert_eq!(tx.users().update(&ada, at(1)).await, Ok(true));
    assert_eq!(tx.failure(), None);
    tx.rollback().await.unwrap();
    assert_eq!(opened.find(bob.id).await, None);
    assert_eq!(opened.find(ada.id).await, Some(ada));
}

#[tokio::test]
async fn a_closure_that_returns_its_own_error_is_rolled_back_and_not_retried() {
    #[derive(Debug, PartialEq)]
    enum Refusal {
        TooYoung,
        Storage(StorageError),
    }
    impl From<StorageError> for Refusal {
        fn from(error: StorageError) -> Self {
            Self::Storage(error)
        }
    }

    let opened = Opened::migrated().await;
    let ada = user("ada");
    let runs = AtomicU32::new(0);
    let refused = opened
        .transaction(async |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            tx.users().insert(&ada, &hash("hash")).await?;
            Err::<(), _>(Refusal::TooYoung)
        })
        .await;
    assert_eq!(refused, Err(Refusal::TooYoung));
    assert_eq!(runs.into_inner(), 1);
    assert_eq!(opened.find(ada.id).await, None);

    let taken = opened
        .transaction(async |tx| {
            tx.users().insert(&ada, &hash("hash")).await?;
            Ok::<_, Refusal>(tx.users().insert(&user("ada"), &hash("hash")).await?)
        })
        .await;
    assert!(matches!(taken, Err(Refusal::Storage(StorageError::Duplicate { .. }))), "{taken:?}");
    assert_eq!(opened.find(ada.id).await, None);
}

#[tokio::test]
async fn a_transaction_with_a_failed_statement_fails_to_commit_with_the_first_error() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let bob = user("bob");
    let mut tx = opened.begin().await.unwrap();
    tx.users().insert(&bob, &hash("hash")).await.unwrap();
    let mut clash = user("eve");
    clash.email = ada.email.clone();
    assert_eq!(tx.users().insert(&clash, &hash("hash")).await, Err(EMAIL_TAKEN));
    clash.email = Email::parse("eve@example.com").unwrap();
    clash.username = ada.username.clone();
    assert!(tx.users().insert(&clash, &hash("hash")).await.is_err());
    assert_eq!(tx.failure(), Some(&EMAIL_TAKEN));
    assert_eq!(tx.commit().await, Err(EMAIL_TAKEN));
    assert_eq!(opened.find(bob.id).await, None);
    opened.assert_whole().await;
}

#[tokio::test]
async fn a_closure_that_hides_an_error_does_not_commit() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let bob = user("bob");
    let runs = AtomicU32::new(0);
    let outcome: Result<(), StorageError> = opened
        .transaction(async |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            tx.users().insert(&bob, &hash("hash")).await?;
            let mut clash = user("eve");
            clash.email = ada.email.clone();
            drop(tx.users().insert(&clash, &hash("hash")).await);
            Ok(())
        })
        .await;
    assert_eq!(outcome, Err(EMAIL_TAKEN));
    assert_eq!(runs.into_inner(), 1);
    assert_eq!(opened.find(bob.id).await, None);
}

#[tokio::test]
async fn a_failed_transaction_leaves_a_clean_connection() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    for round in 0..20 {
        assert_eq!(opened.insert(&ada).await.map_err(|_| ()), Err(()));
        let other = user(&format!("user{round}"));
        opened.insert(&other).await.unwrap();
        assert_eq!(opened.find(other.id).await, Some(other));
    }
    opened.assert_whole().await;
}
