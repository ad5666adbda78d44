//! Search finds the same rows as a scan of all texts, on every database, however it is implemented there.

use keepstone_domain::{
    Description, DisplayName, Expected, Item, ItemFilter, ItemPatch, Page, PageRequest, SearchText, Start, Title, User,
    UserFilter, fold,
};
use keepstone_repository::Store;
use proptest::{collection::vec, prelude::*, sample::Index};
use uuid::Uuid;

use crate::harness::{Opened, at, described, hashed, holds, item, person, user};

/// Texts that are special to some database, index or pattern, or have no simple case mapping.
const PIECES: [&str; 46] = [
    "%", "_", "\\", "!", "\"", "'", "*", "-", " ", "a", "A", "b", "ä", "Ä", "ß", "ẞ", "ς", "Σ", "σ", "İ", "ı", "i",
    "I", "\u{212a}", "k", "\u{301}", "\u{307}", "e\u{301}", "👩", "\u{200d}", "漢", "字", "AND", "NEAR", "OR", "not",
    "^", ":", "(", ")", "+", "{", "ΐ", "ﬃ", "ab", "aaa",
];

fn text(pieces: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    vec(prop::sample::select(&PIECES[..]), pieces).prop_map(|pieces| pieces.concat())
}

/// Descriptions, which may have several lines and be long.
fn lines() -> impl Strategy<Value = Option<String>> {
    let line = vec(
        prop_oneof![8 => prop::sample::select(&PIECES[..]), 1 => prop::sample::select(&["\t", "\n", "\r\n"][..])],
        0..12,
    );
    prop::option::of((line, 1_usize..15).prop_map(|(pieces, times)| pieces.concat().repeat(times)))
}

#[derive(Debug, Clone)]
enum Wanted {
    /// A part of a text: the text, the start, the length and the case.
    Part(Index, Index, usize, u8),
    /// Any text.
    Text(String),
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let length = prop_oneof![Just(1), Just(2), Just(3), Just(4), 5_usize..20, Just(100)];
    prop_oneof![
        4 => (any::<Index>(), any::<Index>(), length, 0_u8..3).prop_map(|(text, from, length, case)| Wanted::Part(text, from, length, case)),
        1 => text(1..5).prop_map(Wanted::Text),
        1 => text(40..100).prop_map(Wanted::Text),
    ]
}

impl Wanted {
    fn among(&self, texts: &[&str]) -> Option<SearchText> {
        let Self::Part(text, from, length, case) = self else {
            let Self::Text(text) = self else { unreachable!() };
            return SearchText::parse(&text.chars().take(100).collect::<String>()).ok();
        };
        let characters: Vec<char> = text.get(texts).chars().collect();
        let from = if characters.is_empty() { 0 } else { from.index(characters.len()) };
        let part: String = characters[from..].iter().take(*length).collect();
        let cased = match case {
            0 => part.clone(),
            1 => part.to_uppercase(),
            _ => part.to_lowercase(),
        };
        SearchText::parse(&cased).or_else(|_too_long| SearchText::parse(&part)).ok()
    }
}

pub fn finds(search: &SearchText, item: &Item) -> bool {
    let has = |text: &str| fold(text).contains(search.folded());
    has(item.title.as_str()) || item.description.as_ref().is_some_and(|text| has(text.as_str()))
}

pub fn finds_user(search: &SearchText, user: &User) -> bool {
    let has = |text: &str| fold(text).contains(search.folded());
    has(user.email.as_str())
        || user.username.as_ref().is_some_and(|name| has(name.as_str()))
        || user.name.as_ref().is_some_and(|name| has(name.as_str()))
}

pub fn filter(search: &SearchText) -> ItemFilter {
    ItemFilter { owner_id: None, search: Some(search.clone()) }
}

/// Returns all matches, page by page.
pub async fn found_items(store: &dyn Store, filter: &ItemFilter, limit: u32) -> Vec<Item> {
    let mut found = Vec::new();
    let mut request = PageRequest::first(limit);
    loop {
        let page = store.read().await.unwrap().items().list(filter, &request).await.unwrap();
        found.extend(page.items);
        if request.with_total && page.next.is_none() {
            assert_eq!(page.total, u64::try_from(found.len()).ok());
        }
        let Some(next) = page.next else { return found };
        request.start = Start::After(next);
    }
}

/// Asserts that these queries find the expected items, on an empty database.
async fn finds_the_same(opened: &Opened, texts: Vec<(String, Option<String>)>, queries: Vec<Wanted>) {
    let ada = person(Uuid::nil(), "owner");
    opened.insert(&ada).await.unwrap();
    let mut items = Vec::new();
    for (number, (title, description)) in (0..).zip(&texts) {
        let Ok(title) = Title::parse(title) else { continue };
        let description = description.as_deref().map(|text| Description::parse(text).unwrap());
        items.push(Item { title, description, created_at: at(number / 2), ..item(&ada, "x") });
    }
    opened.insert_items(&items).await;
    items.sort_by_key(|item| std::cmp::Reverse((item.created_at, item.id)));
    let texts: Vec<&str> = items
        .iter()
        .flat_map(|item| [Some(item.title.as_str()), item.description.as_ref().map(Description::as_str)])
        .flatten()
        .chain(["a"])
        .collect();
    for query in queries.iter().filter_map(|query| query.among(&texts)) {
        let expected: Vec<Item> = items.iter().filter(|item| finds(&query, item)).cloned().collect();
        assert_eq!(found_items(&**opened, &filter(&query), 3).await, expected, "{query:?}");
        let page = opened.items(&filter(&query), &PageRequest::first(1)).await;
        assert_eq!(page.total, u64::try_from(expected.len()).ok(), "{query:?}");
    }
}

#[test]
fn items_are_found_by_any_part_of_their_texts_and_by_nothing_else() {
    let values = (vec((text(1..12), lines()), 1..14), vec(wanted(), 1..12));
    holds(60, &values, async |opened, (texts, queries)| finds_the_same(opened, texts, queries).await);
}

#[test]
fn users_are_found_by_any_part_of_their_names_and_by_nothing_else() {
    let values = (vec(text(1..12), 1..10), vec(wanted(), 1..12));
    holds(40, &values, async |opened, (names, queries)| {
        let mut users = Vec::new();
        for (number, name) in (0..).zip(&names) {
            let Ok(name) = DisplayName::parse(name) else { continue };
            users.push(User { name: Some(name), created_at: at(number / 2), ..user(&format!("u-{number}")) });
        }
        opened.transaction(async |tx| tx.users().insert_missing(&hashed(&users, "hash"), at(1)).await).await.unwrap();
        users.sort_by_key(|user| std::cmp::Reverse((user.created_at, user.id)));
        let texts: Vec<&str> = users
            .iter()
            .flat_map(|user| [user.email.as_str(), user.name.as_ref().unwrap().as_str()])
            .chain(["a"])
            .collect();
        for search in queries.iter().filter_map(|query| query.among(&texts)) {
            let expected: Vec<User> = users.iter().filter(|user| finds_user(&search, user)).cloned().collect();
            let filter = UserFilter { search: Some(search), role: None };
            let page = opened.read().await.unwrap().users().list(&filter, &PageRequest::first(100)).await.unwrap();
            let total = u64::try_from(expected.len()).ok();
            assert_eq!(page, Page { items: expected, total, next: None }, "{filter:?}");
        }
    });
}

async fn titles(opened: &Opened, text: &str) -> Vec<String> {
    let found = found_items(&**opened, &filter(&SearchText::parse(text).unwrap()), 100).await;
    found.into_iter().map(|item| item.title.as_str().to_owned()).collect()
}

#[tokio::test]
async fn a_changed_item_is_found_by_its_new_text_and_a_deleted_one_not_at_all() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let (first, second) =
        (described(&ada, "First title", "about GARDENS"), described(&ada, "Second title", "about gardens"));
    opened.insert_items(&[first.clone(), second.clone()]).await;
    assert_eq!(titles(&opened, "GARDEN").await, ["Second title", "First title"]);

    let patches = [
        (ItemPatch { title: Some(Title::parse("Primary").unwrap()), description: None }, "primary", "first"),
        (
            ItemPatch { title: None, description: Some(Some(Description::parse("Orchards\nand ÄPFEL").unwrap())) },
            "äpfel",
            "about",
        ),
        (ItemPatch { title: None, description: Some(None) }, "primary", "orchard"),
        (
            ItemPatch {
                title: Some(Title::parse("x").unwrap()),
                description: Some(Some(Description::parse("back").unwrap())),
            },
            "back",
            "primary",
        ),
    ];
    for (patch, now, before) in patches {
        let changed =
            opened.transaction(async |tx| tx.items().update(first.id, None, &Expected::Any, &patch, at(1)).await);
        assert_eq!(changed.await, Ok(true));
        assert_eq!(titles(&opened, now).await.len(), 1, "{now}");
        assert!(titles(&opened, before).await.iter().all(|title| title == "Second title"), "{before}");
    }
    opened.transaction(async |tx| tx.items().delete(first.id, None, &Expected::Any).await).await.unwrap();
    assert_eq!(titles(&opened, "back").await, Vec::<String>::new());
    let undone = opened.begin().await.map(async |mut tx| {
        tx.items().delete(second.id, None, &Expected::Any).await.unwrap();
        tx.rollback().await
    });
    assert_eq!(undone.unwrap().await, Ok(()));
    assert_eq!(titles(&opened, "garden").await, ["Second title"]);
}

#[tokio::test]
async fn a_changed_user_is_found_by_the_new_names_and_a_deleted_one_not_at_all() {
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let found = async |text: &str| {
        let filter = UserFilter { search: Some(SearchText::parse(text).unwrap()), role: None };
        let page = opened.read().await.unwrap().users().list(&filter, &PageRequest::first(10)).await.unwrap();
        assert_eq!(page.total, u64::try_from(page.items.len()).ok());
        page.items
    };
    assert_eq!(found("ADA@EX").await, std::slice::from_ref(&ada));
    let changed = User { name: Some(DisplayName::parse("Straße").unwrap()), username: None, ..ada.clone() };
    assert_eq!(opened.write().await.unwrap().users().update(&changed, at(1)).await, Ok(true));
    assert_eq!(found("STRASSE").await.len(), 1);
    let changed = User { name: None, email: bob.email.clone(), ..opened.find(ada.id).await.unwrap() };
    assert!(opened.write().await.unwrap().users().update(&changed, at(1)).await.is_err());
    assert_eq!(found("straße").await.len(), 1, "nothing was changed");
    // No match spans two of the user's texts.
    for across in ["com straße", "comstraße", "m s", "mbob", "com bob"] {
        assert_eq!(found(across).await, [], "{across}");
    }
    assert_eq!(opened.write().await.unwrap().users().delete(ada.id, at(2)).await, Ok(true));
    assert_eq!(found("strasse").await, []);
    assert_eq!(found("@example").await, [bob]);
}
