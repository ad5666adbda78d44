//! Entity tags: a current copy is not sent again (304), and stale updates are rejected (412).

use serde_json::json;

use crate::harness::{Client, Server, together};

const ME: &str = "/api/v1/users/me";
const ITEMS: &str = "/api/v1/items";

async fn create(client: &Client) -> String {
    let reply = client.post(ITEMS).json(&json!({"title": "Keystone", "description": "0"})).await.is(201);
    reply.header("location").unwrap().to_owned()
}

#[tokio::test]
async fn every_single_resource_response_has_an_etag() {
    let server = Server::start().await;
    let [admin, user] = server.seeded(["admin", "user"]).await;
    let of_user = format!("/api/v1/users/{}", user.id);
    let made = admin.post(ITEMS).json(&json!({"title": "x"})).await.is(201);
    let item = made.header("location").unwrap();
    assert_eq!(admin.get(item).await.is(200).etag(), made.etag());
    for path in [item, ME, &of_user] {
        let reply = admin.get(path).await.is(200);
        let head = admin.head(path).await.is(200);
        assert_eq!(head.etag(), reply.etag(), "{path}");
        assert!(head.body.is_empty());
        let member = if path == item { "title" } else { "name" };
        let changed = admin.patch(path).json(&json!({member: "Another"})).await.is(200);
        assert_ne!(changed.etag(), reply.etag(), "{path}");
        assert_eq!(admin.get(path).await.is(200).etag(), changed.etag(), "{path}");
        // A patch without a difference does not change the tag.
        let same = admin.patch(path).json(&json!({})).await.is(200);
        assert_eq!((same.etag(), &same.body), (changed.etag(), &changed.body), "{path}");
    }
    let known = admin.get(&of_user).await.is(200).etag();
    assert_eq!(admin.patch(&of_user).json(&json!({"name": "Another"})).await.is(200).etag(), known);
    assert_eq!(user.get(ME).await.is(200).etag(), known);
    // The public view is another representation.
    let ada = server.user("ada").await;
    let public = ada.get(&of_user).await.is(200).etag();
    assert_ne!(public, known);
    ada.get(&of_user).header("if-none-match", &public).await.is(304);
    ada.get(&of_user).header("if-none-match", &known).await.is(200);
}

#[tokio::test]
async fn a_current_copy_gets_304() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let item = create(&ada).await;
    for path in [&item, ME, &format!("/api/v1/users/{}", ada.id)] {
        let tag = ada.get(path).await.is(200).etag();
        let weak = format!("W/{tag}");
        let (first, last) = (format!("{tag}, \"x\""), format!("\"x\",W/\"y, z\" , {tag}"));
        for known in [&tag, &weak, &first, &last, "*"] {
            for reply in [
                ada.get(path).header("if-none-match", known).await,
                ada.head(path).header("if-none-match", known).await,
            ] {
                let reply = reply.is(304);
                assert_eq!(reply.etag(), tag, "{known}");
                assert!(reply.body.is_empty() && reply.header("content-type").is_none(), "{reply:#?}");
            }
        }
        let two = ada.get(path).header("if-none-match", "\"x\"").header("if-none-match", &tag).await;
        two.is(304);
        for other in ["\"x\"", "W/\"x\"", "\"\"", "x", tag.trim_matches('"'), "\"x"] {
            ada.get(path).header("if-none-match", other).await.is(200);
        }
        let member = if *path == item { "title" } else { "name" };
        ada.patch(path).json(&json!({member: format!("After {}", &tag[1..2])})).await.is(200);
        ada.get(path).header("if-none-match", &tag).await.is(200);
    }
    ada.get(&item.replace(|character: char| character.is_ascii_digit(), "0"))
        .header("if-none-match", "*")
        .await
        .is(404);
    server.anonymous().get(&item).header("if-none-match", "*").await.is(401);
}

#[tokio::test]
async fn a_stale_update_is_rejected() {
    let server = Server::start().await;
    let [admin, user] = server.seeded(["admin", "user"]).await;
    let item = create(&user).await;
    for path in [&item, &format!("/api/v1/users/{}", user.id), ME] {
        let client = if path == ME { &user } else { &admin };
        let member = if *path == item { "title" } else { "name" };
        let body = json!({member: "Another"});
        let old = client.get(path).await.is(200).etag();
        let current = client.patch(path).json(&json!({member: "Second"})).await.is(200);
        let known = client.get(path).await.is(200).json();
        let weak = format!("W/{}", current.etag());
        let padded = current.etag().replacen('"', "\"0", 1);
        for stale in [&old, &weak, &padded, "\"x\"", "\"\"", "\"-1\"", "\"99999999999999999999\"", "\"x\", \"y\""] {
            client.patch(path).header("if-match", stale).json(&body).await.is(412).problem_is("precondition_failed");
            // This applies even if the patch changes nothing.
            client.patch(path).header("if-match", stale).json(&json!({})).await.is(412).problem();
            client.delete(path).header("if-match", stale).await.is(412).problem_is("precondition_failed");
        }
        for malformed in ["x", "", "\"x", "\"1\" \"2\"", "w/\"1\"", "\"1\", *"] {
            let reply = client.patch(path).header("if-match", malformed).json(&body).await;
            reply.invalid_at(&[&["header", "if-match"]]);
            client.delete(path).header("if-match", malformed).await.invalid_at(&[&["header", "if-match"]]);
        }
        assert_eq!(client.get(path).await.is(200).json(), known);

        let next = client.patch(path).header("if-match", &current.etag()).json(&body).await.is(200).etag();
        client.patch(path).header("if-match", &format!("\"x\", {next}")).json(&json!({member: "Third"})).await.is(200);
        client.patch(path).header("if-match", "*").json(&json!({member: "Fourth"})).await.is(200);
    }
    for (path, client) in [(&*item, &user), (ME, &user)] {
        let tag = client.get(path).await.is(200).etag();
        client.delete(path).header("if-match", &tag).await.is(204);
    }
    admin.delete(&item).header("if-match", "*").await.is(404);
}

/// Increments the number in the description, and retries until no concurrent change interferes.
async fn add_one(client: Client, path: String) {
    loop {
        let seen = client.get(&path).await.is(200);
        let number: u32 = seen.json()["description"].as_str().unwrap().parse().unwrap();
        let body = json!({"description": (number + 1).to_string()});
        let reply = client.patch(&path).header("if-match", &seen.etag()).json(&body).await;
        if reply.status == 200 {
            return;
        }
        reply.is(412);
    }
}

#[tokio::test]
async fn fifty_concurrent_increments_all_count() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let path = create(&ada).await;
    together((0..50).map(|_| add_one(ada.clone(), path.clone()))).await;
    assert_eq!(ada.get(&path).await.is(200).json()["description"], "50");
}

#[tokio::test]
async fn concurrent_changes_to_different_members_are_all_applied() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let item = create(&ada).await;
    for (path, members) in [(item.as_str(), ["title", "description"]), (ME, ["name", "username"])] {
        for round in 0..25 {
            let value = |member: &str| json!(format!("{member}-{round}"));
            let replies = together(members.map(|member| {
                let request = ada.patch(path).json(&json!({member: value(member)}));
                async move { request.await.is(200) }
            }))
            .await;
            assert_ne!(replies[0].etag(), replies[1].etag(), "each change creates its own version");
            let both = ada.get(path).await.is(200).json();
            for (member, reply) in members.iter().zip(&replies) {
                assert_eq!((&both[*member], &reply.json()[*member]), (&value(member), &value(member)), "{both}");
            }
        }
    }
}
