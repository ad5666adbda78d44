//! A locked user does not change until the transaction ends, so decisions about the user stay valid.

use std::{sync::Arc, time::Duration};

use keepstone_domain::{Email, PageRequest, RoleName, SearchText, User, UserFilter, UserId, Username};
use keepstone_repository::{
    Insertion::{EmailTaken, Made, UsernameTaken},
    Result, Store,
};
use tokio::{sync::Barrier, task::JoinHandle, time::timeout};

use crate::harness::{Opened, SOON, at, hash, hashed, named, next, together, user};

/// Long enough to observe that a task waits.
const A_WHILE: Duration = Duration::from_millis(200);

fn admin(name: &str) -> User {
    User { role: RoleName::admin(), ..user(name) }
}

/// Starts a task and asserts that it waits.
async fn waiting<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    let mut task = tokio::spawn(work);
    assert!(timeout(A_WHILE, &mut task).await.is_err(), "there was nothing to wait for");
    task
}

async fn update(store: &dyn Store, user: &User) -> Result<bool> {
    store.transaction(async |tx| tx.users().update(user, at(2)).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_user_cannot_be_changed_until_commit() {
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let mut holder = opened.begin().await.unwrap();
    assert_eq!(holder.users().hold(UserId::generate()).await, Ok(None));
    assert_eq!(holder.users().hold(ada.id).await, Ok(Some(ada.clone())), "locking changes nothing");
    if !opened.is_sqlite() {
        assert_eq!(update(&*opened, &bob).await, Ok(true), "other users are not locked");
    }
    assert_eq!(opened.find(ada.id).await.as_ref(), Some(&ada), "reads are possible");
    let (store, changed) = (opened.shared(), User { is_active: false, ..ada.clone() });
    let change = waiting(async move { update(&*store, &changed).await }).await;
    assert_eq!(holder.users().update(&ada, at(1)).await, Ok(true));
    holder.commit().await.unwrap();
    assert_eq!(change.await.unwrap(), Ok(false), "the version is outdated");

    let mut holder = opened.begin().await.unwrap();
    let held = holder.users().hold(ada.id).await.unwrap().unwrap();
    assert_eq!((held.version, held.updated_at), (next(ada.version), at(1)));
    let store = opened.shared();
    let other = waiting(async move { store.transaction(async |tx| tx.users().hold(ada.id).await).await }).await;
    assert_eq!(holder.users().delete(ada.id, at(3)).await, Ok(true));
    assert_eq!(holder.users().hold(ada.id).await, Ok(None), "a deleted user cannot be locked");
    holder.commit().await.unwrap();
    assert_eq!(other.await.unwrap(), Ok(None));
    opened.assert_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_active_administrators_are_locked_and_counted() {
    let (ada, bob) = (admin("ada"), admin("bob"));
    let inactive = User { is_active: false, ..admin("inactive") };
    let opened = Opened::with_users(&[&ada, &bob, &inactive, &admin("deleted"), &user("eve")]).await;
    let deleted =
        opened.read().await.unwrap().users().list(&UserFilter::default(), &PageRequest::first(9)).await.unwrap();
    let deleted = deleted.items.into_iter().find(|user| user.email.as_str().starts_with("deleted")).unwrap();
    assert_eq!(opened.write().await.unwrap().users().delete(deleted.id, at(1)).await, Ok(true));

    let mut holder = opened.begin().await.unwrap();
    assert_eq!(holder.users().hold_active_admins().await, Ok(2));
    assert_eq!(holder.users().find(ada.id).await, Ok(Some(ada.clone())), "locking changes nothing");
    let (store, demoted) = (opened.shared(), User { role: RoleName::viewer(), ..bob.clone() });
    let change = waiting(async move { update(&*store, &demoted).await }).await;
    let store = opened.shared();
    let count = waiting(async move { store.transaction(async |tx| tx.users().hold_active_admins().await).await }).await;
    holder.rollback().await.unwrap();
    assert_eq!(change.await.unwrap(), Ok(true));
    assert!(matches!(count.await.unwrap(), Ok(1 | 2)), "before the other change, or after it");
    let mut holder = opened.begin().await.unwrap();
    assert_eq!(holder.users().hold_active_admins().await, Ok(1));
    assert_eq!(holder.users().delete(ada.id, at(4)).await, Ok(true));
    assert_eq!(holder.users().hold_active_admins().await, Ok(0));
    holder.rollback().await.unwrap();
    assert_eq!(opened.find(ada.id).await, Some(ada));
}

#[tokio::test]
async fn locking_the_administrators_does_not_wait_for_other_users() {
    let (ada, eve) = (admin("ada"), user("eve"));
    let opened = Opened::with_users(&[&ada, &eve]).await;
    if opened.is_sqlite() {
        eprintln!("skipped: SQLite has one writer at a time");
        return;
    }
    for number in 0..200 {
        opened.insert(&user(&format!("u-{number}"))).await.unwrap();
    }
    let mut login = opened.begin().await.unwrap();
    assert_eq!(login.users().hold_for_login(eve.id, &hash("hash")).await, Ok(true));
    let held = timeout(SOON, opened.transaction(async |tx| tx.users().hold_active_admins().await)).await;
    assert_eq!(held.ok(), Some(Ok(1)), "waits for a login");
    let mut holder = opened.begin().await.unwrap();
    assert_eq!(holder.users().hold_active_admins().await, Ok(1));
    let other = timeout(SOON, opened.transaction(async |tx| tx.users().hold(eve.id).await.map(drop)));
    login.commit().await.unwrap();
    assert_eq!(other.await.ok(), Some(Ok(())), "other users are not locked");
}

/// A change after which a user is not an active administrator.
type Fall = fn(User) -> Option<User>;

/// Demotes the other administrator, provided that one is left.
async fn depose(store: &dyn Store, other: UserId, fall: Fall, both: &Barrier) -> Result<bool> {
    both.wait().await;
    store
        .transaction(async |tx| {
            if tx.users().hold_active_admins().await? < 2 {
                return Ok(false);
            }
            let Some(user) = tx.users().find(other).await? else { return Ok(false) };
            match fall(user) {
                Some(changed) => tx.users().update(&changed, at(5)).await,
                None => tx.users().delete(other, at(5)).await,
            }
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_administrators_who_demote_each_other_one_remains() {
    let opened = Opened::migrated().await;
    let another: Arc<dyn Store> = opened.another().await;
    let falls: [Fall; 3] = [
        |user| Some(User { role: RoleName::viewer(), ..user }),
        |user| Some(User { is_active: false, ..user }),
        |_user| None,
    ];
    for round in 0..21 {
        let admins = [admin(&format!("ada{round}")), admin(&format!("bob{round}"))];
        for admin in &admins {
            opened.insert(admin).await.unwrap();
        }
        let (both, fall) = (Arc::new(Barrier::new(2)), falls[round % 3]);
        let outcomes = together((0..2).map(|index| {
            let (store, both) = ([opened.shared(), Arc::clone(&another)][index].clone(), Arc::clone(&both));
            let other = admins[1 - index].id;
            async move { depose(&*store, other, fall, &both).await }
        }))
        .await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Ok(true)).count(), 1, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Ok(false)).count(), 1, "{outcomes:?}");
        let mut left = 0;
        for admin in &admins {
            if let Some(user) = opened.find(admin.id).await {
                left += usize::from(user.is_active_admin());
                assert_eq!(opened.write().await.unwrap().users().delete(user.id, at(6)).await, Ok(true));
            }
        }
        assert_eq!(left, 1);
    }
    opened.assert_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_concurrent_changes_of_one_version_one_wins() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    for round in 1..=5 {
        let seen = opened.find(ada.id).await.unwrap();
        let outcomes = together((0..8).map(|number| {
            let (store, changed) =
                (opened.shared(), User { name: named(&format!("ada {number}")).name, ..seen.clone() });
            async move { (update(&*store, &changed).await, changed) }
        }))
        .await;
        let winners: Vec<&User> =
            outcomes.iter().filter(|(outcome, _)| *outcome == Ok(true)).map(|(_, user)| user).collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|(outcome, _)| outcome.is_ok()), "{outcomes:?}");
        let found = opened.find(ada.id).await.unwrap();
        assert_eq!((&found.name, found.version.get()), (&winners[0].name, round + 1));
    }
}

#[tokio::test]
async fn a_bulk_insert_creates_missing_users_and_leaves_existing_ones_unchanged() {
    let opened = Opened::migrated().await;
    let missing = async |users: &[User]| {
        opened.transaction(async |tx| tx.users().insert_missing(&hashed(users, "many"), at(1)).await).await
    };
    assert_eq!(missing(&[]).await, Ok(vec![]));
    let many: Vec<User> = (0..1500).map(|number| user(&format!("user-{number}"))).collect();
    assert_eq!(missing(&many[..1000]).await, Ok(vec![Made; 1000]));
    assert_eq!(missing(&many[..1000]).await, Ok(vec![EmailTaken; 1000]));
    let twins: Vec<User> = many[900..].iter().map(|user| User { id: UserId::generate(), ..user.clone() }).collect();
    let outcomes = missing(&twins).await.unwrap();
    assert_eq!(outcomes[..100], [EmailTaken; 100]);
    assert_eq!(outcomes[100..], [Made; 500], "only users whose address was free");
    for (index, user) in many.iter().enumerate().step_by(93) {
        assert_eq!(opened.find(user.id).await.as_ref(), (index < 1000).then_some(user));
    }
    let shouted = User { email: Email::parse("USER-7@EXAMPLE.com").unwrap(), ..user("other") };
    assert_eq!(missing(&[shouted]).await, Ok(vec![EmailTaken]), "the same address in another case");
    let clash = User { email: Email::parse("new@example.com").unwrap(), ..user("user-7") };
    let fresh = user("fresh");
    let twin = User { id: UserId::generate(), username: Some(Username::parse("twin").unwrap()), ..fresh.clone() };
    let free = User { id: UserId::generate(), username: Some(Username::parse("Twin").unwrap()), ..clash.clone() };
    let last = User { email: Email::parse("last@example.com").unwrap(), ..user("TWIN") };
    let people = [fresh.clone(), clash, twin, free.clone(), last];
    let outcomes = vec![Made, UsernameTaken, EmailTaken, Made, UsernameTaken];
    let foreseen = opened.read().await.unwrap().users().foresee(&hashed(&people, "many"), at(1)).await;
    assert_eq!(foreseen, Ok(outcomes.clone()));
    assert_eq!(opened.find(fresh.id).await, None, "a preview inserts nothing");
    assert_eq!(missing(&people).await, Ok(outcomes), "the first claim wins; a rejected user claims nothing");
    assert_eq!(opened.find(free.id).await, Some(free));
    let filter = UserFilter { search: Some(SearchText::parse("FRESH@").unwrap()), role: None };
    let page = opened.read().await.unwrap().users().list(&filter, &PageRequest::first(5)).await.unwrap();
    assert_eq!(page.items, [fresh]);
    let all = opened.read().await.unwrap().users().list(&UserFilter::default(), &PageRequest::first(1)).await.unwrap();
    assert_eq!(all.total, Some(1502));
}
