//! Lists: one envelope, read by pages, by rows or by cursors. Concurrent inserts neither hide nor repeat rows.

use serde_json::{Value, json};

use crate::harness::{Client, Home, PASSWORD, Reply, Server, together};

const ITEMS: &str = "/api/v1/items";
const ROWS: usize = 45;

/// A page of a list, in the envelope that every list must have.
struct Part {
    rows: Vec<Value>,
    total: Option<u64>,
    next: Option<String>,
}

#[track_caller]
fn part(reply: &Reply) -> Part {
    let body = reply.json();
    assert!(body["page_size"].is_u64(), "{body:#}");
    let next = body.as_object().unwrap().get("next_cursor").expect("next_cursor is always there");
    assert!(next.is_string() || next.is_null(), "{body:#}");
    let rows = body["items"].as_array().unwrap().clone();
    Part { rows, total: body["total"].as_u64(), next: next.as_str().map(str::to_owned) }
}

/// Returns the path with one more query parameter.
fn with(path: &str, parameter: &str) -> String {
    format!("{path}{}{parameter}", if path.contains('?') { '&' } else { '?' })
}

/// Reads a list by cursors, ten rows at a time. `meanwhile` runs after the first page.
async fn walk(client: &Client, path: &str, meanwhile: impl AsyncFnOnce()) -> Vec<Value> {
    let first = part(&client.get(&with(path, "page_size=10")).await.is(200));
    let (mut rows, mut next) = (first.rows, first.next);
    meanwhile().await;
    while let Some(cursor) = next {
        let part = part(&client.get(&with(path, &format!("page_size=10&cursor={cursor}"))).await.is(200));
        assert_eq!(part.total, None, "{path}");
        assert!(!part.rows.is_empty() && rows.len().is_multiple_of(10), "{path}: only the last part is not full");
        rows.extend(part.rows);
        next = part.next;
    }
    rows
}

/// Asserts that these rows are unique and in order, newest first.
#[track_caller]
fn assert_newest_first(rows: &[Value]) {
    let place = |row: &Value| {
        let time = if row["at"].is_string() { &row["at"] } else { &row["created_at"] };
        (time.as_str().unwrap().to_owned(), row["id"].as_str().unwrap().to_owned())
    };
    assert!(rows.windows(2).all(|pair| place(&pair[0]) > place(&pair[1])), "{rows:#?}");
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

/// Starts a server with this many users and items, and adds rows to every list through the API as the administrator.
async fn filled(home: Home) -> (Server, Client) {
    let server = home.start().await;
    server.home.cli_reading(PASSWORD, ["seed", "--users", "45", "--items", "45", "--password-stdin"]).exits(0);
    let [admin] = server.seeded(["admin"]).await;
    (server, admin)
}

#[tokio::test]
async fn cursors_miss_nothing_during_concurrent_inserts() {
    let (server, admin) = filled(Server::with()).await;
    together((0..ROWS).map(|number| {
        let post = admin.post(ITEMS).json(&json!({"title": format!("Own {number}")}));
        async move { post.await.is(201) }
    }))
    .await;
    together((0..ROWS).map(|_| admin.clone().log_in())).await;
    let mut newcomers = 0;
    for path in [
        ITEMS,
        "/api/v1/items/my",
        "/api/v1/items/search?q=own",
        "/api/v1/users",
        "/api/v1/users?search=user-0000",
        "/api/v1/users?role=user",
        "/api/v1/audit",
        "/api/v1/auth/sessions",
    ] {
        let before = part(&admin.get(&with(path, "page_size=100")).await.is(200));
        let total = usize::try_from(before.total.unwrap()).unwrap();
        assert!(total >= ROWS && total == before.rows.len() && before.next.is_none(), "{path}: {total}");
        let add = async || {
            for number in 0..3 {
                admin.post(ITEMS).json(&json!({"title": format!("Own, and new {number}")})).await.is(201);
                newcomers += 1;
                server.anonymous().register(&format!("user-0000x{newcomers}")).await;
                admin.clone().log_in().await;
            }
        };
        let rows = walk(&admin, path, add).await;
        assert_newest_first(&rows);
        assert_eq!(ids(&rows), ids(&before.rows), "{path}");
    }
}

#[tokio::test]
async fn pages_and_rows_are_equivalent() {
    let (_server, admin) = filled(Server::with()).await;
    let all = part(&admin.get(&with(ITEMS, "page_size=100")).await.is(200)).rows;
    assert_eq!(all.len(), ROWS);
    assert_newest_first(&all);
    for (query, page, page_size, rows) in [
        ("", 1, 20, &all[..20]),
        ("page=1", 1, 20, &all[..20]),
        ("page=3", 3, 20, &all[40..]),
        ("page=2&page_size=7", 2, 7, &all[7..14]),
        ("skip=20", 2, 20, &all[20..40]),
        ("skip=0&limit=5", 1, 5, &all[..5]),
        ("skip=10&limit=5", 3, 5, &all[10..15]),
        ("limit=1", 1, 1, &all[..1]),
        ("skip=44", 3, 20, &all[44..]),
    ] {
        let reply = admin.get(&with(ITEMS, query)).await.is(200);
        assert_eq!(reply.members(), "items next_cursor page page_size total", "{query}");
        let body = reply.json();
        assert_eq!(body["items"].as_array().unwrap(), rows, "{query}");
        assert_eq!((&body["page"], &body["page_size"]), (&json!(page), &json!(page_size)), "{query}");
        assert_eq!(body["total"], ROWS, "{query}");
        let is_last = rows.last() == all.last();
        assert_eq!(body["next_cursor"].is_null(), is_last, "{query}");
    }
    for query in ["page=4", "skip=45", "page=100&page_size=100", "skip=9900&limit=100"] {
        let body = admin.get(&with(ITEMS, query)).await.is(200).json();
        assert_eq!((&body["items"], &body["total"]), (&json!([]), &json!(ROWS)), "{query}");
        assert_eq!(body["next_cursor"], Value::Null, "{query}");
    }
    // The cursor continues after the page, whichever parameters selected it.
    for query in ["page=2&page_size=10", "skip=15&limit=5"] {
        let next = part(&admin.get(&with(ITEMS, query)).await.is(200)).next.unwrap();
        let rest = part(&admin.get(&with(ITEMS, &format!("cursor={next}&limit=100"))).await.is(200)).rows;
        assert_eq!(rest, all[20..], "{query}");
    }
}

#[tokio::test]
async fn the_total_is_returned_with_pages_or_on_request() {
    let (_server, admin) = filled(Server::with()).await;
    for path in [ITEMS, "/api/v1/items/search?q=the", "/api/v1/users?role=user", "/api/v1/audit"] {
        let first = part(&admin.get(&with(path, "page_size=1")).await.is(200));
        let rows = part(&admin.get(&with(path, "page_size=100")).await.is(200)).rows.len();
        assert_eq!(first.total, Some(u64::try_from(rows).unwrap()), "{path}");
        assert_eq!(part(&admin.get(&with(path, "with_total=false")).await.is(200)).total, None);
        let Some(cursor) = first.next else { continue };
        let go_on = with(path, &format!("page_size=1&cursor={cursor}"));
        let members = admin.get(&go_on).await.is(200).members();
        assert_eq!(members, "items next_cursor page_size", "{path}");
        assert_eq!(part(&admin.get(&with(&go_on, "with_total=true")).await.is(200)).total, first.total, "{path}");
    }
}

#[tokio::test]
async fn the_total_is_correct_after_concurrent_changes() {
    let server = Server::start().await;
    let [admin, editor] = server.seeded(["admin", "editor"]).await;
    for path in [ITEMS, "/api/v1/users"] {
        let total = async || part(&admin.get(path).await.is(200)).total.unwrap();
        let before = total().await;
        let made = together((0..30).map(|number| {
            let email = format!("user{number}@example.com");
            let body = json!({"title": "x", "email": email, "password": PASSWORD});
            let request = admin.post(path).json(&body);
            async move { request.await.is(201).header("location").unwrap().to_owned() }
        }))
        .await;
        assert_eq!(total().await, before + 30, "{path}");
        // Each of these is deleted twice, and some requests are rejected.
        let removed = together(made[..10].iter().chain(&made[..10]).map(|path| {
            let request = admin.delete(path);
            async move { request.await.status }
        }))
        .await;
        assert_eq!(removed.iter().filter(|status| **status == 204).count(), 10, "{removed:?}");
        assert_eq!(removed.iter().filter(|status| **status == 404).count(), 10, "{removed:?}");
        admin.delete(&made[10]).header("if-match", "\"x\"").await.is(412);
        admin.post("/api/v1/users").json(&json!({"email": editor.email, "password": PASSWORD})).await.is(409);
        assert_eq!(total().await, before + 20, "{path}");
        assert_eq!(walk(&admin, path, async || ()).await.len(), usize::try_from(before).unwrap() + 20);
    }
}

#[tokio::test]
async fn a_cursor_is_valid_for_its_list_on_every_node() {
    let (server, admin) = filled(Server::with()).await;
    let cursor = |reply: Reply| part(&reply).next.unwrap();
    let of_items = cursor(admin.get(&with(ITEMS, "limit=3")).await.is(200));
    let of_users = cursor(admin.get("/api/v1/users?role=user&limit=3").await.is(200));
    let of_search = cursor(admin.get("/api/v1/items/search?q=the&limit=3").await.is(200));

    let other_node = server.another().await;
    let there = admin.clone().at(&other_node.url).get(&format!("{ITEMS}?cursor={of_items}")).await.is(200);
    assert_eq!(there.json(), admin.get(&format!("{ITEMS}?cursor={of_items}")).await.is(200).json());

    let mut wrong = vec![
        format!("{ITEMS}?cursor={of_users}"),
        format!("{ITEMS}/my?cursor={of_items}"),
        format!("{ITEMS}/search?q=the&cursor={of_items}"),
        format!("{ITEMS}/search?q=arch&cursor={of_search}"),
        format!("/api/v1/users?cursor={of_users}"),
        format!("/api/v1/users?role=admin&cursor={of_users}"),
        format!("/api/v1/users?role=user&search=user&cursor={of_users}"),
        format!("{ITEMS}?page=2&cursor={of_items}"),
        format!("{ITEMS}?page=1&cursor={of_items}"),
        format!("{ITEMS}?skip=0&cursor={of_items}"),
        format!("{ITEMS}?cursor="),
        format!("{ITEMS}?cursor=%00"),
        format!("{ITEMS}?cursor={of_items}A"),
        format!("{ITEMS}?cursor={of_items}%3D"),
        format!("{ITEMS}?cursor={}", &of_items[1..]),
        format!("{ITEMS}?cursor={}", "A".repeat(of_items.len())),
        format!("{ITEMS}?cursor={}", "A".repeat(5_000)),
        format!("{ITEMS}?cursor={of_items}&cursor={of_items}"),
    ];
    for place in (0..of_items.len()).step_by(5).chain([of_items.len() - 1]) {
        let other = if &of_items[place..=place] == "A" { "B" } else { "A" };
        let mut tampered = of_items.clone();
        tampered.replace_range(place..=place, other);
        wrong.push(format!("{ITEMS}?cursor={tampered}"));
    }
    for path in &wrong {
        admin.get(path).await.invalid_at(&[&["query", "cursor"]]);
    }

    let (_stranger, there) =
        filled(Server::with().env("JWT_SECRET_KEY", "another-secret-of-many-more-bytes-than-32")).await;
    there.get(&format!("{ITEMS}?cursor={of_items}")).await.invalid_at(&[&["query", "cursor"]]);
}

#[tokio::test]
async fn invalid_list_parameters_are_rejected_with_their_location() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let numbers = [
        "-1",
        "1.5",
        "0x10",
        "1e9",
        "1e2",
        "",
        "%20",
        "+1",
        "%2B1",
        "one",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "18446744073709551616",
        "4294967296",
        "NaN",
        "1%00",
        "%D9%A1",
    ];
    let mut wrong: Vec<(String, &str)> = Vec::new();
    for name in ["page", "page_size", "skip", "limit"] {
        wrong.extend(numbers.iter().map(|number| (format!("{name}={number}"), name)));
    }
    for (query, name) in [
        ("page=0", "page"),
        ("page_size=0", "page_size"),
        ("limit=0", "limit"),
        ("page_size=101", "page_size"),
        ("limit=101", "limit"),
        ("page_size=1000000000", "page_size"),
        ("page=1000000000", "page"),
        ("skip=1000000000", "skip"),
        ("page=501", "page"),
        ("page=101&page_size=100", "page"),
        ("skip=9901&limit=100", "skip"),
        ("skip=10000&limit=1", "skip"),
        ("page=1&skip=0", "skip"),
        ("page=1&limit=10", "skip"),
        ("page_size=5&limit=5", "skip"),
        ("with_total=1", "with_total"),
        ("with_total=yes", "with_total"),
        ("with_total=", "with_total"),
    ] {
        wrong.push((query.to_owned(), name));
    }
    for (query, name) in &wrong {
        let reply = admin.get(&format!("{ITEMS}?{query}")).await;
        assert_eq!(reply.status, 422, "{reply:#?}");
        assert_eq!(reply.problem()["errors"][0]["loc"], json!(["query", name]), "{reply:#?}");
    }
    for path in
        ["/api/v1/items/my", "/api/v1/items/search?q=x", "/api/v1/users", "/api/v1/audit", "/api/v1/auth/sessions"]
    {
        for (query, name) in wrong.iter().step_by(11) {
            let reply = admin.get(&with(path, query)).await;
            assert_eq!(reply.status, 422, "{reply:#?}");
            assert_eq!(reply.problem()["errors"][0]["loc"], json!(["query", name]), "{reply:#?}");
        }
    }
    let hint = admin.get(&format!("{ITEMS}?page=101&page_size=100")).await.invalid_at(&[&["query", "page"]]);
    assert!(hint[0]["msg"].as_str().unwrap().contains("next_cursor"), "{hint:?}");
    admin.get(&format!("{ITEMS}?nonsense=1&page_size=5")).await.is(200); // unknown parameters are ignored
}
