//! Items: stored exactly, and changed only as patched, by the owner, in an expected version.

use std::sync::Arc;

use keepstone_domain::{
    Description, Expected, Item, ItemFilter, ItemId, ItemPatch, PageRequest, Timestamp, Title, User, UserId, Version,
};
use keepstone_repository::{StorageError, Store};

use crate::harness::{Opened, at, described, item, next, together, user};

fn title(text: &str) -> Title {
    Title::parse(text).unwrap()
}

fn description(text: &str) -> Description {
    Description::parse(text).unwrap()
}

fn both(item: &Item) -> ItemPatch {
    ItemPatch { title: Some(item.title.clone()), description: Some(item.description.clone()) }
}

async fn insert(opened: &Opened, item: &Item) -> Result<(), StorageError> {
    opened.write().await.unwrap().items().insert(item).await
}

async fn update(opened: &Opened, id: ItemId, owner: Option<UserId>, expected: &Expected, patch: &ItemPatch) -> bool {
    opened.write().await.unwrap().items().update(id, owner, expected, patch, at(5)).await.unwrap()
}

async fn delete(opened: &Opened, id: ItemId, owner: Option<UserId>, expected: &Expected) -> bool {
    opened.write().await.unwrap().items().delete(id, owner, expected).await.unwrap()
}

fn versions(versions: &[i64]) -> Expected {
    Expected::OneOf(versions.iter().copied().map(Version::from).collect())
}

/// Returns items with titles and descriptions that a database might corrupt.
fn troubled(owner: &User) -> Vec<Item> {
    let mut items = vec![item(owner, "x"), described(owner, "x", ""), described(owner, "NULL", " \n\t\r\n ")];
    for text in [
        "'; DROP TABLE items; --",
        "back\\slash \\' \\\\ \\0 \\n \\% \\",
        "\"double\" `back` 'single' “curly” '' \"\"",
        "100 % of _ and %%s $1 ? :name {0} !",
        "👩🏽‍💻🏳️‍🌈 𝒳 \u{10ffff} \u{fffd}\u{fffe}",
        "e\u{301} is not é, \u{1e9e} is not ß, \u{212b} is not Å",
        "العربية עברית हिन्दी 漢字 \u{200b}\u{feff}",
    ] {
        items.push(described(owner, text, &format!("{text}\r\n\t{text} ")));
    }
    // Texts that grow when folded: one character to three, with as many bytes in UTF-8 as possible.
    for grown in ["ΐ", "ﬃ", "ᾷ", "ŉ", "İ", "ß", "𝒳", "\u{10ffff}", "\\", "'", "%", "ẞ"] {
        items.push(described(owner, &grown.repeat(Title::MAX_LENGTH), &grown.repeat(Description::MAX_LENGTH)));
    }
    for times in [(at(0), at(1)), (at(-1), at(999_999)), (at(253_402_300_799_999_999), at(1_000_000))] {
        items.push(Item {
            created_at: times.0,
            updated_at: times.1,
            version: Version::from(1 << 40),
            ..item(owner, "x")
        });
    }
    items
}

#[tokio::test]
async fn every_member_is_stored_exactly_by_every_kind_of_write() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let items = troubled(&ada);
    for item in &items {
        insert(&opened, item).await.unwrap();
        assert_eq!(opened.find_item(item.id).await.as_ref(), Some(item));
    }
    let others: Vec<Item> = items.iter().map(|item| Item { id: ItemId::generate(), ..item.clone() }).collect();
    opened.insert_items(&others).await;
    for other in &others {
        assert_eq!(opened.find_item(other.id).await.as_ref(), Some(other));
    }
    let changed = item(&ada, "changed");
    insert(&opened, &changed).await.unwrap();
    for item in &items {
        assert!(update(&opened, changed.id, None, &Expected::Any, &both(item)).await);
        let found = opened.find_item(changed.id).await.unwrap();
        assert_eq!((&found.title, &found.description), (&item.title, &item.description));
    }
    let all = opened.items(&ItemFilter::default(), &PageRequest::first(1000)).await;
    assert_eq!(all.total, Some(u64::try_from(items.len() * 2 + 1).unwrap()));
    for listed in all.items.iter().filter(|listed| listed.id != changed.id) {
        assert!(items.contains(listed) || others.contains(listed), "{listed:?}");
    }
    assert_eq!(opened.find_item(ItemId::generate()).await, None);
}

#[tokio::test]
async fn an_item_without_an_owner_or_with_a_taken_id_is_rejected() {
    let (ada, absent) = (user("ada"), user("absent"));
    let opened = Opened::with_users(&[&ada]).await;
    let orphan = item(&absent, "orphan");
    assert!(matches!(insert(&opened, &orphan).await, Err(StorageError::Corrupt(_))));
    assert_eq!(opened.find_item(orphan.id).await, None);

    let first = item(&ada, "first");
    insert(&opened, &first).await.unwrap();
    let again = insert(&opened, &Item { title: title("again"), ..first.clone() }).await;
    assert!(matches!(again, Err(StorageError::Duplicate { .. })), "{again:?}");
    assert_eq!(opened.find_item(first.id).await, Some(first));
    opened.assert_whole().await;
}

#[tokio::test]
async fn a_bulk_insert_creates_missing_items_and_leaves_existing_ones_unchanged() {
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let missing = async |items: &[Item]| opened.transaction(async |tx| tx.items().insert_missing(items).await).await;
    assert_eq!(missing(&[]).await, Ok(0));
    let many: Vec<Item> = (0..1500).map(|n| item(if n % 2 == 0 { &ada } else { &bob }, &format!("item {n}"))).collect();
    assert_eq!(missing(&many[..1000]).await, Ok(1000), "as many as a page can have");
    assert_eq!(missing(&many[..1000]).await, Ok(0));
    let renamed: Vec<Item> = many[500..].iter().map(|item| Item { title: title("other"), ..item.clone() }).collect();
    assert_eq!(missing(&renamed).await, Ok(500), "only missing items");
    assert_eq!(missing(&renamed).await, Ok(0));
    for (index, item) in many.iter().enumerate().step_by(99) {
        let found = opened.find_item(item.id).await.unwrap();
        assert_eq!(found.title, if index < 1000 { item.title.clone() } else { title("other") });
        assert_eq!(found.owner_id, item.owner_id);
    }
    assert_eq!(opened.items(&ItemFilter::default(), &PageRequest::first(1)).await.total, Some(1500));
}

#[tokio::test]
async fn a_bulk_insert_with_one_item_without_an_owner_inserts_nothing() {
    let (ada, absent) = (user("ada"), user("absent"));
    let opened = Opened::with_users(&[&ada]).await;
    let items = [item(&ada, "one"), item(&absent, "orphan"), item(&ada, "two")];
    // The same holds without a transaction around it.
    let alone = opened.write().await.unwrap().items().insert_missing(&items).await;
    assert!(matches!(alone, Err(StorageError::Corrupt(_))), "{alone:?}");
    let outcome = opened.transaction(async |tx| tx.items().insert_missing(&items).await).await;
    assert!(matches!(outcome, Err(StorageError::Corrupt(_))), "{outcome:?}");
    let page = opened.items(&ItemFilter::default(), &PageRequest::first(10)).await;
    assert_eq!((page.items, page.total), (Vec::new(), Some(0)));
}

#[tokio::test]
async fn a_patch_changes_only_its_own_members() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let (mut changed, other) = (described(&ada, "title", "description"), described(&ada, "title", "description"));
    opened.insert_items(&[changed.clone(), other.clone()]).await;
    let steps = [
        ItemPatch { title: Some(title("Title")), description: None },
        ItemPatch { title: None, description: Some(Some(description("Description"))) },
        ItemPatch { title: Some(title("t")), description: Some(None) },
        ItemPatch { title: None, description: Some(None) },
        ItemPatch { title: None, description: Some(Some(description(""))) },
        ItemPatch { title: Some(title("u")), description: Some(Some(description("v"))) },
        ItemPatch::default(),
    ];
    for (now, patch) in (10..).zip(steps) {
        let outcome =
            opened.transaction(async |tx| tx.items().update(changed.id, None, &Expected::Any, &patch, at(now)).await);
        assert_eq!(outcome.await, Ok(true));
        changed.title = patch.title.clone().unwrap_or(changed.title);
        changed.description = patch.description.clone().unwrap_or(changed.description);
        (changed.updated_at, changed.version) = (at(now), next(changed.version));
        assert_eq!(opened.find_item(changed.id).await.as_ref(), Some(&changed), "{patch:?}");
    }
    assert_eq!(opened.find_item(other.id).await, Some(other));
}

#[tokio::test]
async fn only_the_owner_can_change_or_delete_and_only_an_expected_version() {
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let mine = Item { version: Version::from(7), ..item(&ada, "mine") };
    insert(&opened, &mine).await.unwrap();
    let patch = ItemPatch { title: Some(title("changed")), description: None };
    for (owner, expected) in [
        (Some(bob.id), Expected::Any),
        (Some(UserId::generate()), Expected::Any),
        (None, versions(&[])),
        (Some(ada.id), versions(&[])),
        (Some(ada.id), versions(&[6, 8])),
        (None, versions(&[-7, 0, 70, i64::MAX, i64::MIN])),
        (Some(bob.id), versions(&[7])),
    ] {
        assert!(!update(&opened, mine.id, owner, &expected, &patch).await, "{owner:?} {expected:?}");
        assert!(!delete(&opened, mine.id, owner, &expected).await, "{owner:?} {expected:?}");
        assert_eq!(opened.find_item(mine.id).await.as_ref(), Some(&mine));
    }
    assert!(!update(&opened, ItemId::generate(), None, &Expected::Any, &patch).await);
    assert!(!delete(&opened, ItemId::generate(), None, &Expected::Any).await);

    for (number, owner, expected) in [
        (7, Some(ada.id), versions(&[7])),
        (8, None, versions(&[1, 8, 8, 9])),
        (9, Some(ada.id), Expected::Any),
        (10, None, Expected::Any),
    ] {
        assert_eq!(opened.find_item(mine.id).await.unwrap().version, Version::from(number));
        assert!(update(&opened, mine.id, owner, &expected, &patch).await, "{owner:?} {expected:?}");
    }
    assert!(!delete(&opened, mine.id, Some(ada.id), &versions(&[10])).await, "the version is outdated");
    assert!(delete(&opened, mine.id, Some(ada.id), &versions(&[10, 11])).await);
    assert_eq!(opened.find_item(mine.id).await, None);
    assert!(!delete(&opened, mine.id, Some(ada.id), &Expected::Any).await, "it is deleted already");
    insert(&opened, &mine).await.unwrap();
    assert!(delete(&opened, mine.id, None, &Expected::Any).await);
}

#[tokio::test]
async fn the_items_of_a_deleted_user_still_name_their_owner() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let kept = item(&ada, "kept");
    insert(&opened, &kept).await.unwrap();
    opened.transaction(async |tx| tx.users().delete(ada.id, at(9)).await).await.unwrap();
    assert_eq!(opened.find_item(kept.id).await.as_ref(), Some(&kept));
    for owner_id in [None, Some(ada.id)] {
        let page = opened.items(&ItemFilter { owner_id, search: None }, &PageRequest::first(5)).await;
        assert_eq!((page.items, page.total), (vec![kept.clone()], Some(1)));
    }
    assert!(update(&opened, kept.id, Some(ada.id), &Expected::Any, &ItemPatch::default()).await);
    assert!(delete(&opened, kept.id, Some(ada.id), &Expected::Any).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_concurrent_patches_of_different_members_lose_nothing() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    for round in 0..3 {
        let changed = described(&ada, "before", "before");
        insert(&opened, &changed).await.unwrap();
        let outcomes = together((0..50).map(|number| {
            let store = opened.shared();
            async move {
                let text = format!("{round} {number}");
                let patch = if number % 2 == 0 {
                    ItemPatch { title: Some(title(&text)), description: None }
                } else {
                    ItemPatch { title: None, description: Some(Some(description(&text))) }
                };
                store.write().await?.items().update(changed.id, None, &Expected::Any, &patch, at(number)).await
            }
        }))
        .await;
        assert!(outcomes.iter().all(|outcome| *outcome == Ok(true)), "{outcomes:?}");
        let found = opened.find_item(changed.id).await.unwrap();
        let parity = |text: &str| text.rsplit(' ').next().unwrap().parse::<u32>().ok().map(|number| number % 2);
        assert_eq!(parity(found.title.as_str()), Some(0));
        assert_eq!(parity(found.description.unwrap().as_str()), Some(1));
        assert_eq!(found.version, Version::from(51), "each change was counted");
    }
    opened.assert_whole().await;
}

/// Increments the number in the title, in the version that was read. Returns `false` if another writer was faster.
async fn count_up(store: &dyn Store, id: ItemId, now: Timestamp) -> bool {
    let found = store.read().await.unwrap().items().find(id).await.unwrap().unwrap();
    let number: u32 = found.title.as_str().parse().unwrap();
    let patch = ItemPatch { title: Some(title(&(number + 1).to_string())), description: None };
    let expected = Expected::OneOf(vec![found.version]);
    store.write().await.unwrap().items().update(id, None, &expected, &patch, now).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_is_lost_if_each_writer_expects_the_version_that_it_read() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let counter = item(&ada, "0");
    insert(&opened, &counter).await.unwrap();
    let other: Arc<dyn Store> = opened.another().await;
    let lost = together((0..16).map(|number| {
        let store = if number % 2 == 0 { opened.shared() } else { Arc::clone(&other) };
        async move {
            let mut lost = 0;
            while !count_up(&*store, counter.id, at(number)).await {
                lost += 1;
                assert!(lost < 1000, "one writer wins each time");
            }
        }
    }))
    .await;
    let found = opened.find_item(counter.id).await.unwrap();
    assert_eq!((found.title, found.version), (title(&lost.len().to_string()), Version::from(17)));
}
