//! The OpenAPI document tells the truth: every answer of the suite is held against it (see `harness/document.rs`), and
//! every answer that it tells of is seen by some test.

use std::collections::BTreeSet;
use std::fs;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Client, Document, Operation, Server, seen_folder};

/// A path that nothing is at, for an operation that may have an id.
fn path_of(operation: &Operation<'_>) -> String {
    operation.path.replace("{id}", "0192d3c4-0000-7000-8000-000000000000")
}

fn ask(client: &Client, operation: &Operation<'_>) -> crate::harness::Request {
    client.request(Method::from_bytes(operation.method.as_bytes()).unwrap(), &path_of(operation))
}

fn tells_of(operation: &Operation<'_>, status: u16) -> bool {
    !operation.value["responses"][status.to_string()].is_null()
}

#[test]
fn operations_have_names_of_their_own_and_say_what_they_do() {
    let operations = Document::get().operations();
    let names: BTreeSet<&str> = operations.iter().filter_map(|one| one.value["operationId"].as_str()).collect();
    assert_eq!(names.len(), operations.len(), "{names:#?}");
    for Operation { method, path, value } in operations {
        assert!(value["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{method} {path}: {value:#}");
        assert!(value["tags"][0].is_string() && value["security"].is_array(), "{method} {path}");
        assert!(value["responses"]["default"]["content"]["application/problem+json"].is_object(), "{method} {path}");
    }
}

#[test]
fn every_body_has_an_example_that_is_what_its_schema_describes() {
    for Operation { method, path, value } in Document::get().operations() {
        let responses = value["responses"].as_object().unwrap().iter().filter(|(status, _)| *status != "default");
        let bodies = responses.map(|(_, response)| response).chain([&value["requestBody"]]);
        let contents = bodies.filter_map(|body| body["content"].as_object());
        for (media_type, content) in contents.flatten().filter(|(_, content)| content["schema"].is_object()) {
            let errors = Document::get().errors(&content["schema"], &content["example"]);
            assert!(errors.is_empty(), "{method} {path} {media_type}: {errors:#?}\n{:#}", content["example"]);
        }
    }
}

#[tokio::test]
async fn what_takes_a_body_refuses_bad_ones() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let bodies: Vec<_> =
        Document::get().operations().into_iter().filter(|one| one.value["requestBody"].is_object()).collect();
    assert!(bodies.len() > 5);
    for operation in &bodies {
        ask(&admin, operation).body("application/json", "{").await.is(400).problem_is("malformed_body");
        ask(&admin, operation).body("application/json", "[]").await.is(422).problem();
        ask(&admin, operation).body("text/plain", "{}").await.is(415).problem_is("unsupported_media_type");
        let large = format!("{{\"a\": \"{}\"}}", "a".repeat(1024 * 1024));
        ask(&admin, operation).body("application/json", large).await.is(413).problem_is("body_too_large");
    }
}

#[tokio::test]
async fn what_needs_a_token_refuses_bad_ones() {
    let server = Server::start().await;
    let bad = server.anonymous().with(json!({"access_token": "bad"}));
    for operation in Document::get().operations().iter().filter(|one| tells_of(one, 401)) {
        let has_own = matches!(operation.path.rsplit('/').next(), Some("login" | "refresh"));
        if !has_own {
            ask(&bad, operation).json(&json!({})).await.is(401).problem_is("token_invalid");
        }
    }
}

#[tokio::test]
async fn what_takes_parameters_refuses_bad_ones() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for operation in &Document::get().operations() {
        let parameters = operation.value["parameters"].as_array().cloned().unwrap_or_default();
        for (parameter, place) in parameters.iter().map(|one| (one, one["in"].as_str().unwrap())) {
            let name = parameter["name"].as_str().unwrap();
            let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
            let reply = match (place, name) {
                ("path", _) => {
                    let path = operation.path.replace(&format!("{{{name}}}"), "1");
                    admin.request(method, &path).json(&json!({})).await
                }
                ("query", _) => {
                    let path = format!("{}?{name}=%01", path_of(operation));
                    admin.request(method, &path).await
                }
                ("header", "If-None-Match") => continue, // what is no tag is no tag that is known
                ("header", "Idempotency-Key") if operation.path.ends_with("refresh") => continue, // read after the body
                ("header", _) => ask(&admin, operation).header(name, "\u{e4}").json(&valid(operation)).await,
                (other, _) => panic!("a parameter in {other}"),
            };
            reply.is(422).problem_is("validation_failed");
        }
    }
}

/// A body that this operation could do with.
fn valid(operation: &Operation<'_>) -> Value {
    if operation.path.ends_with("items") {
        json!({"title": "a title"})
    } else {
        json!({"email": "ada@example.com", "password": "correct horse battery"})
    }
}

#[tokio::test]
async fn what_is_limited_says_so() {
    let server = Server::with().env("RATE_LIMIT_ENABLED", "true").start().await;
    let client = server.anonymous();
    // A change is limited by what it asks for: that of an address (`email_change`).
    let is_limited = |one: &&Operation<'_>| tells_of(one, 429) && one.method != "PATCH";
    for operation in Document::get().operations().iter().filter(is_limited) {
        let mut statuses = Vec::new();
        while statuses.last() != Some(&429) {
            assert!(statuses.len() < 700, "{} {} has no limit: {statuses:?}", operation.method, operation.path);
            statuses.push(ask(&client, operation).json(&json!({})).await.status);
        }
    }
}

#[test]
#[ignore = "looks back at a whole run: tests/run"]
fn everything_documented_was_seen() {
    let mut seen = BTreeSet::new();
    for file in fs::read_dir(seen_folder()).expect("a run before this one") {
        seen.extend(fs::read_to_string(file.unwrap().path()).unwrap().lines().map(str::to_owned));
    }
    let mut unseen = Vec::new();
    for Operation { method, path, value } in Document::get().operations() {
        let statuses = value["responses"].as_object().unwrap().keys().filter(|status| *status != "default");
        unseen.extend(statuses.map(|status| format!("{method} {path} {status}")).filter(|line| !seen.contains(line)));
    }
    assert!(unseen.is_empty(), "no test has seen these answers, which the document tells of: {unseen:#?}");
}
