//! Search: case-insensitive substrings, without special characters.

use serde_json::json;

use crate::harness::{Client, PASSWORD, Server};

/// Encodes a text for a query string.
fn encoded(text: &str) -> String {
    let bytes: Vec<_> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    bytes.concat()
}

/// Returns the titles of the items that contain this text, in alphabetical order.
async fn found(client: &Client, text: &str) -> Vec<String> {
    let reply = client.get(&format!("/api/v1/items/search?q={}", encoded(text))).await.is(200);
    let body = reply.json();
    let items = body["items"].as_array().unwrap();
    assert_eq!(body["total"], items.len(), "{text}: {body:#}");
    let mut titles: Vec<_> = items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect();
    titles.sort_unstable();
    titles
}

#[tokio::test]
async fn search_finds_substrings_of_titles_and_descriptions_in_any_case() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    for (title, description) in [
        ("100% sure", None),
        ("100 sure", None),
        ("snake_case", None),
        ("snakeXcase", None),
        (r"back\slash", None),
        ("back/slash", None),
        (r"\%", None),
        ("it's", Some(r#"she said "hi""#)),
        ("'; DROP TABLE items; --", None),
        ("Привет МИР", None),
        ("ΟΔΟΣ", None),
        ("Große Straße", None),
        ("Résumé", Some("Curriculum\nvitae")),
        ("resume", None),
        ("漢字かな", None),
        ("👩‍🚀 in space", None),
        ("a*b?c[d]", Some("{x} (y) ^z$ #1 -- /* */ AND OR NOT NEAR")),
    ] {
        let body = json!({"title": title, "description": description});
        ada.post("/api/v1/items").json(&body).await.is(201);
    }
    for (text, titles) in [
        ("%", &["100% sure", r"\%"][..]),
        ("0% s", &["100% sure"]),
        ("%%", &[]),
        ("_", &["snake_case"]),
        ("KE_CA", &["snake_case"]),
        ("e_c", &["snake_case"]),
        ("\\", &[r"\%", r"back\slash"]),
        (r"\%", &[r"\%"]),
        (r"k\s", &[r"back\slash"]),
        (r"\\", &[]),
        ("k/s", &["back/slash"]),
        ("'", &["'; DROP TABLE items; --", "it's"]),
        ("\"", &["it's"]),
        ("D \"HI\"", &["it's"]),
        ("drop table", &["'; DROP TABLE items; --"]),
        ("' OR '1'='1", &[]),
        ("мир", &["Привет МИР"]),
        ("ПРИВЕТ", &["Привет МИР"]),
        ("т м", &["Привет МИР"]),
        ("п", &["Привет МИР"]),
        ("οδος", &["ΟΔΟΣ"]),
        ("ΔΟσ", &["ΟΔΟΣ"]),
        ("STRASSE", &["Große Straße"]),
        ("straße", &["Große Straße"]),
        ("ß", &["Große Straße"]),
        ("GROSSE s", &["Große Straße"]),
        ("RÉSUMÉ", &["Résumé"]),
        ("resume", &["resume"]),
        ("um\nvi", &["Résumé"]),
        ("字か", &["漢字かな"]),
        ("漢字か", &["漢字かな"]),
        ("👩", &["👩‍🚀 in space"]),
        ("👩‍🚀 IN", &["👩‍🚀 in space"]),
        ("*", &["a*b?c[d]"]),
        ("b?c", &["a*b?c[d]"]),
        ("[d]", &["a*b?c[d]"]),
        ("{X} (", &["a*b?c[d]"]),
        ("and or not", &["a*b?c[d]"]),
        ("^z$", &["a*b?c[d]"]),
        ("c[d]{x}", &[]), // a match does not span title and description
        ("  sure ", &["100 sure", "100% sure"]),
        ("nothing has this", &[]),
    ] {
        assert_eq!(found(&ada, text).await, titles, "{text:?}");
    }
    let longest = "x".repeat(100);
    let body = json!({"title": "Long", "description": format!("y{longest}y")});
    let path = ada.post("/api/v1/items").json(&body).await.is(201).header("location").unwrap().to_owned();
    assert_eq!(found(&ada, &longest.to_uppercase()).await, ["Long"]);

    // A changed item is found by its new text only.
    ada.patch(&path).json(&json!({"description": "short"})).await.is(200);
    assert!(found(&ada, &longest).await.is_empty());
    assert_eq!(found(&ada, "SHORT").await, ["Long"]);
    ada.delete(&path).await.is(204);
    assert!(found(&ada, "short").await.is_empty());
}

#[tokio::test]
async fn invalid_search_texts_are_rejected() {
    let server = Server::start().await;
    let [admin] = server.seeded(["admin"]).await;
    let long = "x".repeat(101);
    let too_long = [encoded("é").repeat(101), long];
    let wrong = ["a%00b", "%00", "a%01b", "%1B[0m", "a%C2%85b", "a%E2%80%AEb", &too_long[0], &too_long[1]];
    for text in wrong.iter().chain(&["", "%20%20", "%09"]) {
        admin.get(&format!("/api/v1/items/search?q={text}")).await.invalid_at(&[&["query", "q"]]);
    }
    for text in wrong {
        admin.get(&format!("/api/v1/users?search={text}")).await.invalid_at(&[&["query", "search"]]);
    }
    let errors = admin.get("/api/v1/items/search").await.invalid_at(&[&["query", "q"]]);
    assert_eq!(errors[0]["type"], "missing");
    admin.get("/api/v1/items/search?q=a&q=b").await.invalid_at(&[&["query", "q"]]);
    admin.get("/api/v1/items/search?page=0").await.invalid_at(&[&["query", "q"], &["query", "page"]]);
    admin.get("/api/v1/users?role=a%00b").await.invalid_at(&[&["query", "role"]]);
}

#[tokio::test]
async fn users_are_found_by_address_username_or_name_and_by_role() {
    let server = Server::start().await;
    let [admin, editor, user, viewer] = server.seeded(["admin", "editor", "user", "viewer"]).await;
    for (email, username, name) in [
        ("ada@lovelace.example", "countess", "Ada Königin"),
        ("bob@example.com", "bob_100", "100% Bob"),
        ("eve@example.com", "eveX100", "Ева"),
    ] {
        let body = json!({"email": email, "password": PASSWORD, "username": username, "name": name, "role": "user"});
        admin.post("/api/v1/users").json(&body).await.is(201);
    }
    for (query, emails) in [
        ("search=LOVELACE", &["ada@lovelace.example"][..]),
        ("search=Countess", &["ada@lovelace.example"]),
        ("search=%C3%96NIG", &["ada@lovelace.example"]),
        ("search=_1", &["bob@example.com"]),
        ("search=%25", &["bob@example.com"]),
        ("search=%D0%B5%D0%B2%D0%B0", &["eve@example.com"]),
        ("search=100&role=user", &["bob@example.com", "eve@example.com"]),
        ("search=100&role=admin", &[]),
        ("search=admin&role=Admin", &["admin@example.com"]),
        ("role=EDITOR", &["editor@example.com"]),
        ("role=emperor", &[]),
        ("role=user&search=", &["ada@lovelace.example", "bob@example.com", "eve@example.com", "user@example.com"]),
        ("search=com%1Fbob", &[]),
    ] {
        if query.contains("%1F") {
            editor.get(&format!("/api/v1/users?{query}")).await.invalid_at(&[&["query", "search"]]);
            continue;
        }
        let body = editor.get(&format!("/api/v1/users?{query}")).await.is(200).json();
        let mut found: Vec<_> =
            body["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, emails, "{query}");
        assert_eq!(body["total"], emails.len(), "{query}");
    }
    for someone in [&user, &viewer] {
        for query in ["", "?search=admin", "?role=admin"] {
            let reply = someone.get(&format!("/api/v1/users{query}")).await.is(403);
            reply.problem_is("insufficient_permissions");
        }
    }
    server.anonymous().get("/api/v1/users?search=admin").await.is(401).problem_is("not_authenticated");
    assert_eq!(admin.get("/api/v1/users?search=e").await.is(200).json()["page"], 1);
}

#[tokio::test]
async fn a_user_is_found_by_current_values_only() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let ada = server.user("ada").await;
    let total =
        async |text: &str| admin.get(&format!("/api/v1/users?search={text}")).await.is(200).json()["total"].clone();
    assert_eq!(total("ada").await, 1);
    let body =
        json!({"email": "new@example.com", "username": "countess", "name": "Lovelace", "current_password": PASSWORD});
    ada.patch("/api/v1/users/me").json(&body).await.is(200);
    assert_eq!(total("ada").await, 0);
    for text in ["new@", "COUNTESS", "love"] {
        assert_eq!(total(text).await, 1, "{text}");
    }
    ada.delete("/api/v1/users/me").await.is(204);
    assert_eq!(total("love").await, 0);
}

#[tokio::test]
async fn composed_and_decomposed_characters_are_equal() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let texts = [
        ("Café", "cafe\u{301}"),
        ("Việt Nam", "vie\u{323}\u{302}t nam"),
        ("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
        ("Ångström", "A\u{30a}NGSTRO\u{308}M"),
    ];
    for (composed, decomposed) in texts {
        for (title, description) in [(composed, "1"), (decomposed, "2"), ("3", composed), ("4", decomposed)] {
            admin.post("/api/v1/items").json(&json!({"title": title, "description": description})).await.is(201);
        }
        for (number, name) in [composed, decomposed].into_iter().enumerate() {
            let email = format!("u{number}@{}.example", composed.replace(' ', "-").to_lowercase());
            let body = json!({"email": email, "name": name, "password": PASSWORD});
            admin.post("/api/v1/users").json(&body).await.is(201);
        }
        for query in [composed, decomposed, &composed.to_lowercase(), &decomposed.to_uppercase()] {
            assert_eq!(found(&admin, query).await.len(), 4, "{query}");
            let users = admin.get(&format!("/api/v1/users?search={}", encoded(query))).await.is(200).json();
            assert_eq!(users["total"], 2, "{query}: {users:#}");
        }
    }
    assert_eq!(found(&admin, "cafe").await, [""; 0], "accents are significant");
}
