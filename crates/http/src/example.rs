//! Examples for the OpenAPI document, generated from the schemas.

use serde_json::{Map, Value, json};
use utoipa::openapi::{Components, Content, RefOr};

/// Adds an example to a body that has a schema but no example.
pub fn illustrate(content: &mut Content, components: &Value) {
    let schema = content.schema.as_ref().and_then(|schema| serde_json::to_value(schema).ok());
    if let (None, true, Some(schema)) = (&content.example, content.examples.is_empty(), schema) {
        content.example = Some(of(&schema, "", components));
    }
}

/// Returns the shared schemas by their names.
#[must_use]
pub fn referred(components: &Components) -> Value {
    let schemas: Map<String, Value> = components
        .schemas
        .iter()
        .filter_map(|(name, schema)| match schema {
            RefOr::T(schema) => Some((name.clone(), serde_json::to_value(schema).ok()?)),
            RefOr::Ref(_) => None,
        })
        .collect();
    Value::Object(schemas)
}

/// The members that are usually null.
const NULL: [&str; 7] =
    ["deleted_at", "end_reason", "ended_at", "finished_at", "last_error", "next_cursor", "pending_email"];

/// Returns an example of a schema, for a member of this name.
fn of(schema: &Value, name: &str, components: &Value) -> Value {
    if NULL.contains(&name) {
        return Value::Null;
    }
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let referred = reference.rsplit('/').next().and_then(|name| components.get(name));
        return referred.map_or(Value::Null, |referred| of(referred, name, components));
    }
    if let Some(one) = schema["anyOf"].get(0).or_else(|| schema["oneOf"].get(0)) {
        return of(one, name, components);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"].as_array()?.iter().find_map(Value::as_str));
    match kind {
        Some("string") => text(schema, name),
        Some("integer" | "number") => {
            schema.get("minimum").filter(|least| **least != json!(0)).cloned().unwrap_or(json!(1))
        }
        Some("boolean") => json!(true),
        Some("array") => json!([of(&schema["items"], name, components)]),
        Some("object") => object(schema, components),
        _ => Value::Null,
    }
}

fn object(schema: &Value, components: &Value) -> Value {
    let members = schema["properties"].as_object().into_iter().flatten();
    Value::Object(members.map(|(name, schema)| (name.clone(), of(schema, name, components))).collect())
}

fn text(schema: &Value, name: &str) -> Value {
    json!(match (schema["format"].as_str(), name) {
        (Some("uuid"), "actor_id" | "owner_id" | "user_id") => "019a1b2c-0a1b-7c2d-8e3f-5a6b7c8d9e0f",
        (Some("uuid"), _) => "019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b",
        (Some("date-time"), _) => "2026-01-31T09:30:00.123456Z",
        (Some("idn-email"), _) => "ada@example.com",
        (Some("password"), _) => "correct horse battery",
        (_, "username") => "ada",
        (_, "name") => "Ada Lovelace",
        (_, "role") => "user",
        (_, "title") => "Keystone",
        (_, "description") => "Holds the arch together.",
        (_, "ip") => "192.0.2.1",
        (_, "user_agent") => "Mozilla/5.0",
        (_, "cursor") => "AAYrgnzPzQABlFq_siBwAIAAAAIAD0EUbf2seq90e-JY-igb1QPGuQ",
        (_, other) if other.ends_with("token") => "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl",
        _ => "text",
    })
}
