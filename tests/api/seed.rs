//! `seed`: sample users and items. Repeated runs create only what is missing.

use keepstone_test_backends::Database;
use serde_json::json;

use crate::harness::{Client, Home, PASSWORD, Server};

/// Runs `seed` with these arguments and the common password.
fn seed<'a>(home: &Home, arguments: impl IntoIterator<Item = &'a str>) -> String {
    let arguments = ["seed", "--password-stdin"].into_iter().chain(arguments);
    home.cli_reading(PASSWORD, arguments).exits(0).stdout
}

async fn totals(admin: &Client) -> (u64, u64) {
    let total = async |path: &str| admin.get(path).await.is(200).json()["total"].as_u64().unwrap();
    (total("/api/v1/users").await, total("/api/v1/items").await)
}

#[tokio::test]
async fn seed_creates_a_user_of_each_role_and_items_only_once() {
    let server = Server::with().env("KEEPSTONE__ROLES__AUDITOR", "audit:read").start().await;
    let first = seed(&server.home, []);
    assert!(first.contains("created 5 users and 20 items"), "{first}");
    for role in ["admin", "editor", "user", "viewer", "auditor"] {
        let client = server.anonymous().named(&format!("{role}@example.com")).log_in().await;
        let me = client.get("/api/v1/users/me").await.is(200).json();
        assert_eq!((&me["role"], &me["email_verified"], &me["is_active"]), (&json!(role), &json!(true), &json!(true)));
        assert_eq!(me["username"], role);
        if role == "auditor" {
            client.get("/api/v1/audit").await.is(200);
        }
        let own = client.get("/api/v1/items/my").await;
        match role {
            "auditor" => assert_eq!(own.status, 403),
            "viewer" => assert_eq!(own.is(200).json()["total"], 0),
            _ => assert!(own.is(200).json()["total"].as_u64() > Some(0), "{role} has none"),
        }
    }
    let admin = server.anonymous().named("admin@example.com").log_in().await;
    assert_eq!(totals(&admin).await, (5, 20));
    let all = (admin.get("/api/v1/users").await.body, admin.get("/api/v1/items").await.body);

    let again = seed(&server.home, []);
    assert!(again.contains("created 0 users and 0 items") && !again.contains("password"), "{again}");
    assert_eq!((admin.get("/api/v1/users").await.body, admin.get("/api/v1/items").await.body), all);
    assert_eq!(server.home.cli_reading("another password", ["seed", "--password-stdin"]).exits(0).code, Some(0));
    server.anonymous().named("admin@example.com").log_in().await; // with the original password
}

#[tokio::test]
async fn changes_are_kept_and_missing_rows_are_created() {
    let server = Server::start().await;
    let [admin, viewer] = server.seeded(["admin", "viewer"]).await;
    viewer.patch("/api/v1/users/me").json(&json!({"name": "Vic", "username": "vic"})).await.is(200);
    admin.patch(&format!("/api/v1/users/{}", viewer.id)).json(&json!({"role": "editor"})).await.is(200);
    seed(&server.home, ["--items", "3"]);
    let vic = viewer.get("/api/v1/users/me").await.is(200).json();
    assert_eq!((&vic["name"], &vic["role"]), (&json!("Vic"), &json!("editor")));
    let items = admin.get("/api/v1/items").await.is(200).json();
    admin.delete(&format!("/api/v1/items/{}", items["items"][0]["id"].as_str().unwrap())).await.is(204);
    viewer.delete("/api/v1/users/me").await.is(204);
    let again = seed(&server.home, ["--items", "3"]);
    assert!(again.contains("created 1 users and 1 items"), "{again}");
    assert_eq!(totals(&admin).await, (4, 3));
    assert_eq!(admin.get("/api/v1/items").await.is(200).json()["items"][0]["id"], items["items"][0]["id"]);
}

#[tokio::test]
async fn a_taken_username_is_left_to_its_owner() {
    let server = Server::start().await;
    let body = json!({"email": "first@example.com", "password": PASSWORD, "username": "Viewer"});
    server.anonymous().post("/api/v1/auth/register").json(&body).await.is(201);
    seed(&server.home, ["--items", "0"]);
    let viewer = server.anonymous().named("viewer@example.com").log_in().await;
    assert!(viewer.get("/api/v1/users/me").await.is(200).json()["username"].is_null());
    assert_eq!(server.home.users().len(), 5);
}

#[tokio::test]
async fn large_amounts_are_created_in_resumable_batches() {
    let server = Server::start().await;
    let first = seed(&server.home, ["--users", "10", "--items", "30"]);
    assert!(first.contains("created 14 users and 30 items"), "{first}");
    let [admin] = server.seeded(["admin"]).await;
    assert_eq!(totals(&admin).await, (14, 30));
    let second = seed(&server.home, ["--users", "25", "--items", "1100"]);
    assert!(second.contains("created 15 users and 1070 items"), "{second}");
    assert_eq!(totals(&admin).await, (29, 1100));
    let third = seed(&server.home, ["--users", "25", "--items", "1100"]);
    assert!(third.contains("created 0 users and 0 items"), "{third}");
    assert_eq!(totals(&admin).await, (29, 1100));
    for number in [0, 9, 10, 24] {
        let client = server.anonymous().named(&format!("user-{number:06}@seed.example")).log_in().await;
        let me = client.get("/api/v1/users/me").await.is(200).json();
        assert_eq!((&me["username"], &me["role"]), (&json!(format!("user-{number:06}")), &json!("user")));
        assert!(client.get("/api/v1/items/my").await.is(200).json()["total"].as_u64() > Some(0));
    }
    let found = admin.get("/api/v1/items/search?q=0000007").await.is(200).json();
    assert_eq!(found["total"], 1, "{found}");
}

#[tokio::test]
async fn a_generated_password_is_printed_once() {
    let server = Server::start().await;
    let run = server.home.cli(["seed", "--items", "0"]).exits(0);
    let password = run.stdout.lines().find_map(|line| line.split_once("password of the new accounts: "));
    let (_, password) = password.unwrap_or_else(|| panic!("the password must be printed: {run:#?}"));
    assert_eq!(run.output().matches(password).count(), 1);
    for role in ["admin", "viewer"] {
        server.anonymous().named(&format!("{role}@example.com")).try_log_in(password).await.is(200);
    }
    let again = server.home.cli(["seed", "--items", "0"]).exits(0);
    assert!(!again.output().contains("password"), "{again:#?}");
    let another = Home::new();
    another.cli(["migrate", "upgrade", "head"]).exits(0);
    assert!(
        !another.cli(["seed", "--items", "0"]).exits(0).output().contains(password),
        "each database has its own password"
    );
}

#[test]
fn nothing_is_seeded_in_production_or_with_a_bad_password() {
    // because the database servers of the tests have passwords that production rejects
    let mut home = Home::on(Database::Sqlite);
    home.cli(["migrate", "upgrade", "head"]).exits(0);
    let short = home.cli_reading("short", ["seed", "--password-stdin"]).exits(2);
    assert!(short.stderr.contains("8 characters"), "{short:#?}");
    home.environment.insert("ENVIRONMENT".to_owned(), "production".to_owned());
    for arguments in [&["seed"][..], &["seed", "--users", "5", "--password-stdin"]] {
        let refused = home.cli_reading(PASSWORD, arguments.iter().copied()).exits(2);
        assert!(refused.stderr.contains("seed") && refused.stderr.contains("not run in production"), "{refused:#?}");
    }
    assert!(home.users().is_empty());
    home.environment.insert("ENVIRONMENT".to_owned(), "test".to_owned());
    for arguments in [["seed", "--users", "-1"], ["seed", "--users", "x"], ["seed", "--items", "100000001"]] {
        home.cli(arguments).exits(2);
    }
    assert!(home.users().is_empty());
}
