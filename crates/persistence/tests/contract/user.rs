//! Users: found only by exact keys, and changed only as patched.

use keepstone_domain::{
    DisplayName, Email, Login, Page, PageRequest, Position, RoleName, Start, User, UserFilter, UserId, UserPatch,
    Username,
};
use keepstone_test_backends::Database;
use secrecy::ExposeSecret;

use crate::harness::{Opened, at, hash, named, next, user};

/// The expected effect of a patch on a user.
type Change = fn(&mut User);

fn full(name: &str) -> User {
    User {
        name: Some(DisplayName::parse("Ada Lovelace").unwrap()),
        role: RoleName::parse("editor").unwrap(),
        is_active: false,
        email_verified: true,
        updated_at: at(1_900_000_000_000_000),
        ..user(name)
    }
}

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

fn username(text: &str) -> Username {
    Username::parse(text).unwrap()
}

async fn find_credentials(opened: &Opened, login: Login) -> Option<(User, String)> {
    let found = opened.read().await.unwrap().users().find_credentials(&login).await.unwrap();
    found.map(|found| (found.user, found.password_hash.expose_secret().to_owned()))
}

/// Changes a user like a service. Returns `false` if another writer was faster, or there is no such user.
async fn update(opened: &Opened, user: &User, patch: &UserPatch, micros: i64) -> bool {
    let changed = patch.clone().apply(user);
    opened.transaction(async |tx| tx.users().update(&changed, at(micros)).await).await.unwrap()
}

async fn replace_hash(opened: &Opened, id: UserId, old: &str, new: &str) -> bool {
    opened.transaction(async |tx| tx.users().replace_password_hash(id, &hash(old), &hash(new)).await).await.unwrap()
}

async fn list(opened: &Opened, skip: u32, limit: u32) -> Page<User> {
    let request = PageRequest { start: Start::Skip(skip), ..PageRequest::first(limit) };
    opened.read().await.unwrap().users().list(&UserFilter::default(), &request).await.unwrap()
}

async fn delete(opened: &Opened, user: &User, micros: i64) -> bool {
    opened.transaction(async |tx| tx.users().delete(user.id, at(micros)).await).await.unwrap()
}

#[tokio::test]
async fn a_user_is_found_by_id_with_every_member() {
    let users = [full("ada"), user("bob"), User { username: None, ..full("eve") }];
    let opened = Opened::with_users(&users.each_ref()).await;
    for user in users {
        assert_eq!(opened.find(user.id).await, Some(user));
    }
    assert_eq!(opened.find(UserId::generate()).await, None);
}

#[tokio::test]
async fn a_user_is_found_by_address_and_username_in_any_case() {
    let ada = full("Ada");
    let opened = Opened::with_users(&[&ada, &user("bob")]).await;
    for login in ["ada@example.com", "ADA@EXAMPLE.COM", " Ada@Example.com ", "ada", "ADA", " aDa "] {
        let found = find_credentials(&opened, Login::parse(login).unwrap()).await;
        assert_eq!(found, Some((ada.clone(), "hash".to_owned())), "{login}");
    }
    let hash = async |id| opened.read().await.unwrap().users().find_password_hash(id).await.unwrap();
    assert_eq!(hash(ada.id).await.unwrap().expose_secret(), "hash");
    assert!(hash(UserId::generate()).await.is_none());
}

#[tokio::test]
async fn a_similar_name_does_not_find_a_user() {
    let (ada, a) = (user("ada"), User { email: email("a@bücher.example"), ..named("A") });
    let opened = Opened::with_users(&[&ada, &a]).await;
    for other in ["a@bucher.example", "a@bücher.exampl", "ad%@example.com", "ad_@example.com", "ada@example.com.com"] {
        assert_eq!(find_credentials(&opened, Login::Email(email(other))).await, None, "{other}");
    }
    for other in ["ad_", "ada_", "a.a", "adaa", "___", "ada.", "-ada"] {
        assert_eq!(find_credentials(&opened, Login::Username(username(other))).await, None, "{other}");
    }
    assert_eq!(
        find_credentials(&opened, Login::Email(email("A@bücher.EXAMPLE"))).await.map(|(user, _)| user),
        Some(a.clone())
    );
}

#[tokio::test]
async fn the_database_itself_compares_keys_byte_for_byte() {
    let opened = Opened::with_users(&[&user("ada")]).await;
    let mut raw = opened.raw().await;
    // MariaDB's and MySQL's utf8mb4_bin ignores trailing spaces. Keys cannot have any, because their types trim them.
    let padded = usize::from(opened.kind == Database::Mariadb);
    for (column, value, count) in [
        ("email_key", "ada@example.com", 1),
        ("email_key", "ADA@example.com", 0),
        ("email_key", "ädä@example.com", 0),
        ("email_key", "ada@example.com\u{301}", 0),
        ("email_key", "ada@example.com\u{200b}", 0),
        ("email_key", " ada@example.com", 0),
        ("username_key", "ada", 1),
        ("username_key", "Ada", 0),
        ("username_key", "ådå", 0),
        ("email_key", "ada@example.com ", padded),
        ("username_key", "ada ", padded),
    ] {
        let found = raw.lines(&format!("SELECT email AS line FROM users WHERE {column} = '{value}'")).await;
        assert_eq!(found.len(), count, "{value:?}");
    }
    assert_eq!(email("ada@example.com ").key(), "ada@example.com");
    assert!(Username::parse("ada ").is_err());
}

#[tokio::test]
async fn a_patch_changes_only_its_own_members() {
    let (ada, bob) = (full("ada"), full("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let none = UserPatch::default;
    let name = DisplayName::parse("Countess").unwrap();
    let steps: [(UserPatch, Change); 9] = [
        (none(), |_| ()),
        (UserPatch { name: Some(Some(name)), ..none() }, |user| {
            user.name = Some(DisplayName::parse("Countess").unwrap());
        }),
        (UserPatch { email: Some(email("Countess@Example.com")), ..none() }, |user| {
            user.email = email("Countess@Example.com");
            user.email_verified = false;
        }),
        (UserPatch { username: Some(Some(username("Countess"))), ..none() }, |user| {
            user.username = Some(username("Countess"));
        }),
        (UserPatch { role: Some(RoleName::viewer()), ..none() }, |user| user.role = RoleName::viewer()),
        (UserPatch { is_active: Some(true), ..none() }, |user| user.is_active = true),
        (UserPatch { name: Some(None), ..none() }, |user| user.name = None),
        (UserPatch { username: Some(None), ..none() }, |user| user.username = None),
        (
            UserPatch {
                email: Some(email("ada@example.com")),
                username: Some(Some(username("ada"))),
                name: Some(None),
                role: Some(RoleName::parse("editor").unwrap()),
                is_active: Some(false),
            },
            |user| {
                let (id, version) = (user.id, user.version);
                *user = User { name: None, email_verified: false, id, version, ..full("ada") };
            },
        ),
    ];
    let mut expected = ada.clone();
    for (now, (patch, change)) in (1..).zip(steps) {
        assert!(update(&opened, &expected, &patch, now).await);
        assert!(!update(&opened, &expected, &patch, now).await, "the version is outdated");
        change(&mut expected);
        expected.updated_at = at(now);
        expected.version = next(expected.version);
        assert_eq!(opened.find(ada.id).await.as_ref(), Some(&expected), "{patch:?}");
        let by_address = find_credentials(&opened, Login::Email(expected.email.clone())).await;
        assert_eq!(by_address, Some((expected.clone(), "hash".to_owned())), "{patch:?}");
        if let Some(name) = expected.username.clone() {
            assert!(find_credentials(&opened, Login::Username(name)).await.is_some(), "{patch:?}");
        }
        assert!(update(&opened, &expected, &patch, now).await, "a patch without effect succeeds, too");
        expected.version = next(expected.version);
    }
    assert_eq!(find_credentials(&opened, Login::Username(username("countess"))).await, None, "the old name is free");
    assert_eq!(find_credentials(&opened, Login::Email(email("countess@example.com"))).await, None);
    assert_eq!(opened.find(bob.id).await, Some(bob));
    assert!(!update(&opened, &User { id: UserId::generate(), ..ada }, &none(), 1).await);
}

#[tokio::test]
async fn a_password_hash_is_replaced_only_if_it_is_the_expected_one() {
    let (ada, bob) = (full("ada"), full("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let kept = async |user: &User| find_credentials(&opened, Login::Email(user.email.clone())).await.unwrap();
    for wrong in ["Hash", "HASH", "hash2", "has", "hàsh", "", "%"] {
        assert!(!replace_hash(&opened, ada.id, wrong, "new").await, "{wrong}");
    }
    assert!(!replace_hash(&opened, UserId::generate(), "hash", "new").await);
    assert_eq!(kept(&ada).await, (ada.clone(), "hash".to_owned()));

    assert!(replace_hash(&opened, ada.id, "hash", "$2b$12$new").await);
    assert!(!replace_hash(&opened, ada.id, "hash", "newer").await, "it has been replaced already");
    assert!(replace_hash(&opened, ada.id, "$2b$12$new", "$2b$12$new").await, "replacing it with itself succeeds");
    assert_eq!(kept(&ada).await, (ada, "$2b$12$new".to_owned()), "the user keeps the version");
    assert_eq!(kept(&bob).await, (bob, "hash".to_owned()));
}

#[tokio::test]
async fn a_list_is_ordered_newest_first_and_has_a_total() {
    let opened = Opened::migrated().await;
    assert_eq!(list(&opened, 0, 10).await, Page { items: Vec::new(), total: Some(0), next: None });
    let mut users = Vec::new();
    for (index, created) in [5, 1, 3, 3, 3, 9, 0].into_iter().enumerate() {
        let user = User { created_at: at(created), ..user(&format!("u{index:02}")) };
        opened.insert(&user).await.unwrap();
        users.push(user);
    }
    let newest_first: Vec<User> = [5, 0, 4, 3, 2, 1, 6].map(|index: usize| users[index].clone()).to_vec();
    for (skip, limit) in
        [(0, 10), (0, 7), (0, 3), (3, 2), (6, 5), (7, 1), (99, 1), (0, 0), (0, u32::MAX), (u32::MAX, 1)]
    {
        let rest = newest_first.iter().skip(skip.try_into().unwrap());
        let items: Vec<User> = rest.clone().take(limit.try_into().unwrap()).cloned().collect();
        let last = items.last().filter(|_| rest.len() > items.len());
        let next = last.map(|user| Position { created_at: user.created_at, id: user.id.into() });
        assert_eq!(list(&opened, skip, limit).await, Page { items, total: Some(7), next }, "{skip} {limit}");
    }
}

#[tokio::test]
async fn a_deleted_user_is_not_found_and_the_names_are_free() {
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let (session, token) = crate::harness::session(&ada);
    opened.insert_session(&session, &token).await.unwrap();
    assert!(delete(&opened, &ada, 7).await);

    assert_eq!(opened.find(ada.id).await, None);
    assert_eq!(find_credentials(&opened, Login::Email(ada.email.clone())).await, None);
    assert_eq!(find_credentials(&opened, Login::Username(username("ada"))).await, None);
    assert_eq!(list(&opened, 0, 10).await, Page { items: vec![bob], total: Some(1), next: None });
    assert!(!update(&opened, &ada, &UserPatch::default(), 1).await);
    assert!(!delete(&opened, &ada, 8).await, "the user is deleted already");
    let (_, owner) = opened.read().await.unwrap().sessions().find_with_user(session.id).await.unwrap().unwrap();
    let (deleted_at, updated_at, version) = (Some(at(7)), at(7), next(ada.version));
    let deleted = User { deleted_at, updated_at, version, ..ada.clone() };
    assert_eq!(owner, deleted, "the caller decides whether a session is still valid");
    assert!(!update(&opened, &deleted, &UserPatch::default(), 1).await, "not even with the right version");

    let again = user("ada");
    opened.insert(&again).await.unwrap();
    assert_eq!(find_credentials(&opened, Login::Email(ada.email)).await.map(|(user, _)| user), Some(again));
}
