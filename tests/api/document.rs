//! The OpenAPI document matches the server. Every response in the suite is checked against it (see
//! `harness/document.rs`), and every documented response is seen by some test.

use std::collections::BTreeSet;
use std::fs;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Client, Document, Home, Operation, Server, seen_folder};

/// Returns a path of the operation, with an unused id if it takes one.
pub fn path_of(operation: &Operation<'_>) -> String {
    operation.path.replace("{id}", "0192d3c4-0000-7000-8000-000000000000")
}

fn request(client: &Client, operation: &Operation<'_>) -> crate::harness::Request {
    client.request(Method::from_bytes(operation.method.as_bytes()).unwrap(), &path_of(operation))
}

fn documents(operation: &Operation<'_>, status: u16) -> bool {
    !operation.value["responses"][status.to_string()].is_null()
}

/// Returns the document of a configuration.
fn document(home: &Home) -> Value {
    home.cli(["openapi"]).exits(0).json()
}

#[test]
fn every_operation_has_a_summary_and_a_description() {
    let document = &Document::get().value;
    let tags: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().filter_map(|tag| tag["name"].as_str()).collect();
    let operations = Document::get().operations();
    let ids: BTreeSet<&str> = operations.iter().filter_map(|one| one.value["operationId"].as_str()).collect();
    assert_eq!(ids.len(), operations.len(), "{ids:#?}");
    let is_camel_case = |id: &&str| {
        id.starts_with(|first: char| first.is_ascii_lowercase()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    assert!(ids.iter().all(is_camel_case), "{ids:#?}");
    for Operation { method, path, value } in operations {
        let summary = value["summary"].as_str().unwrap_or_default();
        let is_short = !summary.is_empty() && summary.len() <= 60 && !summary.ends_with('.') && !summary.contains('\n');
        assert!(is_short, "{method} {path}: {summary:?}");
        let description = value["description"].as_str().unwrap_or_default();
        assert!(description.ends_with('.') && !description.contains('\n'), "{method} {path}: {description:?}");
        assert_eq!(value["tags"].as_array().map(Vec::len), Some(1), "{method} {path}");
        assert!(value["tags"][0].as_str().is_some_and(|tag| tags.contains(tag)), "{method} {path}: {}", value["tags"]);
        assert_eq!(value["x-problems"], Value::Null, "{method} {path}: unknown codes");
        assert!(value["responses"]["default"]["content"]["application/problem+json"].is_object(), "{method} {path}");
        for (status, response) in value["responses"].as_object().unwrap() {
            assert!(response["description"].as_str().is_some_and(|text| text.len() > 3), "{method} {path} {status}");
        }
    }
}

#[test]
fn only_public_operations_need_no_token() {
    let token = json!({"oauth2": []});
    for Operation { method, path, value } in Document::get().operations() {
        let expected = match (method.as_str(), path.strip_prefix("/api/v1").unwrap_or(path)) {
            ("POST", "/auth/logout" | "/users") => json!([{}, token]),
            ("POST", "/auth/logout-all" | "/auth/verify-email/request") => json!([token]),
            ("POST", path) if path.starts_with("/auth/") => json!([]),
            (_, path) if path.starts_with("/health") || path.starts_with("/.well-known/") => json!([]),
            _ => json!([token]),
        };
        assert_eq!(value["security"], expected, "{method} {path}");
    }
}

#[test]
fn schemas_are_named_and_enums_list_their_values() {
    let document = &Document::get().value;
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !name.ends_with("View"), "{name}");
        if name.ends_with("Page") {
            assert!(schema["properties"]["items"]["items"]["$ref"].is_string(), "{name}: {schema:#}");
        }
    }
    for (list, count) in [
        ("AuditKind", 15),
        ("CheckStatus", 3),
        ("GrantType", 2),
        ("HealthStatus", 1),
        ("JobState", 4),
        ("LivenessStatus", 1),
        ("ProblemCode", 30),
        ("ReadinessStatus", 3),
        ("Role", 4),
        ("SessionEnd", 6),
        ("TokenType", 1),
    ] {
        let values = schemas[list]["enum"].as_array();
        assert!(values.is_some_and(|values| values.len() >= count), "{list}: {values:?}");
    }
}

#[test]
fn nullable_response_members_are_always_present() {
    let schemas = &Document::get().value["components"]["schemas"];
    for (name, member) in [
        ("User", "username"),
        ("User", "deleted_at"),
        ("PublicUser", "name"),
        ("Item", "description"),
        ("ItemPage", "next_cursor"),
        ("Job", "last_error"),
        ("Session", "ip"),
        ("ExportedSession", "end_reason"),
        ("AuditEvent", "user_id"),
    ] {
        let required = schemas[name]["required"].as_array().unwrap();
        assert!(required.contains(&json!(member)), "{name}.{member}: {required:?}");
    }
    for (name, member) in [("ItemPage", "total"), ("ItemPage", "page"), ("Problem", "error"), ("NewUser", "role")] {
        let required = schemas[name]["required"].as_array().unwrap();
        assert!(!required.contains(&json!(member)), "{name}.{member}: {required:?}");
    }
}

#[test]
fn limits_and_names_follow_the_configuration() {
    let home = Home::new()
        .env("PASSWORD_MIN_LENGTH", "12")
        .env("ACCESS_TOKEN_EXPIRE_MINUTES", "5")
        .env("PUBLIC_URL", "https://api.example.com/svc")
        .env("APP_VERSION", "7.7.7")
        .env("KEEPSTONE__ROLES__AUDITOR", "audit:read");
    let configured = document(&home);
    let schemas = &configured["components"]["schemas"];
    for (schema, member) in
        [("NewUser", "password"), ("PasswordChange", "new_password"), ("PasswordReset", "new_password")]
    {
        assert_eq!(schemas[schema]["properties"][member]["minLength"], 12, "{schema}");
    }
    assert_eq!(schemas["PasswordChange"]["properties"]["current_password"]["minLength"], Value::Null);
    assert_eq!(configured["servers"], json!([{"url": "https://api.example.com/svc"}]));
    let flow = &configured["components"]["securitySchemes"]["oauth2"]["flows"]["password"];
    assert_eq!(flow["tokenUrl"], "https://api.example.com/svc/api/v1/auth/login");
    assert_eq!(flow["refreshUrl"], "https://api.example.com/svc/api/v1/auth/refresh");
    let login = &configured["paths"]["/api/v1/auth/login"]["post"]["responses"]["200"]["content"]["application/json"];
    assert_eq!(login["example"]["expires_in"], 300);
    let health = &configured["paths"]["/health"]["get"]["responses"]["200"]["content"]["application/json"];
    assert_eq!(health["example"]["version"], "7.7.7");
    assert!(schemas["Role"]["enum"].as_array().unwrap().contains(&json!("auditor")), "{}", schemas["Role"]);

    let defaults = document(&Home::new());
    assert_eq!(defaults["servers"], json!([{"url": "/"}]));
    assert_eq!(defaults["components"]["schemas"]["NewUser"]["properties"]["password"]["minLength"], 8);
}

#[tokio::test]
async fn operations_with_a_response_body_reject_unacceptable_accept_headers() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    for operation in Document::get().operations().iter().filter(|one| documents(one, 406)) {
        request(&anonymous, operation).header("Accept", "text/csv").await.is(406).problem_is("not_acceptable");
    }
}

#[tokio::test]
async fn operations_reject_invalid_bodies() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let bodies: Vec<_> =
        Document::get().operations().into_iter().filter(|one| one.value["requestBody"].is_object()).collect();
    assert!(bodies.len() > 5);
    for operation in &bodies {
        request(&admin, operation).body("application/json", "{").await.is(400).problem_is("malformed_body");
        request(&admin, operation).body("application/json", "[]").await.is(422).problem();
        request(&admin, operation).body("text/plain", "{}").await.is(415).problem_is("unsupported_media_type");
        let large = format!("{{\"a\": \"{}\"}}", "a".repeat(1024 * 1024));
        request(&admin, operation).body("application/json", large).await.is(413).problem_is("body_too_large");
    }
}

#[tokio::test]
async fn operations_reject_invalid_tokens() {
    let server = Server::start().await;
    let bad = server.anonymous().with(json!({"access_token": "bad"}));
    for operation in Document::get().operations().iter().filter(|one| documents(one, 401)) {
        let has_own = matches!(operation.path.rsplit('/').next(), Some("login" | "refresh"));
        if !has_own {
            request(&bad, operation).json(&json!({})).await.is(401).problem_is("token_invalid");
        }
    }
}

#[tokio::test]
async fn operations_reject_invalid_parameters() {
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
                ("header", "If-None-Match") => continue, // an invalid tag matches no known tag
                ("header", "Idempotency-Key") if operation.path.ends_with("refresh") => continue, // read after the body
                ("header", _) => request(&admin, operation).header(name, "\u{e4}").json(&valid(operation)).await,
                (other, _) => panic!("a parameter in {other}"),
            };
            reply.is(422).problem_is("validation_failed");
        }
    }
}

/// Returns a valid body for this operation.
fn valid(operation: &Operation<'_>) -> Value {
    if operation.path.ends_with("items") {
        json!({"title": "a title"})
    } else {
        json!({"email": "ada@example.com", "password": "correct horse battery"})
    }
}

#[tokio::test]
async fn operations_that_document_429_are_rate_limited() {
    let server = Server::with().env("RATE_LIMIT_ENABLED", "true").start().await;
    let client = server.anonymous();
    // PATCH is excluded: only a change of the address is limited, which `email_change` tests.
    let is_limited = |one: &&Operation<'_>| documents(one, 429) && one.method != "PATCH";
    for operation in Document::get().operations().iter().filter(is_limited) {
        let mut statuses = Vec::new();
        while statuses.last() != Some(&429) {
            assert!(statuses.len() < 700, "{} {} has no limit: {statuses:?}", operation.method, operation.path);
            statuses.push(request(&client, operation).json(&json!({})).await.status);
        }
    }
}

#[test]
#[ignore = "looks back at a whole run: tests/run"]
fn everything_documented_was_seen() {
    let mut seen = BTreeSet::new();
    for file in fs::read_dir(seen_folder()).expect("a previous test run") {
        seen.extend(fs::read_to_string(file.unwrap().path()).unwrap().lines().map(str::to_owned));
    }
    let mut unseen = Vec::new();
    for Operation { method, path, value } in Document::get().operations() {
        let statuses = value["responses"].as_object().unwrap().keys().filter(|status| *status != "default");
        unseen.extend(statuses.map(|status| format!("{method} {path} {status}")).filter(|line| !seen.contains(line)));
    }
    assert!(unseen.is_empty(), "no test has seen these documented responses: {unseen:#?}");
}
