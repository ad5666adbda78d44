//! The examples of the OpenAPI document match their schemas and what the server really sends.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::document::path_of;
use crate::harness::{Client, Document, Home, Operation, Reply, Server, eventually};

/// Returns the examples of a body by name.
fn examples(content: &Value) -> Vec<(String, Value)> {
    let shared = &Document::get().value["components"]["examples"];
    let named = content["examples"].as_object().into_iter().flatten().map(|(name, example)| {
        let place = example["$ref"].as_str().and_then(|place| place.rsplit('/').next()).unwrap();
        (name.clone(), shared[place]["value"].clone())
    });
    content.get("example").map(|one| (String::new(), one.clone())).into_iter().chain(named).collect()
}

#[test]
fn every_body_has_examples_that_match_its_schema() {
    for Operation { method, path, value } in Document::get().operations() {
        let responses = value["responses"].as_object().unwrap().values();
        let contents = responses.chain([&value["requestBody"]]).filter_map(|body| body["content"].as_object());
        for (media_type, content) in contents.flatten() {
            let examples = examples(content);
            assert!(!examples.is_empty(), "{method} {path} {media_type}");
            for (name, example) in examples {
                let errors = Document::get().errors(&content["schema"], &example);
                assert!(errors.is_empty(), "{method} {path} {media_type} {name}: {errors:#?}\n{example:#}");
            }
        }
    }
}

#[test]
fn every_code_of_a_response_has_an_example_with_its_status() {
    for Operation { method, path, value } in Document::get().operations() {
        for (status, response) in value["responses"].as_object().unwrap() {
            let content = &response["content"]["application/problem+json"];
            let codes = examples(content);
            let schema = &Document::get().value["components"]["schemas"]
                [content["schema"]["$ref"].as_str().map_or("", |place| place.rsplit('/').next().unwrap())];
            let listed: BTreeSet<&str> = schema["allOf"][1]["properties"]["code"]["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            assert_eq!(
                codes.iter().map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>(),
                listed,
                "{method} {path} {status}"
            );
            for (name, example) in &codes {
                assert_eq!((&example["code"], &example["type"]), (&json!(name), &json!(format!("/problems/{name}"))));
                assert!(
                    status == "default" || example["status"].as_u64() == status.parse().ok(),
                    "{method} {path} {status}: {example}"
                );
            }
        }
    }
}

/// Asserts that the documented example of a problem is what the server sent, except for the request id.
#[track_caller]
fn assert_is_the_example(reply: &Reply) {
    let mut body = reply.json();
    let code = body["code"].as_str().unwrap().to_owned();
    let example = &Document::get().value["components"]["examples"][&code]["value"];
    body["request_id"] = example["request_id"].clone();
    assert_eq!(&body, example);
}

#[tokio::test]
async fn examples_of_problems_are_what_the_server_sends() {
    let server = Server::start().await;
    let (admin, anonymous) = (server.admin().await, server.anonymous());
    let [viewer] = server.seeded(["viewer"]).await;
    let bad = anonymous.clone().with(json!({"access_token": "bad"}));
    let unknown = "0192d3c4-0000-7000-8000-000000000000";
    for reply in [
        anonymous.get("/api/v1/users/me").await,
        bad.get("/api/v1/users/me").await,
        viewer.get("/api/v1/users").await,
        admin.get(&format!("/api/v1/users/{unknown}")).await,
        admin.get(&format!("/api/v1/items/{unknown}")).await,
        admin.post("/api/v1/auth/login").json(&json!({"username": "x", "password": "wrong password"})).await,
        admin.post("/api/v1/auth/login").body("application/json", "{\"username\":}").await,
        admin.post("/api/v1/items").body("text/plain", "{}").await,
        admin
            .post("/api/v1/auth/register")
            .json(&json!({"email": admin.email, "password": "correct horse battery"}))
            .await,
        admin.get("/api/v1/items?%").await,
        admin.get("/api/v1/items").header("Accept", "text/csv").await,
        admin.get("/nowhere").await,
        admin.delete("/api/v1/users/me").await,
        anonymous.post("/api/v1/auth/verify-email/confirm").json(&json!({"token": "x"})).await,
    ] {
        assert_is_the_example(&reply);
    }
}

/// Returns the example of this code among the responses of an operation.
fn example(operation: &Operation<'_>, status: &str, code: &str) -> Value {
    let content = &operation.value["responses"][status]["content"]["application/problem+json"];
    let found = examples(content).into_iter().find(|(name, _)| name == code);
    found.unwrap_or_else(|| panic!("{} {} {status} has no {code}", operation.method, operation.path)).1
}

/// Asserts that this body was sent, except for the request id.
#[track_caller]
fn assert_is_sent(example: &Value, operation: &Operation<'_>, reply: &Reply) {
    let mut body = reply.json();
    body["request_id"] = example["request_id"].clone();
    assert_eq!(&body, example, "{} {}", operation.method, operation.path);
}

fn request(client: &Client, operation: &Operation<'_>, path: &str) -> crate::harness::Request {
    client.request(Method::from_bytes(operation.method.as_bytes()).unwrap(), path)
}

#[tokio::test]
async fn the_example_of_an_invalid_value_is_what_each_operation_returns() {
    let server = Server::with().with_mail().start().await;
    let admin = server.admin().await;
    let mut places = BTreeSet::new();
    for operation in &Document::get().operations() {
        if operation.value["responses"]["422"].is_null() {
            continue;
        }
        let example = example(operation, "422", "validation_failed");
        let error = &example["errors"][0];
        let (place, name) = (error["loc"][0].as_str().unwrap(), error["loc"][1].as_str().unwrap());
        let path = path_of(operation);
        let reply = match (place, error["type"].as_str().unwrap()) {
            ("body", "missing") => {
                let mut body = operation.value["requestBody"]["content"]["application/json"]["example"].clone();
                assert!(body.as_object_mut().unwrap().remove(name).is_some(), "{path} has no {name}: {body}");
                request(&admin, operation, &path).json(&body).await
            }
            ("body", _) => request(&admin, operation, &path).json(&json!({ (name): 1 })).await,
            ("query", "missing") => request(&admin, operation, &path).await,
            ("query", _) => request(&admin, operation, &format!("{path}?{name}=0")).await,
            ("path", _) => request(&admin, operation, &operation.path.replace("{id}", "1")).await,
            ("header", _) => request(&admin, operation, &path).header(name, "\u{e4}").await,
            other => panic!("{path}: {other:?}"),
        };
        assert_is_sent(&example, operation, &reply.is(422));
        places.insert(place.to_owned());
    }
    assert_eq!(places.into_iter().collect::<Vec<_>>(), ["body", "header", "path", "query"]);
}

#[tokio::test]
async fn the_example_of_an_oversized_body_has_the_limit_of_its_operation() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let large = "a".repeat(1024 * 1024 + 1);
    let mut limits = BTreeSet::new();
    for operation in &Document::get().operations() {
        if operation.value["requestBody"].is_null() {
            continue;
        }
        let example = example(operation, "413", "body_too_large");
        let reply = request(&admin, operation, &path_of(operation)).body("application/json", large.clone()).await;
        assert_is_sent(&example, operation, &reply.is(413));
        limits.insert(example["detail"].to_string());
    }
    assert_eq!(limits.len(), 2, "64 KiB and 1 MiB: {limits:?}");
}

#[tokio::test]
async fn the_example_of_an_unready_server_is_what_it_returns() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    anonymous.get("/health/ready").await.is(200);
    server.cli(["migrate", "downgrade", "-1", "--yes"]).exits(0);
    let reply = eventually("not ready", async || {
        let reply = anonymous.get("/health/ready").await;
        (reply.status == 503).then_some(reply)
    })
    .await;
    let ready = &Document::get().value["paths"]["/health/ready"]["get"]["responses"];
    assert_eq!(ready["503"]["content"]["application/json"]["example"], reply.json());
    assert_eq!(ready["200"]["content"]["application/json"]["example"]["status"], "ready");
}

#[test]
fn a_token_form_lists_the_grants_that_are_accepted() {
    let schemas = &Document::get().value["components"]["schemas"];
    assert_eq!(schemas["GrantType"]["enum"], json!(["password", "refresh_token"]));
    let grant = &schemas["TokenForm"]["properties"]["grant_type"];
    assert_eq!(grant["$ref"], "#/components/schemas/GrantType", "{grant}");
}

#[test]
fn examples_follow_the_configured_prefix() {
    let home = Home::new().env("API_V1_PREFIX", "/backend");
    let document = home.cli(["openapi"]).exits(0).json();
    let too_large =
        |path: &str| document["paths"][path]["post"]["responses"]["413"]["$ref"].as_str().map(str::to_owned);
    let place = |limit: &str| Some(format!("#/components/responses/BodyTooLargeOver{limit}"));
    assert_eq!(too_large("/backend/auth/login"), place("65536"));
    assert_eq!(too_large("/backend/items"), place("1048576"));
}
