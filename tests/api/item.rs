//! Items: their members, and the rules on who may read and change them.

use serde_json::{Value, json};

use crate::harness::{Client, Reply, Server};

const ITEMS: &str = "/api/v1/items";
const UNKNOWN: &str = "/api/v1/items/0192d3c4-0000-7000-8000-000000000000";
const ITEM: &str = "created_at description id owner_id title updated_at";

/// Creates an item and returns its path.
async fn create(client: &Client, title: &str) -> String {
    let reply = client.post(ITEMS).json(&json!({"title": title})).await.is(201);
    reply.header("location").unwrap().to_owned()
}

fn assert_forbidden(reply: &Reply) {
    reply.problem_is("insufficient_permissions");
}

#[tokio::test]
async fn an_item_can_be_created_read_changed_and_deleted() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let body = json!({"title": " Keystone ", "description": " holds\nthe arch "});
    let reply = ada.post(ITEMS).json(&body).await.is(201);
    let item = reply.json();
    assert_eq!(reply.members(), ITEM);
    assert_eq!((&item["title"], &item["description"]), (&json!("Keystone"), &json!(" holds\nthe arch ")));
    assert_eq!(item["owner_id"], ada.id);
    assert_eq!(item["created_at"], item["updated_at"]);
    let path = reply.header("location").unwrap();
    assert_eq!(path, format!("{ITEMS}/{}", item["id"].as_str().unwrap()));
    assert_eq!(ada.get(path).await.is(200).json(), item);

    let changed = ada.patch(path).json(&json!({"title": "Lintel"})).await.is(200).json();
    assert_eq!((&changed["title"], &changed["description"]), (&json!("Lintel"), &item["description"]));
    assert_eq!(changed["created_at"], item["created_at"]);
    assert!(changed["updated_at"].as_str() > item["updated_at"].as_str(), "{changed}");
    let cleared = ada.patch(path).json(&json!({"description": null})).await.is(200).json();
    assert_eq!((&cleared["title"], &cleared["description"]), (&json!("Lintel"), &Value::Null));
    assert_eq!(ada.patch(path).json(&json!({})).await.is(200).json(), cleared);
    assert_eq!(ada.patch(path).json(&json!({"colour": "red"})).await.is(200).json(), cleared);
    assert_eq!(ada.get(path).await.is(200).json(), cleared);

    let deleted = ada.delete(path).await.is(204);
    assert!(deleted.body.is_empty(), "{deleted:#?}");
    for reply in [ada.get(path).await, ada.patch(path).json(&json!({"title": "Ghost"})).await, ada.delete(path).await] {
        assert_eq!(reply.is(404).problem_is("item_not_found")["detail"], "Item not found");
    }
}

#[tokio::test]
async fn a_trailing_slash_is_ignored() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let path = ada.post(&format!("{ITEMS}/")).json(&json!({"title": "x"})).await.is(201);
    let path = path.header("location").unwrap();
    assert!(!path.ends_with('/'));
    for list in [format!("{ITEMS}/"), format!("{ITEMS}/my/"), format!("{ITEMS}/search/?q=x")] {
        assert_eq!(ada.get(&list).await.is(200).json()["total"], 1, "{list}");
    }
    ada.get(&format!("{path}/")).await.is(200);
    ada.patch(&format!("{path}/")).json(&json!({"title": "y"})).await.is(200);
    ada.delete(&format!("{path}/")).await.is(204);
}

#[tokio::test]
async fn item_limits_are_counted_in_characters() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    // Characters of one, two and four bytes, and those that case folding expands to two and three characters.
    for character in ["a", "é", "👩", "ß", "ΐ"] {
        let body = json!({"title": character.repeat(255), "description": character.repeat(10_000)});
        let reply = ada.post(ITEMS).json(&body).await.is(201);
        let item = ada.get(reply.header("location").unwrap()).await.is(200).json();
        assert_eq!((&item["title"], &item["description"]), (&body["title"], &body["description"]));
        let body = json!({"title": character.repeat(256), "description": character.repeat(10_001)});
        let both: [&[&str]; 2] = [&["body", "title"], &["body", "description"]];
        for error in ada.post(ITEMS).json(&body).await.invalid_at(&both) {
            assert_eq!(error["type"], "too_long");
        }
    }
    for description in [json!(null), json!(""), json!("\ttabs\r\nand lines")] {
        let item = ada.post(ITEMS).json(&json!({"title": "x", "description": description})).await.is(201).json();
        assert_eq!(item["description"], description);
    }
}

#[tokio::test]
async fn an_invalid_item_is_reported_and_not_stored() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let path = create(&ada, "Keystone").await;
    let known = ada.get(&path).await.is(200).json();
    for (member, value) in [
        ("title", json!(null)),
        ("title", json!("")),
        ("title", json!(" \t ")),
        ("title", json!(5)),
        ("title", json!(["x"])),
        ("title", json!("a\0b")),
        ("title", json!("two\nlines")),
        ("title", json!("a\u{1b}[31mb")),
        ("title", json!("a\u{202e}b")),
        ("title", json!("a\u{85}b")),
        ("description", json!(5)),
        ("description", json!({})),
        ("description", json!("a\0b")),
        ("description", json!("a\u{8}b")),
    ] {
        let mut body = json!({"title": "x"});
        body[member] = value;
        ada.post(ITEMS).json(&body).await.invalid_at(&[&["body", member]]);
        ada.patch(&path).json(&body).await.invalid_at(&[&["body", member]]);
    }
    let errors = ada.post(ITEMS).json(&json!({"description": "x"})).await.invalid_at(&[&["body", "title"]]);
    assert_eq!(errors[0]["type"], "missing");
    ada.post(ITEMS).body("application/json", "[]").await.invalid_at(&[&["body"]]);
    ada.post(ITEMS).body("application/json", "{").await.is(400).problem_is("malformed_body");
    ada.post(ITEMS).body("text/plain", "{}").await.is(415).problem();
    for id in ["1", "x", "%00", "0192d3c4"] {
        for reply in [
            ada.get(&format!("{ITEMS}/{id}")).await,
            ada.patch(&format!("{ITEMS}/{id}")).json(&json!({"title": "x"})).await,
            ada.delete(&format!("{ITEMS}/{id}")).await,
        ] {
            reply.invalid_at(&[&["path", "id"]]);
        }
    }
    let reply = ada.put(&path).json(&json!({"title": "x"})).await.is(405);
    assert!(reply.header("allow").unwrap().contains("PATCH"), "{reply:#?}");
    assert_eq!(ada.get(&path).await.is(200).json(), known);
    assert_eq!(ada.get(ITEMS).await.is(200).json()["total"], 1);
}

#[tokio::test]
async fn access_to_items_depends_on_owner_and_role() {
    let server = Server::start().await;
    let people = server.seeded(["admin", "editor", "user", "viewer"]).await;
    let owner = server.user("owner").await;
    for (someone, may_write, may_manage) in
        [(&people[0], true, true), (&people[1], true, true), (&people[2], true, false), (&people[3], false, false)]
    {
        let own = someone.post(ITEMS).json(&json!({"title": "Own"})).await;
        if may_write {
            let own = own.is(201).header("location").unwrap().to_owned();
            someone.get(&own).await.is(200);
            someone.patch(&own).json(&json!({"title": "Mine"})).await.is(200);
            someone.delete(&own).await.is(204);
        } else {
            assert_forbidden(&own.is(403));
        }

        let others = create(&owner, "Another's").await;
        let known = someone.get(&others).await.is(200).json();
        let changed = someone.patch(&others).json(&json!({"title": "Mine", "description": "now"})).await;
        if may_manage {
            let changed = changed.is(200).json();
            assert_eq!((&changed["title"], &changed["owner_id"]), (&json!("Mine"), &known["owner_id"]));
            someone.delete(&others).await.is(204);
            owner.get(&others).await.is(404);
        } else {
            assert_forbidden(&changed.is(403));
            assert_forbidden(&someone.delete(&others).await.is(403));
            assert_forbidden(&someone.delete(&others).header("if-match", "\"99\"").await.is(403));
            assert_forbidden(&someone.patch(&others).json(&json!({})).await.is(403));
            assert_eq!(owner.get(&others).await.is(200).json(), known);
        }

        someone.get(UNKNOWN).await.is(404).problem_is("item_not_found");
        let patch = someone.patch(UNKNOWN).json(&json!({"title": "x"})).await;
        let delete = someone.delete(UNKNOWN).await;
        for reply in [patch, delete] {
            if may_write {
                reply.is(404).problem_is("item_not_found");
            } else {
                assert_forbidden(&reply.is(403));
            }
        }
    }
}

#[tokio::test]
async fn items_require_a_login() {
    let server = Server::start().await;
    let path = create(&server.user("ada").await, "x").await;
    let anonymous = server.anonymous();
    for reply in [
        anonymous.get(ITEMS).await,
        anonymous.get(&format!("{ITEMS}/my")).await,
        anonymous.get(&format!("{ITEMS}/search?q=x")).await,
        anonymous.get(&path).await,
        anonymous.post(ITEMS).json(&json!({"title": "x"})).await,
        anonymous.patch(&path).json(&json!({"title": "y"})).await,
        anonymous.delete(&path).await,
    ] {
        let reply = reply.is(401);
        reply.problem_is("not_authenticated");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }
}

#[tokio::test]
async fn each_permission_grants_only_its_operations() {
    let home = Server::with().env("KEEPSTONE__ROLES__KEEPER", "items:manage");
    let home = home.env("KEEPSTONE__ROLES__WRITER", "items:write").env("KEEPSTONE__ROLES__MAILER", "email:send");
    let server = home.start().await;
    let [keeper, writer, mailer, user] = server.seeded(["keeper", "writer", "mailer", "user"]).await;
    let of_user = create(&user, "The user's").await;
    let of_writer = create(&writer, "The writer's").await;
    for someone in [&keeper, &writer, &mailer] {
        for path in [ITEMS, "/api/v1/items/my", "/api/v1/items/search?q=x", &of_user, &of_writer, UNKNOWN] {
            assert_forbidden(&someone.get(path).await.is(403));
        }
    }
    let body = json!({"title": "Changed"});
    assert_forbidden(&keeper.post(ITEMS).json(&body).await.is(403));
    keeper.patch(&of_writer).json(&body).await.is(200);
    keeper.patch(&of_user).json(&body).await.is(200);
    assert_forbidden(&writer.patch(&of_user).json(&body).await.is(403));
    assert_forbidden(&writer.delete(&of_user).await.is(403));
    assert_forbidden(&mailer.post(ITEMS).json(&body).await.is(403));
    assert_forbidden(&mailer.patch(&of_user).json(&body).await.is(403));
    assert_forbidden(&mailer.delete(&of_user).await.is(403));
    writer.patch(&of_writer).json(&body).await.is(200);
    writer.delete(&of_writer).await.is(204);
    keeper.delete(&of_user).await.is(204);
    keeper.delete(&of_user).await.is(404);
}
