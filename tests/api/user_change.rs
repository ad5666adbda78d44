//! Changing a user: omitted members stay unchanged, and an invalid request changes nothing.

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Server};

const ME: &str = "/api/v1/users/me";

fn path(client: &Client) -> String {
    format!("/api/v1/users/{}", client.id)
}

/// Returns a change of this member only.
fn only(member: &str, value: Value) -> Value {
    Value::Object([(member.to_owned(), value)].into_iter().collect())
}

#[tokio::test]
async fn omitted_members_stay_and_null_clears() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let mut known = ada.patch(ME).json(&json!({"name": "Ada Lovelace"})).await.is(200).json();
    assert_eq!(known["name"], "Ada Lovelace");
    for (member, value) in [
        ("name", json!("Countess")),
        ("name", json!(null)),
        ("username", json!("countess")),
        ("username", json!(null)),
        ("username", json!("ada")),
        ("email", json!("countess@example.com")),
    ] {
        let mut body = only(member, value.clone());
        body["current_password"] = json!(PASSWORD);
        let user = ada.patch(ME).json(&body).await.is(200).json();
        assert!(user["updated_at"].as_str() > known["updated_at"].as_str(), "{user}");
        known["updated_at"] = user["updated_at"].clone();
        known[member] = value;
        assert_eq!(user, known);
        assert_eq!(ada.get(ME).await.is(200).json(), known);
        assert_eq!(ada.get(&path(&ada)).await.is(200).json(), known);
    }
}

#[tokio::test]
async fn a_patch_without_a_difference_changes_nothing() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let known = ada.get(ME).await.is(200).json();
    for body in [
        json!({}),
        json!({"favourite_colour": "red"}),
        json!({"email": "ada@example.com"}),
        json!({"username": "ada", "name": null}),
        json!({"role": "user", "is_active": true}),
        json!({"role": "USER"}),
    ] {
        assert_eq!(ada.patch(ME).json(&body).await.is(200).json(), known, "{body}");
    }
}

#[tokio::test]
async fn all_invalid_members_are_reported_at_once_and_nothing_changes() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let known = ada.get(ME).await.is(200).json();
    for (member, value) in [
        ("email", json!(null)),
        ("email", json!(1)),
        ("email", json!("ada")),
        ("email", json!("ada\0@example.com")),
        ("username", json!("")),
        ("username", json!("ab")),
        ("username", json!("a".repeat(51))),
        ("username", json!("a b c")),
        ("username", json!("ada\0")),
        ("username", json!(["ada"])),
        ("name", json!("")),
        ("name", json!("   ")),
        ("name", json!("é".repeat(101))),
        ("name", json!("a\0b")),
        ("name", json!("a\u{202e}b")),
        ("name", json!({})),
        ("role", json!(null)),
        ("role", json!(0)),
        ("role", json!("no role")),
        ("is_active", json!(null)),
        ("is_active", json!("true")),
        ("is_active", json!(1)),
    ] {
        let reply = ada.patch(ME).json(&json!({"name": "x", member: value})).await;
        reply.invalid_at(&[&["body", member]]);
    }
    let body = json!({"email": "ada", "username": "a", "name": 5, "is_active": 1});
    let places: [&[&str]; 4] = [&["body", "email"], &["body", "username"], &["body", "name"], &["body", "is_active"]];
    ada.patch(ME).json(&body).await.invalid_at(&places);
    for body in ["[]", "null", "5", "\"name\"", "[null, null, null, null, null]"] {
        ada.patch(ME).body("application/json", body).await.invalid_at(&[&["body"]]);
    }
    ada.patch(ME).body("application/json", "{").await.is(400).problem_is("malformed_body");
    ada.patch(ME).body("text/plain", "{}").await.is(415).problem();
    ada.put(ME).json(&json!({})).await.is(405).problem();
    assert_eq!(ada.get(ME).await.is(200).json(), known);
}

#[tokio::test]
async fn full_name_is_an_alias_of_name() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    assert_eq!(ada.patch(ME).json(&json!({"full_name": " Ada "})).await.is(200).json()["name"], "Ada");
    assert_eq!(ada.patch(ME).json(&json!({"full_name": null})).await.is(200).json()["name"], Value::Null);
    ada.patch(ME).json(&json!({"full_name": ""})).await.invalid_at(&[&["body", "name"]]);
}

#[tokio::test]
async fn an_address_in_another_case_is_the_same_address() {
    let server = Server::start().await;
    let [user] = server.seeded(["user"]).await;
    assert_eq!(user.get(ME).await.is(200).json()["email_verified"], true);
    let changed = user.patch(ME).json(&json!({"email": " User@EXAMPLE.com "})).await.is(200).json();
    assert_eq!(changed["email_verified"], true, "{changed}");
    assert!(changed["email"].as_str().unwrap().eq_ignore_ascii_case("user@example.com"), "{changed}");
    for email in ["user@example.com", "USER@example.com"] {
        server.anonymous().named(email).log_in().await;
    }
}

#[tokio::test]
async fn a_new_address_is_unverified_and_replaces_the_old_one_for_login() {
    let server = Server::start().await;
    let [user] = server.seeded(["user"]).await;
    let to = |email: &str| json!({"email": email, "current_password": PASSWORD});
    let changed = user.patch(ME).json(&to("new@example.com")).await.is(200).json();
    assert_eq!((&changed["email_verified"], &changed["pending_email"]), (&json!(false), &Value::Null));
    assert_eq!(user.get(ME).await.is(200).json(), changed);
    server.anonymous().named("new@example.com").log_in().await;
    user.try_log_in(PASSWORD).await.is(401).problem_is("invalid_credentials");
    // The old address is available to other users. Taking it back does not make it verified.
    assert_eq!(user.patch(ME).json(&to("user@example.com")).await.is(200).json()["email_verified"], false);
    server.anonymous().register("new").await;
}

#[tokio::test]
async fn a_new_username_replaces_the_old_one_for_login() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    ada.patch(ME).json(&json!({"username": "Countess"})).await.is(200);
    let log_in = |name: &str| {
        server.anonymous().post("/api/v1/auth/login").json(&json!({"username": name, "password": PASSWORD}))
    };
    log_in("countess").await.is(200);
    log_in("ada").await.is(401);
}

#[tokio::test]
async fn a_taken_address_or_username_is_a_conflict() {
    let server = Server::start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let known = bob.get(ME).await.is(200).json();
    for (body, code) in [
        (json!({"email": "ada@example.com", "name": "Robert"}), "email_taken"),
        (json!({"email": "ADA@example.com"}), "email_taken"),
        (json!({"username": "ada", "name": "Robert"}), "username_taken"),
        (json!({"username": "ADA"}), "username_taken"),
    ] {
        let mut body = body;
        body["current_password"] = json!(PASSWORD);
        bob.patch(ME).json(&body).await.is(409).problem_is(code);
    }
    assert_eq!(bob.get(ME).await.is(200).json(), known);
    assert_eq!(bob.patch(ME).json(&json!({"username": "BOB"})).await.is(200).json()["username"], "BOB");
    ada.delete(ME).await.is(204);
    let body = json!({"email": "ada@example.com", "username": "ada", "current_password": PASSWORD});
    bob.patch(ME).json(&body).await.is(200);
}

#[tokio::test]
async fn callers_who_may_update_users_can_change_names_and_addresses_of_others() {
    let server = Server::start().await;
    let [admin, editor, user, viewer] = server.seeded(["admin", "editor", "user", "viewer"]).await;
    for someone in [&admin, &editor] {
        let body = json!({"name": "The reader", "username": format!("by-{}", &someone.email[..5])});
        let changed = someone.patch(&path(&viewer)).json(&body).await.is(200).json();
        assert_eq!((&changed["name"], &changed["username"]), (&body["name"], &body["username"]));
        assert_eq!(viewer.get(ME).await.is(200).json(), changed);
    }
    let changed = editor.patch(&path(&viewer)).json(&json!({"email": "v@example.com"})).await.is(200).json();
    assert_eq!((&changed["email"], &changed["email_verified"]), (&json!("v@example.com"), &json!(false)));
    let body = json!({"name": "Mine"});
    for someone in [&user, &viewer] {
        someone.patch(&path(&editor)).json(&body).await.is(403).problem_is("insufficient_permissions");
    }
    server.anonymous().patch(&path(&editor)).json(&body).await.is(401).problem_is("not_authenticated");
    server.anonymous().patch(ME).json(&body).await.is(401).problem_is("not_authenticated");
    let reply = admin.patch("/api/v1/users/0192d3c4-0000-7000-8000-000000000000").json(&body).await.is(404);
    assert_eq!(reply.problem_is("user_not_found")["detail"], "User not found");
    admin.patch("/api/v1/users/17").json(&body).await.invalid_at(&[&["path", "id"]]);
    assert_eq!(editor.get(ME).await.is(200).json()["name"], "The editor");
}

#[tokio::test]
async fn the_own_password_cannot_be_changed_by_patch() {
    let server = Server::start().await;
    let [admin, editor, user] = server.seeded(["admin", "editor", "user"]).await;
    let other = "another fine password";
    for (client, path) in
        [(&user, ME.to_owned()), (&admin, ME.to_owned()), (&admin, path(&admin)), (&editor, path(&user))]
    {
        for password in [other, "short", ""] {
            let body = json!({"password": password, "name": "Changed"});
            let errors = client.patch(&path).json(&body).await.invalid_at(&[&["body", "password"]]);
            assert!(errors[0]["msg"].as_str().unwrap().contains("/users/me/change-password"), "{errors:?}");
        }
        for member in ["new_password", "newPassword"] {
            let errors =
                client.patch(&path).json(&only(member, json!(other))).await.invalid_at(&[&["body", "new_password"]]);
            assert!(errors[0]["msg"].as_str().unwrap().contains("/users/me/change-password"), "{errors:?}");
        }
        // A form with an empty password field does not change the password.
        client.patch(&path).json(&json!({"password": null, "new_password": null})).await.is(200);
    }
    user.patch(&path(&editor))
        .json(&only("password", json!(other)))
        .await
        .is(403)
        .problem_is("insufficient_permissions");
    for client in [&admin, &editor, &user] {
        assert_ne!(client.get(ME).await.is(200).json()["name"], "Changed");
        client.try_log_in(PASSWORD).await.is(200);
    }
}

#[tokio::test]
async fn a_manager_can_set_the_password_of_another_user_which_ends_their_sessions() {
    let server = Server::with().with_mail().start().await;
    let [admin, viewer] = server.seeded(["admin", "viewer"]).await;
    let set = |password: Value| admin.patch(&path(&viewer)).json(&only("password", password));
    for wrong in [json!("short"), json!(1), json!("x".repeat(129))] {
        set(wrong).await.invalid_at(&[&["body", "password"]]);
    }
    viewer.get(ME).await.is(200);
    set(json!("another fine password")).await.is(200);
    viewer.get(ME).await.is(401).problem_is("token_revoked");
    viewer.refresh().await.is(401).problem_is("token_revoked");
    viewer.try_log_in(PASSWORD).await.is(401);
    viewer.try_log_in("another fine password").await.is(200);
    let event = admin.event("password_changed").await;
    assert_eq!((&event["actor_id"], &event["user_id"]), (&json!(admin.id), &json!(viewer.id)));
    assert!(server.letter(&viewer.email, 1).await.subject.contains("password"));
    let unknown = "/api/v1/users/0192d3c4-0000-7000-8000-000000000000";
    admin.patch(unknown).json(&only("password", json!("another fine password"))).await.is(404);
}

#[tokio::test]
async fn only_one_of_twenty_concurrent_changes_takes_a_username() {
    let server = Server::start().await;
    server.home.cli_reading(PASSWORD, ["seed", "--users", "20", "--items", "0", "--password-stdin"]).exits(0);
    let people = (0..20).map(|number| server.anonymous().named(&format!("user-{number:06}@seed.example")).log_in());
    let people = crate::harness::together(people.collect::<Vec<_>>()).await;
    let replies = crate::harness::together(
        people.into_iter().map(|person| async move { person.patch(ME).json(&json!({"username": "first"})).await }),
    )
    .await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1, "{replies:#?}");
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert_eq!(reply.status, 409, "{reply:#?}");
        reply.problem_is("username_taken");
    }
}
