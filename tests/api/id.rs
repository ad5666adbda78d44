//! Ids: every public id is a UUID. The integers that the database uses internally are never exposed.

use serde_json::{Value, json};

use crate::harness::{Home, PASSWORD, Server};

/// Returns whether a member of this name identifies one of our resources.
fn is_id(name: &str) -> bool {
    (name == "id" || name.ends_with("_id") || name.ends_with("Id")) && name != "request_id"
}

fn is_uuid(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase());
    let parts: Vec<_> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|part| is_hex(part))
}

/// Asserts that every id in this value is a UUID, and returns their number.
#[track_caller]
fn assert_ids_are_uuids(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.iter().map(assert_ids_are_uuids).sum(),
        Value::Object(members) => {
            let mut count = 0;
            for (name, member) in members {
                if is_id(name) {
                    assert!(member.is_null() || member.as_str().is_some_and(is_uuid), "{name}: {member} in {value:#}");
                    count += usize::from(member.is_string());
                }
                count += assert_ids_are_uuids(member);
            }
            count
        }
        _ => 0,
    }
}

#[tokio::test]
async fn ids_are_uuids_in_bodies_urls_and_the_log() {
    let server = Server::with().env("LOG_FORMAT", "json").env("LOG_LEVEL", "debug").start().await;
    let admin = server.admin().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let mut replies = Vec::new();
    for caller in [&admin, &ada] {
        let item =
            caller.post("/api/v1/items").json(&json!({"title": "x"})).header("idempotency-key", "k").await.is(201);
        let again = caller.post("/api/v1/items").json(&json!({"title": "x"})).header("idempotency-key", "k").await;
        let path = item.header("location").unwrap().to_owned();
        replies.push(caller.patch(&path).json(&json!({"title": "y"})).await.is(200));
        replies.push(caller.get(&path).await.is(200));
        replies.push(bob.delete(&path).await.is(403));
        replies.extend([item, again.is(201)]);
    }
    let body = json!({"email": "eve@example.com", "password": PASSWORD});
    replies.push(admin.post("/api/v1/users").json(&body).await.is(201));
    replies.push(admin.post("/api/v1/users").json(&body).await.is(409));
    replies.push(server.anonymous().post("/api/v1/auth/register").json(&body).await.is(400));
    replies.push(admin.patch(&format!("/api/v1/users/{}", bob.id)).json(&json!({"role": "editor"})).await.is(200));
    let refreshed = ada.refresh().await.is(200);
    ada.clone().with(refreshed.json()).refresh().await.is(200);
    replies.push(refreshed);
    ada.refresh().await.is(401);
    let ada = ada.log_in().await;
    for path in [
        "/api/v1/items?limit=1",
        "/api/v1/items/my",
        "/api/v1/items/search?q=y",
        "/api/v1/users?search=ada",
        "/api/v1/users/me",
        "/api/v1/auth/sessions",
        "/api/v1/audit?page_size=100",
    ] {
        replies.push(admin.get(path).await.is(200));
    }
    replies.push(ada.get(&format!("/api/v1/users/{}", bob.id)).await.is(200));
    for path in ["/api/v1/items/7", "/api/v1/users/1", "/api/v1/users/00000000-0000-0000-0000-000000000001", "/x/1"] {
        replies.push(admin.get(path).await);
    }
    ada.delete("/api/v1/users/me").await.is(204);

    let mut count = 0;
    for reply in &replies {
        count += assert_ids_are_uuids(&reply.json());
        if let Some(location) = reply.header("location") {
            assert!(is_uuid(location.rsplit('/').next().unwrap()), "{location}");
        }
        if let Some(cursor) = reply.json()["next_cursor"].as_str() {
            assert!(cursor.len() > 50, "the cursor must be opaque: {cursor}");
        }
    }
    assert!(count > 50, "{count}");

    let log = server.log();
    let mut lines = 0;
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"));
        assert_ids_are_uuids(&line);
        lines += 1;
    }
    assert!(lines > replies.len(), "{log}");
}

#[test]
fn the_document_has_no_numeric_ids() {
    fn assert_no_number(value: &Value, count: &mut usize) {
        let named = value["properties"].as_object().into_iter().flatten().map(|(name, schema)| (name.as_str(), schema));
        let parameter = value["name"].as_str().map(|name| (name, &value["schema"]));
        // OAuth 2's `client_id` is a name that the client chooses.
        let ids = named.chain(parameter).filter(|(name, _)| is_id(name) && *name != "client_id");
        for (_, schema) in ids {
            assert!(schema["type"] == "string" || schema["type"] == json!(["string", "null"]), "{value:#}");
            assert_eq!(schema["format"], "uuid", "{value:#}");
            *count += 1;
        }
        match value {
            Value::Array(values) => values.iter().for_each(|value| assert_no_number(value, count)),
            Value::Object(members) => members.values().for_each(|value| assert_no_number(value, count)),
            _ => {}
        }
    }
    let mut count = 0;
    assert_no_number(&Home::new().cli(["openapi"]).exits(0).json(), &mut count);
    assert!(count > 10, "{count}");
}
