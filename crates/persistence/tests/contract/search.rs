//! Searching finds what a plain look at every text would find, on every database, however it is done there.

use keepstone_domain::{
    Description, DisplayName, Expected, Item, ItemFilter, ItemPatch, Page, PageRequest, Position, RoleName, SearchText,
    Start, Title, User, UserFilter, fold,
};
use keepstone_persistence::{DatabaseUrl, DieselStore};
use keepstone_repository::Store;
use keepstone_test_backends::Database;
use proptest::{collection::vec, prelude::*, sample::Index};
use uuid::Uuid;

use crate::harness::{Opened, Raw, at, described, hash, holds, item, person, user};

/// What is special to some database, its index or its patterns, or has no plain case.
const PIECES: [&str; 46] = [
    "%", "_", "\\", "!", "\"", "'", "*", "-", " ", "a", "A", "b", "ä", "Ä", "ß", "ẞ", "ς", "Σ", "σ", "İ", "ı", "i",
    "I", "\u{212a}", "k", "\u{301}", "\u{307}", "e\u{301}", "👩", "\u{200d}", "漢", "字", "AND", "NEAR", "OR", "not",
    "^", ":", "(", ")", "+", "{", "ΐ", "ﬃ", "ab", "aaa",
];

fn text(pieces: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    vec(prop::sample::select(&PIECES[..]), pieces).prop_map(|pieces| pieces.concat())
}

/// A description has lines, too, and may be long.
fn lines() -> impl Strategy<Value = Option<String>> {
    let line = vec(
        prop_oneof![8 => prop::sample::select(&PIECES[..]), 1 => prop::sample::select(&["\t", "\n", "\r\n"][..])],
        0..12,
    );
    prop::option::of((line, 1_usize..15).prop_map(|(pieces, times)| pieces.concat().repeat(times)))
}

#[derive(Debug, Clone)]
enum Wanted {
    /// Part of one of the texts: which, from where, how long, in which case.
    Part(Index, Index, usize, u8),
    /// Whatever it is.
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

fn finds(search: &SearchText, item: &Item) -> bool {
    let has = |text: &str| fold(text).contains(search.folded());
    has(item.title.as_str()) || item.description.as_ref().is_some_and(|text| has(text.as_str()))
}

fn finds_user(search: &SearchText, user: &User) -> bool {
    let has = |text: &str| fold(text).contains(search.folded());
    has(user.email.as_str())
        || user.username.as_ref().is_some_and(|name| has(name.as_str()))
        || user.name.as_ref().is_some_and(|name| has(name.as_str()))
}

fn filter(search: &SearchText) -> ItemFilter {
    ItemFilter { owner_id: None, search: Some(search.clone()) }
}

/// All that is found, part by part.
async fn found_items(store: &dyn Store, filter: &ItemFilter, limit: u32) -> Vec<Item> {
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

/// A list of these, and what is looked for in it, on an empty database.
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
        opened.transaction(async |tx| tx.users().insert_missing(&users, &hash("hash")).await).await.unwrap();
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

/// Every start and limit that could matter gives the part of the whole that it must.
async fn assert_parts<T: Clone + PartialEq + std::fmt::Debug>(
    what: &str,
    all: &[T],
    place: impl Fn(&T) -> Position,
    page: impl AsyncFn(PageRequest) -> Page<T>,
) {
    let count = u32::try_from(all.len()).unwrap();
    let mut starts: Vec<(Start, usize)> = Vec::new();
    for skip in [0, 1, 7, count.saturating_sub(1), count, count + 5] {
        starts.push((Start::Skip(skip), skip.try_into().unwrap()));
    }
    for index in [0, 3, all.len() / 2, all.len().saturating_sub(2)] {
        if let Some(row) = all.get(index) {
            starts.push((Start::After(place(row)), index + 1));
        }
    }
    for (start, skipped) in starts {
        for limit in [0, 1, 5, 999, 1000, 1001, u32::MAX] {
            let rest = &all[skipped.min(all.len())..];
            let items: Vec<T> = rest.iter().take(limit.try_into().unwrap()).cloned().collect();
            let next = items.last().filter(|_| rest.len() > items.len()).map(&place);
            let expected = Page { items, total: Some(count.into()), next };
            let given = page(PageRequest { start, limit, with_total: true }).await;
            assert!(
                given == expected,
                "{what} {start:?} {limit}: {:?} of {:?}",
                given.items.len(),
                expected.items.len()
            );
        }
    }
}

/// Which texts the row with this number has: some only far back, some only in front, some everywhere.
fn words(number: usize, count: usize) -> String {
    let mut words = vec![format!("row {number}.")];
    let mut add = |word: &str, there: bool| {
        if there {
            words.push(word.to_owned());
        }
    };
    add("OLD", number < 900);
    add("oldest", number == 0);
    add("new", number >= count - 800);
    add("newest", number == count - 1);
    add("Spread", number.is_multiple_of(60));
    add("edge", (count - 1010..count - 990).contains(&number));
    add("100%", number % 700 == 3);
    words.join(" ")
}

const WORDS: [&str; 12] =
    ["old", "oldest", "new", "newest", "spread", "edge", "row", "0%", "ro", ".", "ROW 77", "nowhere"];

#[tokio::test]
async fn among_thousands_of_items_it_does_not_matter_where_the_found_ones_are() {
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let mut items = Vec::new();
    for number in 0..2600 {
        let words = words(number, 2600);
        let owner = if number % 3 == 0 { &bob } else { &ada };
        let item = if number % 2 == 0 { item(owner, &words) } else { described(owner, "x", &words) };
        // Many at once, also around the thousandth from the end.
        items.push(Item { created_at: at((number / 30).try_into().unwrap()), ..item });
    }
    opened.insert_items(&items).await;
    items.sort_by_key(|item| std::cmp::Reverse((item.created_at, item.id)));
    let place = |item: &Item| Position { created_at: item.created_at, id: item.id.into() };
    for (number, word) in WORDS.into_iter().enumerate() {
        let search = SearchText::parse(word).unwrap();
        for owner_id in if number % 4 == 0 { vec![None, Some(bob.id)] } else { vec![None] } {
            let is_meant = |item: &&Item| finds(&search, item) && owner_id.is_none_or(|owner| item.owner_id == owner);
            let all: Vec<Item> = items.iter().filter(is_meant).cloned().collect();
            assert_eq!(all.is_empty(), word == "nowhere");
            let filter = ItemFilter { owner_id, search: Some(search.clone()) };
            assert_parts(word, &all, place, async |request| opened.items(&filter, &request).await).await;
            assert!(found_items(&*opened, &filter, 170).await == all, "{word}");
        }
    }
}

#[tokio::test]
async fn among_thousands_of_users_it_does_not_matter_where_the_found_ones_are() {
    let opened = Opened::migrated().await;
    let viewer = RoleName::viewer();
    let mut users = Vec::new();
    for number in 0..2600 {
        let created_at = at((number / 30).try_into().unwrap());
        let role = if number % 3 == 0 { RoleName::admin() } else { viewer.clone() };
        users.push(User { created_at, role, ..person(Uuid::now_v7(), &words(number, 2600)) });
    }
    for part in users.chunks(1000) {
        let kept = opened.transaction(async |tx| tx.users().insert_missing(part, &hash("hash")).await).await;
        assert_eq!(kept, Ok(part.len()));
    }
    for user in users.iter().skip(5).step_by(7) {
        assert_eq!(opened.write().await.unwrap().users().delete(user.id, at(1)).await, Ok(true));
    }
    let deleted: Vec<Uuid> = users.iter().skip(5).step_by(7).map(|user| user.id.into()).collect();
    users.retain(|user| !deleted.contains(&user.id.into()));
    users.sort_by_key(|user| std::cmp::Reverse((user.created_at, user.id)));
    let place = |user: &User| Position { created_at: user.created_at, id: user.id.into() };
    for (number, word) in WORDS.into_iter().enumerate() {
        let search = SearchText::parse(word).unwrap();
        for role in if number % 4 == 0 { vec![None, Some(viewer.clone())] } else { vec![None] } {
            let is_meant =
                |user: &&User| finds_user(&search, user) && role.as_ref().is_none_or(|role| user.role == *role);
            let all: Vec<User> = users.iter().filter(is_meant).cloned().collect();
            let filter = UserFilter { search: Some(search.clone()), role };
            assert_parts(word, &all, place, async |request| {
                opened.read().await.unwrap().users().list(&filter, &request).await.unwrap()
            })
            .await;
        }
    }
}

async fn titles(opened: &Opened, text: &str) -> Vec<String> {
    let found = found_items(&**opened, &filter(&SearchText::parse(text).unwrap()), 100).await;
    found.into_iter().map(|item| item.title.as_str().to_owned()).collect()
}

#[tokio::test]
async fn what_was_changed_is_found_by_what_it_says_now_and_what_was_deleted_by_nothing() {
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
async fn a_user_is_found_by_what_they_are_called_now_and_a_deleted_one_by_nothing() {
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
    // Nothing is found across two of somebody's names.
    for across in ["com straße", "comstraße", "m s", "mbob", "com bob"] {
        assert_eq!(found(across).await, [], "{across}");
    }
    assert_eq!(opened.write().await.unwrap().users().delete(ada.id, at(2)).await, Ok(true));
    assert_eq!(found("strasse").await, []);
    assert_eq!(found("@example").await, [bob]);
}

/// How the database would do it, if it had to do without reading the table from end to end.
async fn plan(opened: &Opened, table: &str, columns: &[&str]) -> String {
    let mut raw = opened.raw().await;
    let likes: Vec<String> = columns.iter().map(|column| format!("{column} LIKE '%needle%' ESCAPE '!'")).collect();
    let likes = likes.join(" OR ");
    if opened.is_sqlite() {
        let candidates = format!("SELECT rowid FROM {table}_search WHERE {table}_search MATCH '\"nee\" AND \"eed\"'");
        return raw.plan(&format!("SELECT id FROM {table} WHERE ({likes}) AND id IN ({candidates})")).await;
    }
    raw.run("SET enable_seqscan = off").await;
    raw.plan(&format!("SELECT id FROM {table} WHERE {likes}")).await
}

#[tokio::test]
async fn the_index_serves_the_search() {
    let opened = Opened::migrated().await;
    if opened.kind == Database::Mariadb {
        eprintln!("skipped: MariaDB has no index for parts of words");
        return;
    }
    for (table, columns) in [("items", &["title_key", "description_key"][..]), ("users", &["search_key"])] {
        let plan = plan(&opened, table, columns).await;
        let index = format!("{table}_search");
        assert!(plan.contains(&index), "{plan}");
        assert!(!plan.contains(&format!("SCAN {table}\n")) && !plan.contains("Seq Scan"), "{plan}");
    }
}

#[tokio::test]
async fn postgresql_without_the_right_to_make_extensions_searches_without_an_index() {
    let opened = Opened::empty().await;
    let Some((store, mut raw)) = own_schema(&opened).await else {
        eprintln!("skipped: {} has no extensions", opened.kind);
        return;
    };
    let applied = store.migrator().upgrade(usize::MAX).await.unwrap();
    assert_eq!(raw.lines("SELECT extname::text AS line FROM pg_extension WHERE extname = 'pg_trgm'").await, [""; 0]);
    assert_eq!(
        raw.lines("SELECT indexname::text AS line FROM pg_indexes WHERE indexname LIKE '%_search'").await,
        [""; 0]
    );

    let ada = user("ada");
    let looking: &dyn Store = &store;
    looking.transaction(async |tx| tx.users().insert(&ada, &hash("hash")).await).await.unwrap();
    let mut items: Vec<Item> = ["100% _a_", "Straße", "\\", "ab!c", "ΟΔΟΣ"].map(|title| item(&ada, title)).to_vec();
    looking.transaction(async |tx| tx.items().insert_missing(&items).await).await.unwrap();
    items.reverse();
    for text in ["0%", "_A", "strasse", "\\", "B!", "οδος", "a", "none"] {
        let search = SearchText::parse(text).unwrap();
        let expected: Vec<Item> = items.iter().filter(|item| finds(&search, item)).cloned().collect();
        assert_eq!(found_items(looking, &filter(&search), 2).await, expected, "{text}");
    }
    assert_eq!(store.migrator().downgrade(usize::MAX).await.unwrap().len(), applied.len());
    assert_eq!(store.migrator().upgrade(usize::MAX).await.unwrap(), applied);
}

/// A store whose user may do nothing but what is in a schema of their own, and a connection of the database's owner.
async fn own_schema(opened: &Opened) -> Option<(DieselStore, Raw)> {
    let DatabaseUrl::Postgres(url) = &opened.url else { return None };
    let mut raw = opened.raw().await;
    let name = format!("limited_{}", Uuid::now_v7().simple());
    raw.run(&format!("CREATE ROLE {name} LOGIN; CREATE SCHEMA {name} AUTHORIZATION {name}")).await;
    raw.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC").await;
    let limited = url.replacen("keepstone:keepstone@", &format!("{name}:any@"), 1).parse().unwrap();
    Some((DieselStore::open(&limited, 2).await.unwrap(), raw))
}
