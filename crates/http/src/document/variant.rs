//! Examples of problems that depend on the operation: a value that is invalid for it, and the limit of its body.

use serde_json::Value;
use utoipa::openapi::{
    Components, OneOf, Ref, RefOr, Required, Schema,
    path::{Operation, Parameter, ParameterIn},
    schema::Object,
};

use super::problems;
use crate::{
    code::Code,
    etag::IfMatch,
    extract::{BodyLimit, IdempotencyKey, not_a_uuid},
    problem::{FieldError, Problem},
    query::too_small,
};

/// An example of a code that not every operation shares.
pub struct Variant {
    /// The name, unique among the examples of its code.
    pub name: String,
    /// The code of the problem.
    pub code: Code,
    /// The body of the problem.
    pub example: Value,
}

impl Variant {
    /// Returns the variants of an operation whose body has this limit.
    pub fn of(operation: &Operation, components: &Components, limit: BodyLimit) -> Vec<Self> {
        let too_large = Self {
            name: format!("over_{}", limit.0),
            code: Code::BodyTooLarge,
            example: problems::body(&limit.exceeded()),
        };
        let invalid = invalid_value(operation, components).map(|error| Self {
            name: name(&error),
            code: Code::ValidationFailed,
            example: problems::body(&Problem::validation(vec![error])),
        });
        [too_large].into_iter().chain(invalid).collect()
    }
}

/// Returns the name of a variant: `without_body_title` if the value is missing, else `of_body_title`.
fn name(error: &FieldError) -> String {
    let word = if error.kind == "missing" { "without" } else { "of" };
    format!("{word}_{}", error.loc.join("_").replace('-', "_"))
}

/// Returns the body limit of the operations of this path.
pub fn body_limit(path: &str, api_prefix: &str) -> BodyLimit {
    let is_small = path.strip_prefix(api_prefix).is_some_and(|path| path.starts_with("/auth/"));
    if is_small { BodyLimit::SMALL } else { BodyLimit::DEFAULT }
}

/// Returns the error of a request to this operation in which one value is missing or invalid.
fn invalid_value(operation: &Operation, components: &Components) -> Option<FieldError> {
    let parameters = || {
        operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter),
            RefOr::Ref(_) => None,
        })
    };
    let is_query = |parameter: &&Parameter| parameter.parameter_in == ParameterIn::Query;
    let has = |name: &str| parameters().any(|parameter| parameter.name == name);
    if let Some(schema) = body_schema(operation, components) {
        return invalid_member(schema);
    }
    if let Some(query) = parameters().filter(is_query).find(|parameter| parameter.required == Required::True) {
        return Some(FieldError::missing("query", query.name.clone()));
    }
    if has("page") {
        Some(too_small("page", 1))
    } else if has("id") {
        Some(not_a_uuid())
    } else if has("If-Match") {
        Some(IfMatch::invalid())
    } else {
        has("Idempotency-Key").then(IdempotencyKey::invalid)
    }
}

/// Returns the schema of the JSON body of an operation.
fn body_schema<'a>(operation: &Operation, components: &'a Components) -> Option<&'a Object> {
    let Some(RefOr::T(body)) = &operation.request_body else { return None };
    let Some(RefOr::T(content)) = body.content.get("application/json") else { return None };
    let reference = match content.schema.as_ref()? {
        RefOr::Ref(reference) => reference,
        // An optional body.
        RefOr::T(Schema::OneOf(OneOf { items, .. })) => items.iter().find_map(referred)?,
        RefOr::T(_) => return None,
    };
    match components.schemas.get(reference.ref_location.rsplit('/').next()?)? {
        RefOr::T(Schema::Object(object)) => Some(object),
        _ => None,
    }
}

const fn referred(schema: &RefOr<Schema>) -> Option<&Ref> {
    match schema {
        RefOr::Ref(reference) => Some(reference),
        RefOr::T(_) => None,
    }
}

/// Returns the error of a member that is missing or is not a string.
fn invalid_member(schema: &Object) -> Option<FieldError> {
    if let Some(name) = schema.required.first() {
        return Some(FieldError::missing("body", name.clone()));
    }
    let usual = ["title", "name"].into_iter().find(|name| schema.properties.contains_key(*name));
    let name = usual.or_else(|| schema.properties.keys().next().map(String::as_str))?;
    Some(FieldError::mistyped::<String>(name.to_owned()))
}
