//! Rebuilding of search keys after the rules of the search have changed.

use keepstone_domain::{Item, ItemFilter, ItemId, PageRequest, SearchText, User, UserFilter, UserId};
use keepstone_persistence::Target;

use crate::harness::{Opened, described, item, named, user};

/// The text as users type it, and as stored in the keys of an older version.
const COMPOSED: &str = "café";
const OLD: &str = "cafe\u{301}";

async fn users_found(opened: &Opened) -> usize {
    let filter = UserFilter { search: Some(SearchText::parse(COMPOSED).unwrap()), role: None };
    opened.read().await.unwrap().users().list(&filter, &PageRequest::first(100)).await.unwrap().items.len()
}

async fn items_found(opened: &Opened) -> usize {
    let filter = ItemFilter { search: Some(SearchText::parse(COMPOSED).unwrap()), owner_id: None };
    opened.items(&filter, &PageRequest::first(100)).await.items.len()
}

/// Rebuilds all keys, and returns the number of calls.
async fn renew_users(opened: &Opened, limit: u32) -> usize {
    let (mut after, mut calls) = (None::<UserId>, 0);
    loop {
        calls += 1;
        after = opened.transaction(async |tx| tx.users().renew_search_keys(after, limit).await).await.unwrap();
        if after.is_none() {
            return calls;
        }
    }
}

async fn renew_items(opened: &Opened, limit: u32) -> usize {
    let (mut after, mut calls) = (None::<ItemId>, 0);
    loop {
        calls += 1;
        after = opened.transaction(async |tx| tx.items().renew_search_keys(after, limit).await).await.unwrap();
        if after.is_none() {
            return calls;
        }
    }
}

#[tokio::test]
async fn users_and_items_with_old_keys_are_found_after_the_rebuild() {
    let ada = named("Cafe\u{301} Ada");
    let others: Vec<User> = (0..6).map(|number| user(&format!("user{number}"))).collect();
    let opened = Opened::with_users(&[&ada]).await;
    for other in &others {
        opened.insert(other).await.unwrap();
    }
    let items: Vec<Item> = (0..3)
        .flat_map(|_| [item(&ada, "The Cafe\u{301}"), described(&ada, "x", "in a cafe\u{301}"), item(&ada, "plain")])
        .collect();
    opened.insert_items(&items).await;
    assert_eq!((users_found(&opened).await, items_found(&opened).await), (1, 6), "new rows have new keys");

    let mut raw = opened.raw().await;
    let id = opened.literal(ada.id);
    raw.run(&format!("UPDATE users SET search_key = '{OLD} ada' WHERE public_id = {id}")).await;
    raw.run(&format!("UPDATE items SET title_key = '{OLD}' WHERE title_key LIKE '%caf%'")).await;
    raw.run(&format!("UPDATE items SET description_key = '{OLD}' WHERE description_key LIKE '%caf%'")).await;
    assert_eq!((users_found(&opened).await, items_found(&opened).await), (0, 0));

    assert_eq!((renew_users(&opened, 2).await, renew_items(&opened, 100).await), (4, 1));
    assert_eq!((users_found(&opened).await, items_found(&opened).await), (1, 6));
    assert_eq!(opened.find(ada.id).await, Some(ada), "the user counts as unchanged");
    for item in items {
        assert_eq!(opened.find_item(item.id).await, Some(item));
    }
    assert_eq!((renew_users(&opened, 7).await, renew_items(&opened, 4).await), (2, 3), "a second rebuild is harmless");
}

#[tokio::test]
async fn the_longest_searchable_text_fits() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    // This character takes three times as many bytes in NFC.
    let note = "\u{1d160}";
    opened.insert_items(&[described(&ada, &note.repeat(255), &note.repeat(10_000))]).await;
    let filter = ItemFilter { search: Some(SearchText::parse(note).unwrap()), owner_id: None };
    assert_eq!(opened.items(&filter, &PageRequest::first(1)).await.items.len(), 1);
}

#[tokio::test]
async fn a_database_in_use_gets_a_job_for_each_table_and_a_new_database_none() {
    let opened = Opened::empty().await;
    let all = opened.store.migrator().upgrade(Target::All).await.unwrap();
    let newest = all.iter().rev().position(|state| state.name.contains("renew_search_keys")).unwrap() + 1;
    let kinds = async || {
        let mut kinds = opened.raw().await.lines("SELECT kind AS line FROM jobs").await;
        kinds.sort();
        kinds
    };
    assert_eq!(kinds().await, [""; 0]);
    let ada = user("ada");
    opened.insert(&ada).await.unwrap();
    opened.insert_items(&[item(&ada, "x")]).await;
    opened.store.migrator().downgrade(Target::Steps(newest)).await.unwrap();
    opened.store.migrator().upgrade(Target::All).await.unwrap();
    assert_eq!(kinds().await, ["renew_item_search_keys", "renew_user_search_keys"]);
    let due = opened.read().await.unwrap().jobs().list_due(10).await.unwrap();
    assert_eq!(due.ready.len(), 2, "due immediately");
    opened.store.migrator().downgrade(Target::Steps(newest)).await.unwrap();
    assert_eq!(kinds().await, [""; 0]);
}
