//! Checks of responses against the OpenAPI document. Every response that any test receives is checked.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use super::Reply;

static DOCUMENT: LazyLock<Document> = LazyLock::new(Document::print);

/// The OpenAPI document that the program prints.
pub struct Document {
    pub value: Value,
    /// Components with references resolved in responses, and with schemas that allow no undocumented members.
    closed: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
    seen: Mutex<File>,
}

/// One method of one path.
#[derive(Clone)]
pub struct Operation<'a> {
    /// In capital letters.
    pub method: String,
    pub path: &'a str,
    pub value: &'a Value,
}

impl Document {
    pub fn get() -> &'static Self {
        &DOCUMENT
    }

    fn print() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_keepstone"));
        // With every operation and response that configuration can add.
        command.env_clear().env("ENVIRONMENT", "test").env("REGISTRATION_CONCEAL", "true").env("MAIL_URL", "file:mail");
        let output = command.arg("openapi").current_dir(&folder).output();
        let mut value: Value = serde_json::from_slice(&output.unwrap().stdout).expect("a document");
        let shared = value["components"].clone();
        let operations = value["paths"].as_object_mut().unwrap().values_mut();
        let operations = operations.flat_map(|item| item.as_object_mut().unwrap().values_mut());
        for response in operations.flat_map(|one| one["responses"].as_object_mut().unwrap().values_mut()) {
            resolve(response, &shared["responses"]);
            let headers = response["headers"].as_object_mut();
            headers.into_iter().flatten().for_each(|(_, header)| resolve(header, &shared["headers"]));
        }
        let mut closed = value["components"].clone();
        // The roles depend on each server's configuration.
        closed["schemas"]["Role"].as_object_mut().unwrap().remove("enum");
        for schema in closed["schemas"].as_object_mut().unwrap().values_mut() {
            let members = schema.as_object_mut().unwrap();
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        let seen = seen_folder();
        fs::create_dir_all(&seen).unwrap();
        let seen = File::create(seen.join(std::process::id().to_string())).unwrap();
        Self { value, closed, validators: Mutex::default(), seen: Mutex::new(seen) }
    }

    pub fn operations(&self) -> Vec<Operation<'_>> {
        let paths = self.value["paths"].as_object().unwrap();
        let all = paths.iter().flat_map(|(path, item)| {
            let of_path = item.as_object().unwrap().iter();
            of_path.map(move |(method, value)| Operation { method: method.to_uppercase(), path, value })
        });
        all.collect()
    }

    /// Finds the operation that serves this request. HEAD is GET. Literal segments go before placeholders, as in the
    /// router.
    fn find(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let method = if method == "HEAD" { "GET" } else { method };
        let path: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        let fits = |operation: &Operation<'_>| {
            let template: Vec<&str> = operation.path.split('/').collect();
            template.len() == path.len()
                && template.iter().zip(&path).all(|(name, given)| name.starts_with('{') || name == given)
        };
        let fitting: Vec<_> = self.operations().into_iter().filter(fits).collect();
        let path = fitting.iter().map(|operation| operation.path).min_by_key(|path| path.matches('{').count())?;
        fitting.into_iter().find(|operation| operation.path == path && operation.method == method)
    }

    /// Asserts that the document describes this response.
    #[track_caller]
    pub fn witness(&self, method: &str, path: &str, reply: &Reply) {
        let Some(operation) = self.find(method, path) else { return };
        if reply.body.contains("\"accessToken\":") {
            return; // with camelCase tokens, which only that server's own document describes
        }
        let responses = &operation.value["responses"];
        let status = reply.status.to_string();
        let known = if responses[&status].is_null() { "default" } else { &status };
        let response = &responses[known];
        if known != "default" {
            let line = format!("{} {} {status}", operation.method, operation.path);
            writeln!(self.seen.lock().unwrap(), "{line}").unwrap();
        }
        for name in response["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
            let may_be_absent = name == "Idempotency-Replayed";
            assert!(
                may_be_absent || reply.header(name).is_some(),
                "the documented header {name} is missing: {reply:#?}"
            );
        }
        for name in ["ETag", "Location", "WWW-Authenticate", "Retry-After"] {
            let is_described = !response["headers"][name].is_null() || known == "default";
            assert!(is_described || reply.header(name).is_none(), "{name} is not documented: {reply:#?}");
        }
        let Some(content) = response["content"].as_object() else {
            assert_eq!(reply.body, "", "no body is documented: {reply:#?}");
            return;
        };
        if method == "HEAD" {
            return;
        }
        let media_type = reply.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        let described = content.get(media_type);
        let described = described.unwrap_or_else(|| panic!("{media_type} is not documented: {reply:#?}"));
        let body = serde_json::from_str(&reply.body).unwrap();
        let errors = self.errors(&described["schema"], &body);
        assert!(errors.is_empty(), "the body does not match the document: {errors:#?}\n{reply:#?}");
    }

    /// Returns the places where the value does not match the schema.
    pub fn errors(&self, schema: &Value, value: &Value) -> Vec<String> {
        let validator = self.validator(schema);
        validator.iter_errors(value).map(|error| format!("{error} at {}", error.instance_path())).collect()
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let place = schema.to_string();
        let known = self.validators.lock().unwrap().get(&place).cloned();
        known.unwrap_or_else(|| {
            let whole = json!({"allOf": [schema], "components": self.closed});
            let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
            let validator = Arc::new(options.build(&whole).unwrap_or_else(|error| panic!("{place}: {error}")));
            self.validators.lock().unwrap().insert(place, Arc::clone(&validator));
            validator
        })
    }
}

/// Replaces references by the components they refer to.
fn resolve(value: &mut Value, components: &Value) {
    if let Some(name) = value["$ref"].as_str().and_then(|place| place.rsplit('/').next()) {
        *value = components[name].clone();
        assert!(value.is_object(), "the reference has no target");
    }
}

/// Returns the folder in which every test process records the responses it saw, for the last test.
pub fn seen_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("seen")
}
