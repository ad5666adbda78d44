//! Permissions: users cannot extend their own, and the last administrator cannot be removed.

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Server, together};

const ME: &str = "/api/v1/users/me";
const USERS: &str = "/api/v1/users";
const WHOLE: &str =
    "created_at deleted_at email email_verified id is_active name pending_email role updated_at username";
const PUBLIC: &str = "created_at id name username";

fn path(client: &Client) -> String {
    format!("{USERS}/{}", client.id)
}

/// Returns members that no caller can set, under every plausible name.
fn protected_members() -> Value {
    let (id, time) = ("0192d3c4-0000-7000-8000-000000000000", "2001-01-01T00:00:00.000000Z");
    json!({
        "id": id, "public_id": id, "user_id": id, "owner_id": id, "is_admin": true, "is_superuser": true,
        "email_verified": true, "password_hash": "$2b$04$x", "hashed_password": "x", "created_at": time,
        "updated_at": time, "deleted_at": time, "version": 99, "permissions": ["*"], "scope": "users:manage",
    })
}

/// Returns a body with those protected members and the given ones.
fn with_protected_members(body: &Value) -> Value {
    let mut all = protected_members();
    all.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    all
}

#[track_caller]
fn assert_protected(thing: &Value) {
    for (member, value) in protected_members().as_object().unwrap() {
        assert_ne!(&thing[member], value, "{member} of {thing}");
    }
}

#[tokio::test]
async fn protected_members_cannot_be_set() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    for (name, sign_up) in [("ada", "/api/v1/auth/register"), ("bob", USERS)] {
        let body = with_protected_members(&json!({"email": format!("{name}@example.com"), "password": PASSWORD}));
        assert_protected(&anonymous.post(sign_up).json(&body).await.is(201).json());
        let client = anonymous.clone().named(&format!("{name}@example.com")).log_in().await;
        let known = client.get(ME).await.is(200).json();
        assert_eq!((&known["role"], &known["is_active"]), (&json!("user"), &json!(true)));
        assert_eq!(client.patch(ME).json(&protected_members()).await.is(200).json(), known);
        assert_eq!(client.get(ME).await.is(200).json(), known);

        let item =
            client.post("/api/v1/items").json(&with_protected_members(&json!({"title": "Mine"}))).await.is(201).json();
        assert_protected(&item);
        assert_eq!(item["owner_id"], client.id);
        let path = format!("/api/v1/items/{}", item["id"].as_str().unwrap());
        assert_eq!(client.patch(&path).json(&protected_members()).await.is(200).json(), item);
        assert_eq!(client.get(&path).await.is(200).json(), item);
    }
    // Administrators cannot set them either.
    let admin = server.admin().await;
    let body = with_protected_members(&json!({"email": "eve@example.com", "password": PASSWORD}));
    let eve = admin.post(USERS).json(&body).await.is(201).json();
    assert_protected(&eve);
    let path = format!("{USERS}/{}", eve["id"].as_str().unwrap());
    assert_eq!(admin.patch(&path).json(&protected_members()).await.is(200).json(), eve);
    server.anonymous().named("eve@example.com").log_in().await;
}

#[tokio::test]
async fn users_cannot_extend_their_own_permissions() {
    let server = Server::start().await;
    let people = server.seeded(["editor", "user", "viewer"]).await;
    for someone in &people {
        let known = someone.get(ME).await.is(200).json();
        for path in [ME, &path(someone)] {
            for body in [json!({"role": "admin"}), json!({"role": "ADMIN", "name": "x"}), json!({"is_active": false})] {
                let reply = someone.patch(path).json(&body).await.is(403);
                reply.problem_is("insufficient_permissions");
            }
        }
        assert_eq!(someone.get(ME).await.is(200).json(), known);
    }
    let anonymous = server.anonymous();
    for path in ["/api/v1/auth/register", USERS] {
        for body in [json!({"role": "admin"}), json!({"role": "viewer"}), json!({"is_active": false})] {
            let mut body = body;
            body["email"] = json!("eve@example.com");
            body["password"] = json!(PASSWORD);
            anonymous.post(path).json(&body).await.is(403).problem_is("insufficient_permissions");
        }
    }
    assert_eq!(server.home.users().len(), 4);
}

#[tokio::test]
async fn an_editor_changes_neither_roles_nor_states_nor_administrators() {
    let server = Server::start().await;
    let [admin, editor, user, viewer] = server.seeded(["admin", "editor", "user", "viewer"]).await;
    for (target, body) in [
        (&user, json!({"role": "editor"})),
        (&user, json!({"role": "viewer"})),
        (&user, json!({"is_active": false})),
        (&viewer, json!({"role": "admin", "name": "x"})),
        (&admin, json!({"name": "x"})),
        (&admin, json!({"email": "mine@example.com"})),
        (&admin, json!({"role": "viewer"})),
        (&admin, json!({"is_active": false})),
    ] {
        let known = target.get(ME).await.is(200).json();
        editor.patch(&path(target)).json(&body).await.is(403).problem_is("insufficient_permissions");
        assert_eq!(target.get(ME).await.is(200).json(), known);
    }
    for target in [&admin, &user, &viewer] {
        editor.delete(&path(target)).await.is(403).problem_is("insufficient_permissions");
        editor.delete(&format!("{}/sessions", path(target))).await.is(403).problem_is("insufficient_permissions");
        target.get(ME).await.is(200);
    }
    let body = json!({"email": "eve@example.com", "password": PASSWORD, "role": "admin"});
    editor.post(USERS).json(&body).await.is(403).problem_is("insufficient_permissions");
    assert_eq!(server.home.users().len(), 4);
}

#[tokio::test]
async fn users_cannot_change_their_own_role() {
    let server = Server::start().await;
    let [admin, user] = server.seeded(["admin", "user"]).await;
    admin.patch(&path(&user)).json(&json!({"role": "admin"})).await.is(200);
    for path in [ME.to_owned(), path(&user)] {
        for role in ["editor", "viewer"] {
            let reply = user.patch(&path).json(&json!({"role": role})).await.is(403);
            reply.problem_is("insufficient_permissions");
        }
        assert_eq!(user.patch(&path).json(&json!({"role": "Admin"})).await.is(200).json()["role"], "admin");
    }
}

#[tokio::test]
async fn an_unknown_role_is_rejected() {
    let server = Server::start().await;
    let [admin, user] = server.seeded(["admin", "user"]).await;
    admin.patch(&path(&user)).json(&json!({"role": "emperor"})).await.invalid_at(&[&["body", "role"]]);
    let body = json!({"email": "eve@example.com", "password": PASSWORD, "role": "emperor"});
    admin.post(USERS).json(&body).await.invalid_at(&[&["body", "role"]]);
    assert_eq!(user.get(ME).await.is(200).json()["role"], "user");
}

#[tokio::test]
async fn the_last_administrator_cannot_be_removed() {
    let keeper = "users:read,users:update,users:manage";
    let server = Server::with().env("KEEPSTONE__ROLES__KEEPER", keeper).start().await;
    let [admin, keeper] = server.seeded(["admin", "keeper"]).await;
    for someone in [&admin, &keeper] {
        let path = path(&admin);
        for body in [json!({"role": "editor"}), json!({"is_active": false}), json!({"role": "user", "name": "x"})] {
            someone.patch(&path).json(&body).await.is(409).problem_is("last_admin");
        }
        someone.delete(&path).await.is(409).problem_is("last_admin");
    }
    admin.patch(ME).json(&json!({"is_active": false})).await.is(409).problem_is("last_admin");
    admin.delete(ME).await.is(409).problem_is("last_admin");
    assert_eq!(admin.get(ME).await.is(200).json()["name"], "The admin");

    // An inactive administrator does not count.
    let body = json!({"email": "second@example.com", "password": PASSWORD, "role": "admin", "is_active": false});
    let second = admin.post(USERS).json(&body).await.is(201).json();
    admin.delete(ME).await.is(409).problem_is("last_admin");
    let second = format!("{USERS}/{}", second["id"].as_str().unwrap());
    keeper.patch(&second).json(&json!({"is_active": true})).await.is(200);
    admin.delete(ME).await.is(204);
    keeper.delete(&second).await.is(409).problem_is("last_admin");
}

#[tokio::test]
async fn one_administrator_remains_after_concurrent_demotions() {
    let first = Server::with().env("PRINCIPAL_CACHE_TTL", "0").start().await;
    let [admin] = first.seeded(["admin"]).await;
    let body = json!({"email": "second@example.com", "password": PASSWORD, "role": "admin"});
    admin.post(USERS).json(&body).await.is(201);
    let second = first.another().await;
    let other = first.anonymous().named("second@example.com").log_in().await.at(&second.url);
    for round in 0..10 {
        let body = match round % 3 {
            0 => json!({"role": "user"}),
            1 => json!({"role": "viewer", "name": "Demoted"}),
            _ => json!({"role": "editor"}),
        };
        let demote = |by: &Client, target: &Client| {
            let request = by.patch(&path(target)).json(&body);
            async move { request.await }
        };
        let replies = together([demote(&admin, &other), demote(&other, &admin)]).await;
        let done = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(done, 1, "round {round}: {replies:#?}");
        for reply in replies.iter().filter(|reply| reply.status != 200) {
            assert!(matches!(reply.status, 403 | 409), "round {round}: {reply:#?}");
        }
        let admins = first.home.users().into_iter().filter(|user| user["role"] == "admin").count();
        assert_eq!(admins, 1, "round {round}");
        let (winner, loser) = if replies[0].status == 200 { (&admin, &other) } else { (&other, &admin) };
        winner.patch(&path(loser)).json(&json!({"role": "admin"})).await.is(200);
    }
}

#[tokio::test]
async fn one_administrator_remains_after_concurrent_deletions() {
    let first = Server::with().env("PRINCIPAL_CACHE_TTL", "0").start().await;
    let [mut admin] = first.seeded(["admin"]).await;
    let second = first.another().await;
    for round in 0..6 {
        let email = format!("admin{round}@example.com");
        let body = json!({"email": email, "password": PASSWORD, "role": "admin"});
        admin.post(USERS).json(&body).await.is(201);
        let other = first.anonymous().named(&email).log_in().await.at(&second.url);
        let leave = |who: &Client| {
            let request =
                if round % 2 == 0 { who.delete(ME) } else { who.patch(ME).json(&json!({"is_active": false})) };
            async move { request.await }
        };
        let replies = together([leave(&admin), leave(&other)]).await;
        let (succeeded, rejected): (Vec<_>, Vec<_>) =
            replies.iter().partition(|reply| matches!(reply.status, 200 | 204));
        assert_eq!((succeeded.len(), rejected.len()), (1, 1), "round {round}: {replies:#?}");
        assert_eq!(rejected[0].status, 409, "round {round}: {replies:#?}");
        rejected[0].problem_is("last_admin");
        if replies[0].status != 409 {
            admin = other;
        }
        let admins = admin.get("/api/v1/users?role=admin").await.is(200).json();
        let active = admins["items"].as_array().unwrap().iter().filter(|user| user["is_active"] == true);
        assert_eq!(active.count(), 1, "round {round}: {admins:#}");
    }
}

#[tokio::test]
async fn a_changed_role_takes_effect_on_the_next_request() {
    let server = Server::start().await;
    let [admin, user] = server.seeded(["admin", "user"]).await;
    for (role, status) in [("user", 403), ("editor", 200), ("viewer", 403), ("admin", 200), ("user", 403)] {
        admin.patch(&path(&user)).json(&json!({"role": role})).await.is(200);
        user.get(USERS).await.is(status);
        assert_eq!(user.get(ME).await.is(200).json()["role"], role);
    }
    user.post("/api/v1/items").json(&json!({"title": "x"})).await.is(201);
    admin.patch(&path(&user)).json(&json!({"role": "viewer"})).await.is(200);
    user.post("/api/v1/items").json(&json!({"title": "x"})).await.is(403);
}

#[tokio::test]
async fn the_view_of_a_user_depends_on_the_role_of_the_caller() {
    let server = Server::with().env("KEEPSTONE__ROLES__RENAMER", "users:update").start().await;
    let roles = ["admin", "editor", "user", "viewer", "renamer"];
    let people = server.seeded(roles).await;
    for (role, someone) in roles.iter().zip(&people) {
        let of_others = if matches!(*role, "admin" | "editor") { WHOLE } else { PUBLIC };
        for other in &people {
            let is_own = other.id == someone.id;
            let expected = if is_own { WHOLE } else { of_others };
            assert_eq!(someone.get(&path(other)).await.is(200).members(), expected, "{role}");
            let may_change = is_own || *role == "admin" || !other.email.starts_with("admin");
            if matches!(*role, "admin" | "editor" | "renamer") && may_change {
                let reply = someone.patch(&path(other)).json(&json!({"name": format!("By {role}")})).await.is(200);
                assert_eq!(reply.members(), expected, "{role}");
            }
        }
        assert_eq!(someone.get(ME).await.is(200).members(), WHOLE, "{role}");
        assert_eq!(someone.patch(ME).json(&json!({"name": "Me"})).await.is(200).members(), WHOLE, "{role}");
    }
    let listed = people[1].get(USERS).await.is(200).json();
    let members = listed["items"][0].as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>().join(" ");
    assert_eq!(members, WHOLE);
}
