//! Permanent removal of deleted accounts: by the command and by a server, and not before the end of the retention
//! period.

use serde_json::json;

use crate::harness::{Client, Home, PASSWORD, Server, eventually};

const ITEMS: &str = "/api/v1/items";

async fn with_item(server: &Server, name: &str) -> Client {
    let client = server.user(name).await;
    client.post(ITEMS).json(&json!({"title": format!("{name} keystone")})).await.is(201);
    client
}

fn purged(home: &Home) -> u64 {
    home.cli(["purge-users", "--json"]).exits(0).json()["removed_users"].as_u64().unwrap()
}

#[tokio::test]
async fn a_purge_removes_all_data_of_the_deleted_user_and_none_of_a_later_user() {
    let server = Server::with().env("PURGE_AFTER", "1s").start().await;
    let admin = server.admin().await;
    let (old, eve) = (with_item(&server, "ada").await, with_item(&server, "eve").await);
    old.delete("/api/v1/users/me").await.is(204);
    let new = with_item(&server, "ada").await;
    let users =
        eventually("the account is removed", async || Some(purged(&server.home)).filter(|users| *users > 0)).await;
    assert_eq!(users, 1);
    assert_eq!(purged(&server.home), 0);
    assert!(server.cli(["purge-users"]).exits(0).stdout.contains("removed 0 deleted users"));

    let list = admin.get(ITEMS).await.is(200).json();
    let titles: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["ada keystone", "eve keystone"]);
    assert_eq!(list["total"], 2);
    assert_eq!(list["items"][0]["owner_id"], new.id);
    let found = admin.get(&format!("{ITEMS}/search?q=keystone")).await.is(200).json();
    assert_eq!(found["total"], 2);
    assert_eq!(admin.get("/api/v1/users?search=ada").await.is(200).json()["items"][0]["id"], new.id);
    for client in [&new, &eve] {
        client.get("/api/v1/users/me").await.is(200);
        client.refresh().await.is(200);
        client.try_log_in(PASSWORD).await.is(200);
    }
    old.get("/api/v1/users/me").await.is(401).problem_is("token_revoked");
    old.refresh().await.is(401).problem();
    let log = admin.get("/api/v1/audit?page_size=100").await.is(200).json();
    let of_old = log["items"].as_array().unwrap().iter().filter(|event| event["user_id"] == old.id.as_str());
    let kinds: Vec<_> = of_old.map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["user_deleted", "login", "user_created"], "the events stay in the log: {log:#}");
    for name in ["ada@", "\"ada\""] {
        assert!(!log.to_string().contains(name), "the log has no names: {log:#}");
    }
}

#[tokio::test]
async fn a_server_purges_automatically_and_logs_it() {
    let server = Server::with().env("PURGE_AFTER", "1ms").env("JOB_POLL_INTERVAL", "1").start().await;
    with_item(&server, "ada").await.delete("/api/v1/users/me").await.is(204);
    // The job runs every hour, and the first run has already ended.
    let jobs = server.cli(["jobs", "list", "--json"]).exits(0).json();
    let job = jobs.as_array().unwrap().iter().find(|job| job["kind"] == "purge_users").unwrap();
    eventually("the first run has ended", async || {
        (server.cli(["jobs", "retry", job["id"].as_str().unwrap()]).code == Some(0)).then_some(())
    })
    .await;
    let is_said = async || server.log().contains("permanently removed deleted users").then_some(());
    eventually("the server has removed it", is_said).await;
    assert_eq!(purged(&server.home), 0);
}

#[tokio::test]
async fn accounts_are_not_purged_before_the_retention_period_ends() {
    for purge_after in [None, Some("0"), Some("1")] {
        let home = purge_after.map_or_else(Server::with, |days| Server::with().env("PURGE_AFTER", days));
        let server = home.start().await;
        with_item(&server, "ada").await.delete("/api/v1/users/me").await.is(204);
        assert_eq!(purged(&server.home), 0, "{purge_after:?}");
        assert_eq!(server.admin().await.get(ITEMS).await.is(200).json()["total"], 1);
    }
    let run = Home::new().env("PURGE_AFTER", "soon").cli(["config", "check"]).exits(2);
    assert!(run.stderr.contains("PURGE_AFTER"), "{run:#?}");
}
