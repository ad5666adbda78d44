//! Lists: a stable order for every request. A walk by cursor returns each row once, even if rows change meanwhile.

use std::collections::HashSet;

use keepstone_domain::{
    AuditEvent, AuditFilter, AuditKind, Expected, Item, ItemFilter, JobFilter, Page, PageRequest, Position, RoleName,
    Routine, SearchText, Start, Task, User, UserFilter,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use uuid::Uuid;

use crate::harness::{Opened, at, hashed, holds, item, person, user};

/// One of the lists.
#[derive(Debug, Clone, Copy)]
enum List {
    Users,
    Items,
    Audit,
    Jobs,
}

impl List {
    const ALL: [Self; 4] = [Self::Users, Self::Items, Self::Audit, Self::Jobs];

    /// Creates the owner of the items.
    async fn owner(opened: &Opened) -> User {
        let owner = person(Uuid::from_u128(u128::MAX), "owner");
        opened.insert(&owner).await.unwrap();
        owner
    }

    async fn insert(self, opened: &Opened, owner: Option<&User>, rows: &[Position]) {
        let person = |row: &Position| User { created_at: row.created_at, ..person(row.id, "person") };
        let item = |row: &Position| Item {
            id: row.id.into(),
            created_at: row.created_at,
            ..item(owner.unwrap(), "something")
        };
        let event =
            |row: &Position| AuditEvent { id: row.id.into(), ..AuditEvent::new(AuditKind::Login, row.created_at) };
        opened
            .transaction(async |tx| match self {
                Self::Users => {
                    let users: Vec<User> = rows.iter().map(person).collect();
                    tx.users().insert_missing(&hashed(&users, "hash"), at(1)).await.map(drop)
                }
                Self::Items => {
                    let items: Vec<Item> = rows.iter().map(item).collect();
                    tx.items().insert_missing(&items).await.map(drop)
                }
                Self::Audit => {
                    for row in rows {
                        tx.audit().insert(&event(row)).await?;
                    }
                    Ok(())
                }
                Self::Jobs => {
                    for row in rows {
                        tx.jobs().insert(row.id.into(), &Task::from(Routine::PurgeUsers), row.created_at).await?;
                    }
                    Ok(())
                }
            })
            .await
            .unwrap();
    }

    async fn delete(self, opened: &Opened, row: Position) {
        let deleted = match self {
            Self::Users => opened.write().await.unwrap().users().delete(row.id.into(), at(9)).await,
            Self::Items => opened.write().await.unwrap().items().delete(row.id.into(), None, &Expected::Any).await,
            Self::Audit | Self::Jobs => {
                let table = if matches!(self, Self::Audit) { "audit_events" } else { "jobs" };
                let id = opened.literal(row.id);
                opened.raw().await.run(&format!("DELETE FROM {table} WHERE public_id = {id}")).await;
                Ok(true)
            }
        };
        assert_eq!(deleted, Ok(true));
    }

    async fn page(self, opened: &Opened, request: PageRequest) -> Page<Position> {
        let mut reader = opened.read().await.unwrap();
        match self {
            Self::Users => reader
                .users()
                .list(&UserFilter::default(), &request)
                .await
                .unwrap()
                .map(|user| Position { created_at: user.created_at, id: user.id.into() }),
            Self::Items => reader
                .items()
                .list(&ItemFilter::default(), &request)
                .await
                .unwrap()
                .map(|item| Position { created_at: item.created_at, id: item.id.into() }),
            Self::Audit => reader
                .audit()
                .list(&AuditFilter::default(), &request)
                .await
                .unwrap()
                .map(|event| Position { created_at: event.at, id: event.id.into() }),
            Self::Jobs => reader
                .jobs()
                .list(&JobFilter::default(), &request)
                .await
                .unwrap()
                .map(|job| Position { created_at: job.created_at, id: job.id.into() }),
        }
    }
}

const fn key(row: &Position) -> (i64, Uuid) {
    (row.created_at.as_micros(), row.id)
}

/// Returns the expected page of these rows, which may be in any order.
fn expected(rows: &[Position], request: PageRequest) -> Page<Position> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| std::cmp::Reverse(key(row)));
    let total = request.with_total.then(|| u64::try_from(rows.len()).unwrap());
    let rest = match request.start {
        Start::Skip(skip) => rows.split_off(rows.len().min(skip.try_into().unwrap())),
        Start::After(place) => rows.into_iter().filter(|row| key(row) < key(&place)).collect(),
    };
    let items: Vec<Position> = rest.iter().take(request.limit.try_into().unwrap()).copied().collect();
    let next = items.last().copied().filter(|_| rest.len() > items.len());
    Page { items, total, next }
}

/// Rows with any id and few different times, so many rows share a time.
fn rows(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Position>> {
    let row =
        (0_i64..4, any::<u128>()).prop_map(|(time, id)| Position { created_at: at(time), id: Uuid::from_u128(id) });
    vec(row, count)
}

/// The change between two pages: new rows, and the positions of deleted ones.
type Change = (Vec<Position>, Vec<Index>);

fn walks() -> impl Strategy<Value = (Vec<Position>, Vec<u32>, Vec<Change>)> {
    (rows(0..30), vec(1_u32..7, 1..4), vec((rows(0..4), vec(any::<Index>(), 0..4)), 0..12))
}

async fn walk(list: List, opened: &Opened, mut start: Vec<Position>, limits: Vec<u32>, changes: Vec<Change>) {
    let owner = if matches!(list, List::Items) { Some(List::owner(opened).await) } else { None };
    let mut ids = HashSet::new();
    start.retain(|row| ids.insert(row.id));
    list.insert(opened, owner.as_ref(), &start).await;
    let (mut there, mut always) = (start.clone(), start);
    let mut changes = changes.into_iter();
    let mut seen: Vec<Position> = Vec::new();
    let mut request = PageRequest::first(limits[0]);
    for (turn, limit) in limits.iter().copied().cycle().enumerate() {
        request = PageRequest { limit, with_total: turn % 2 == 0, ..request };
        let page = list.page(opened, request).await;
        assert_eq!(page, expected(&there, request), "{request:?}");
        seen.extend(&page.items);
        let Some(next) = page.next else { break };
        request.start = Start::After(next);
        let Some((mut new, deleted)) = changes.next() else { continue };
        new.retain(|row| ids.insert(row.id));
        list.insert(opened, owner.as_ref(), &new).await;
        there.extend(new);
        for index in deleted.into_iter().filter(|_| turn < 20) {
            if !there.is_empty() {
                let row = there.remove(index.index(there.len()));
                list.delete(opened, row).await;
                always.retain(|other| *other != row);
            }
        }
    }
    let once: HashSet<(i64, Uuid)> = seen.iter().map(key).collect();
    assert_eq!(once.len(), seen.len(), "a row was returned twice: {seen:?}");
    assert!(always.iter().all(|row| once.contains(&key(row))), "a row that stayed was not returned: {seen:?}");
    for skip in [0, 1, 7] {
        let request = PageRequest { start: Start::Skip(skip), limit: 5, with_total: true };
        assert_eq!(list.page(opened, request).await, expected(&there, request));
    }
}

#[test]
fn a_walk_through_the_users_returns_each_remaining_user_once() {
    holds(24, &walks(), async |opened, (start, limits, changes)| {
        walk(List::Users, opened, start, limits, changes).await;
    });
}

#[test]
fn a_walk_through_the_items_returns_each_remaining_item_once() {
    holds(24, &walks(), async |opened, (start, limits, changes)| {
        walk(List::Items, opened, start, limits, changes).await;
    });
}

#[test]
fn a_walk_through_the_audit_log_returns_each_remaining_event_once() {
    holds(24, &walks(), async |opened, (start, limits, changes)| {
        walk(List::Audit, opened, start, limits, changes).await;
    });
}

#[test]
fn a_walk_through_the_jobs_returns_each_remaining_job_once() {
    holds(24, &walks(), async |opened, (start, limits, changes)| {
        walk(List::Jobs, opened, start, limits, changes).await;
    });
}

#[tokio::test]
async fn pages_by_offset_and_by_cursor_are_equal() {
    let opened = Opened::migrated().await;
    let rows: Vec<Position> = (0..23_u8)
        .map(|n| Position {
            created_at: at((n / 5).into()),
            id: Uuid::from_u128(u128::from(n.wrapping_mul(97)) << 120),
        })
        .collect();
    for list in List::ALL {
        opened.clear().await;
        let owner = if matches!(list, List::Items) { Some(List::owner(&opened).await) } else { None };
        list.insert(&opened, owner.as_ref(), &rows).await;
        let all = expected(&rows, PageRequest::first(100)).items;
        for limit in [1, 4, 22, 23, 24] {
            let mut skip = PageRequest::first(limit);
            let mut after = skip;
            loop {
                let (by_rows, by_position) = (list.page(&opened, skip).await, list.page(&opened, after).await);
                assert_eq!(by_rows, by_position, "{list:?} {skip:?}");
                assert_eq!(by_rows, expected(&rows, skip));
                let Some(next) = by_rows.next else { break };
                skip.start = Start::Skip(skip.skip() + limit);
                after.start = Start::After(next);
            }
        }
        // A position need not be that of a row: the row may be deleted, or the position may lie between two rows.
        for row in &all {
            let (micros, id) = key(row);
            for (micros, id) in [(micros, id.as_u128().saturating_sub(1)), (micros, id.as_u128() + 1), (micros - 1, 0)]
            {
                let start = Start::After(Position { created_at: at(micros), id: Uuid::from_u128(id) });
                let request = PageRequest { start, limit: 3, with_total: true };
                assert_eq!(list.page(&opened, request).await, expected(&rows, request), "{list:?}");
            }
        }
        list.delete(&opened, all[10]).await;
        let request = PageRequest { start: Start::After(all[10]), limit: 5, with_total: true };
        let page = list.page(&opened, request).await;
        assert_eq!((page.items, page.total), (all[11..16].to_vec(), Some(22)), "{list:?}");
    }
}

#[tokio::test]
async fn any_limit_is_accepted() {
    let opened = Opened::migrated().await;
    let rows: Vec<Position> = (0..3).map(|n| Position { created_at: at(n), id: Uuid::now_v7() }).collect();
    let far = Position { created_at: at(-1), id: Uuid::nil() };
    let starts = [0, 2, 3, 4, u32::MAX].map(Start::Skip).into_iter().chain([rows[1], far].map(Start::After));
    let starts: Vec<Start> = starts.collect();
    for list in List::ALL {
        opened.clear().await;
        let owner = if matches!(list, List::Items) { Some(List::owner(&opened).await) } else { None };
        for there in [&[][..], &rows] {
            list.insert(&opened, owner.as_ref(), there).await;
            for (start, limit) in starts.iter().flat_map(|start| [0, 1, 3, u32::MAX].map(|limit| (*start, limit))) {
                for with_total in [true, false] {
                    let request = PageRequest { start, limit, with_total };
                    let page = list.page(&opened, request).await;
                    let mut expected = expected(there, request);
                    if !with_total {
                        assert_eq!(page.total, None, "the total was not requested");
                    }
                    expected.total = expected.total.filter(|_| with_total);
                    assert_eq!(page, expected, "{list:?} {request:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_total_of_a_list_counts_the_rows_that_match_the_filter() {
    let roles = ["admin", "editor", "viewer"].map(|role| RoleName::parse(role).unwrap());
    let opened = Opened::migrated().await;
    let mut users = Vec::new();
    for n in 0..12 {
        let role = roles[n % 3].clone();
        let name = if n % 4 == 0 { "anna" } else { "otto" };
        users.push(User { role, created_at: at(n.try_into().unwrap()), ..person(Uuid::now_v7(), name) });
    }
    users.push(User { role: roles[0].clone(), ..user("deleted") });
    opened.transaction(async |tx| tx.users().insert_missing(&hashed(&users, "hash"), at(1)).await).await.unwrap();
    opened.write().await.unwrap().users().delete(users[12].id, at(1)).await.unwrap();
    let mut items = Vec::new();
    for n in 0..20 {
        items.push(item(&users[n % 5 / 4], if n % 3 == 0 { "Anna's" } else { "Otto's" }));
    }
    opened.insert_items(&items).await;

    let searches = [None, Some("ANNA"), Some("absent")].map(|text| text.map(|text| SearchText::parse(text).unwrap()));
    let starts = [
        Start::Skip(0),
        Start::Skip(3),
        Start::Skip(50),
        Start::After(Position { created_at: at(6), id: Uuid::max() }),
    ];
    for (start, limit) in starts.into_iter().flat_map(|start| [0, 1, 100].map(|limit| (start, limit))) {
        let request = PageRequest { start, limit, with_total: true };
        for search in &searches {
            let name = search.as_ref().map(|search| search.folded().to_owned());
            for role in [None, Some(roles[0].clone()), Some(roles[1].clone()), Some(RoleName::parse("none").unwrap())] {
                let is_match = |user: &&User| {
                    role.as_ref().is_none_or(|role| user.role == *role)
                        && name.as_ref().is_none_or(|name| user.name.as_ref().is_some_and(|own| own.as_str() == name))
                };
                let filter = UserFilter { search: search.clone(), role: role.clone() };
                let count = users[..12].iter().filter(is_match).count();
                let page = opened.read().await.unwrap().users().list(&filter, &request).await.unwrap();
                assert_eq!(page.total, u64::try_from(count).ok(), "{filter:?} {request:?}");
                let without_total = PageRequest { with_total: false, ..request };
                let same = opened.read().await.unwrap().users().list(&filter, &without_total).await.unwrap();
                assert_eq!(same, Page { total: None, ..page });
            }
            for owner_id in [None, Some(users[0].id), Some(users[1].id), Some(users[2].id), Some(user("absent").id)] {
                let is_match = |item: &&Item| {
                    owner_id.is_none_or(|id| item.owner_id == id)
                        && name.as_ref().is_none_or(|name| item.title.as_str().to_lowercase().contains(name))
                };
                let filter = ItemFilter { owner_id, search: search.clone() };
                let count = items.iter().filter(is_match).count();
                let page = opened.items(&filter, &request).await;
                assert_eq!(page.total, u64::try_from(count).ok(), "{filter:?} {request:?}");
            }
        }
    }
}
