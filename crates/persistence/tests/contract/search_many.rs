//! Search among thousands of rows: the newest rows are searched first, but the result must not depend on that.

use keepstone_domain::{Item, ItemFilter, Page, PageRequest, Position, RoleName, SearchText, Start, User, UserFilter};
use keepstone_repository::Insertion;
use uuid::Uuid;

use crate::{
    harness::{Opened, at, described, hashed, item, person, user},
    search::{finds, finds_user, found_items},
};

/// Asserts that every relevant start and limit returns the expected page.
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

/// Returns the text of a row: some words occur only in old rows, some only in new rows, some everywhere.
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
async fn items_are_found_at_any_position_among_thousands() {
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let mut items = Vec::new();
    for number in 0..2600 {
        let words = words(number, 2600);
        let owner = if number % 3 == 0 { &bob } else { &ada };
        let item = if number % 2 == 0 { item(owner, &words) } else { described(owner, "x", &words) };
        // Many rows share a time, also around the thousandth row from the end.
        items.push(Item { created_at: at((number / 30).try_into().unwrap()), ..item });
    }
    opened.insert_items(&items).await;
    items.sort_by_key(|item| std::cmp::Reverse((item.created_at, item.id)));
    let place = |item: &Item| Position { created_at: item.created_at, id: item.id.into() };
    for (number, word) in WORDS.into_iter().enumerate() {
        let search = SearchText::parse(word).unwrap();
        for owner_id in if number % 4 == 0 { vec![None, Some(bob.id)] } else { vec![None] } {
            let is_match = |item: &&Item| finds(&search, item) && owner_id.is_none_or(|owner| item.owner_id == owner);
            let all: Vec<Item> = items.iter().filter(is_match).cloned().collect();
            assert_eq!(all.is_empty(), word == "nowhere");
            let filter = ItemFilter { owner_id, search: Some(search.clone()) };
            assert_parts(word, &all, place, async |request| opened.items(&filter, &request).await).await;
            assert!(found_items(&*opened, &filter, 170).await == all, "{word}");
        }
    }
}

#[tokio::test]
async fn users_are_found_at_any_position_among_thousands() {
    let opened = Opened::migrated().await;
    let viewer = RoleName::viewer();
    let mut users = Vec::new();
    for number in 0..2600 {
        let created_at = at((number / 30).try_into().unwrap());
        let role = if number % 3 == 0 { RoleName::admin() } else { viewer.clone() };
        users.push(User { created_at, role, ..person(Uuid::now_v7(), &words(number, 2600)) });
    }
    for part in users.chunks(1000) {
        let kept = opened.transaction(async |tx| tx.users().insert_missing(&hashed(part, "hash"), at(1)).await).await;
        assert_eq!(kept, Ok(vec![Insertion::Made; part.len()]));
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
            let is_match =
                |user: &&User| finds_user(&search, user) && role.as_ref().is_none_or(|role| user.role == *role);
            let all: Vec<User> = users.iter().filter(is_match).cloned().collect();
            let filter = UserFilter { search: Some(search.clone()), role };
            assert_parts(word, &all, place, async |request| {
                opened.read().await.unwrap().users().list(&filter, &request).await.unwrap()
            })
            .await;
        }
    }
}
