//! Completes the OpenAPI document with everything that follows from the description of an operation.
//!
//! An operation lists its successful responses and, by `x-problems`, the codes of the errors that only it can cause.
//! The errors that follow from its properties are added here: a missing token, a malformed body, and so on.

mod components;
mod problems;
mod schemas;
mod variant;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use utoipa::openapi::{
    Components, Content, Header, OpenApi, PathItem, Ref, RefOr, ResponseBuilder, Schema,
    path::{Operation, Parameter},
    security::SecurityRequirement,
};

use variant::Variant;

use crate::{code::Code, example, extract::BodyLimit, respond::TokenCase};

/// The settings that the document depends on.
#[derive(Debug, Clone)]
pub struct DocumentOptions {
    /// The name of the API.
    pub title: String,
    /// The version of the API.
    pub version: String,
    /// The prefix of every path of the API.
    pub api_prefix: String,
    /// The address that clients use, if it is configured.
    pub public_url: Option<String>,
    /// The spelling of the members of token responses.
    pub token_case: TokenCase,
    /// The lifetime of an access token, in seconds.
    pub access_token_lifetime: u64,
    /// Whether every sign-up has the same response.
    pub conceals_registration: bool,
    /// The minimum length of a password.
    pub password_min_length: usize,
    /// The names of the roles.
    pub roles: Vec<String>,
    /// The role of new sign-ups.
    pub default_role: String,
    /// The permissions of that role, separated by spaces.
    pub default_scope: String,
}

/// The extension in which an operation lists its own codes. Only names that are not codes stay in the document, where a
/// test finds them.
const OWN: &str = "x-problems";

/// The errors that any request can cause.
const GENERAL: &[Code] = &[
    Code::MalformedUrl,
    Code::InvalidRequest,
    Code::NotFound,
    Code::MethodNotAllowed,
    Code::RequestTimeout,
    Code::UriTooLong,
    Code::HeadTooLarge,
    Code::Internal,
    Code::Overloaded,
    Code::Unavailable,
    Code::Timeout,
];

/// Completes the document that the routes have registered.
#[must_use]
pub fn complete(mut document: OpenApi, options: &DocumentOptions) -> OpenApi {
    let mut all = document.components.take().unwrap_or_default();
    all.headers = components::headers();
    for (path, item) in &mut document.paths.paths {
        let limit = variant::body_limit(path, &options.api_prefix);
        operations(item).for_each(|operation| complete_operation(operation, &mut all, limit));
    }
    let taken: BTreeSet<String> =
        document.paths.paths.values_mut().flat_map(operations).flat_map(schemas::names_taken).collect();
    schemas::complete(&mut all, &taken, options);
    let known = example::referred(&all);
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        bodies(operation).for_each(|content| example::illustrate(content, &known));
        describe_responses(operation, &all);
    }
    let used: BTreeSet<String> =
        document.paths.paths.values_mut().flat_map(operations).flat_map(responses_used).collect();
    all.responses.retain(|name, _| used.contains(name));
    document.components = Some(all);
    document
}

/// Returns the names of the shared responses of an operation.
fn responses_used(operation: &mut Operation) -> impl Iterator<Item = String> {
    operation.responses.responses.values().filter_map(|response| match response {
        RefOr::Ref(shared) => shared.ref_location.rsplit('/').next().map(str::to_owned),
        RefOr::T(_) => None,
    })
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().filter_map(Option::as_mut)
}

/// Returns the bodies of requests and responses that are not references.
fn bodies(operation: &mut Operation) -> impl Iterator<Item = &mut Content> {
    let taken = operation.request_body.iter_mut().filter_map(|body| match body {
        RefOr::T(body) => Some(body.content.values_mut()),
        RefOr::Ref(_) => None,
    });
    let given = operation.responses.responses.values_mut().filter_map(|response| match response {
        RefOr::T(response) => Some(response.content.values_mut()),
        RefOr::Ref(_) => None,
    });
    taken.flatten().chain(given.flatten()).filter_map(|content| match content {
        RefOr::T(content) => Some(content),
        RefOr::Ref(_) => None,
    })
}

fn complete_operation(operation: &mut Operation, components: &mut Components, limit: BodyLimit) {
    schemas::unwrap_lines(&mut operation.description);
    operation.parameters.iter_mut().flatten().for_each(complete_parameter);
    if let Some(security) = &mut operation.security {
        let is_public = security.iter().all(|requirement| *requirement == SecurityRequirement::default());
        if is_public {
            security.clear();
        }
    }
    bodies(operation).for_each(schemas::name_list);
    let facts = Facts::of(operation);
    let codes = codes(operation, &facts);
    let variants = Variant::of(operation, components, limit);
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response {
            response.headers.extend(good_headers(status, &facts));
        }
    }
    if facts.if_none_match {
        let known = ResponseBuilder::new().description("Not modified: the client has this version.");
        let mut known = known.build();
        known.headers.extend(["ETag", "X-Request-Id"].map(components::header_of));
        responses.insert("304".to_owned(), known.into());
    }
    let statuses: BTreeSet<_> = codes.iter().map(|code| code.status()).collect();
    for status in statuses {
        let of_status = |code: &&Code| code.status() == status;
        let own: Vec<Code> = codes.iter().filter(of_status).copied().collect();
        let general = GENERAL.iter().filter(of_status).copied().filter(|code| !own.contains(code));
        let general: Vec<Code> = general.collect();
        let variant = variants.iter().find(|variant| own.contains(&variant.code));
        // The readiness probe has a response of its own for 503.
        responses
            .entry(status.as_str().to_owned())
            .or_insert_with(|| components::refusal(components, status.as_str(), &own, &general, variant).into());
    }
    if facts.takes_form
        && let Some(RefOr::Ref(refusal)) = responses.get_mut("400")
    {
        *refusal = components::form_refusal(components, refusal);
    }
    responses.insert("default".to_owned(), components::refusal(components, "default", &[], GENERAL, None).into());
}

/// Completes a parameter. An optional one may be omitted, but is never null.
fn complete_parameter(parameter: &mut RefOr<Parameter>) {
    if let RefOr::T(parameter) = parameter {
        schemas::unwrap_lines(&mut parameter.description);
        if let Some(schema) = &mut parameter.schema {
            schemas::forbid_null(schema);
        }
    }
}

/// Adds missing descriptions of successful responses: that of their schema, or of their status.
fn describe_responses(operation: &mut Operation, components: &Components) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if !response.description.is_empty() {
            continue;
        }
        let content = response.content.values().find_map(|content| match content {
            RefOr::T(Content { schema: Some(RefOr::Ref(schema)), .. }) => schemas::description(components, schema),
            _ => None,
        });
        response.description = match (status.as_str(), content) {
            ("204", _) => "Done. The response has no body.".to_owned(),
            ("202", _) => "Accepted; the work is done in the background.".to_owned(),
            (_, Some(description)) => description,
            _ => "Done.".to_owned(),
        };
    }
}

/// Properties of an operation that have consequences.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
struct Facts {
    needs_token: bool,
    takes_token: bool,
    takes_body: bool,
    takes_form: bool,
    sends_body: bool,
    has_parameters: bool,
    if_match: bool,
    if_none_match: bool,
    is_idempotent: bool,
}

impl Facts {
    fn of(operation: &Operation) -> Self {
        let parameters = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter.name.as_str()),
            RefOr::Ref(_) => None,
        });
        let names: Vec<&str> = parameters.collect();
        let security = operation.security.as_deref().unwrap_or_default();
        let responses = &operation.responses.responses;
        let nothing = SecurityRequirement::default();
        let takes_token = security.iter().any(|requirement| *requirement != nothing);
        let sends_body = |response: &RefOr<_>| match response {
            RefOr::T(utoipa::openapi::Response { content, .. }) => !content.is_empty(),
            RefOr::Ref(_) => true,
        };
        Self {
            needs_token: takes_token && !security.contains(&nothing),
            takes_token,
            takes_body: operation.request_body.is_some(),
            takes_form: operation.request_body.as_ref().is_some_and(|body| match body {
                RefOr::T(body) => body.content.contains_key("application/x-www-form-urlencoded"),
                RefOr::Ref(_) => false,
            }),
            sends_body: responses.values().any(sends_body),
            has_parameters: names.iter().any(|name| *name != "If-None-Match"),
            if_match: names.contains(&"If-Match"),
            if_none_match: names.contains(&"If-None-Match"),
            is_idempotent: names.contains(&"Idempotency-Key")
                && ["201", "202"].iter().any(|status| responses.contains_key(*status)),
        }
    }
}

/// Returns the error codes of this operation, except the general ones.
fn codes(operation: &mut Operation, facts: &Facts) -> BTreeSet<Code> {
    let own = operation.extensions.as_mut().and_then(|extensions| extensions.remove(OWN)).unwrap_or_default();
    let code = |name: &Value| Code::ALL.iter().copied().find(|code| name.as_str() == Some(code.name()));
    let (known, unknown): (Vec<_>, Vec<_>) =
        own.as_array().into_iter().flatten().partition(|name| code(name).is_some());
    if !unknown.is_empty() {
        operation.extensions.get_or_insert_default().insert(OWN.to_owned(), json!(unknown));
    }
    operation.extensions = operation.extensions.take().filter(|extensions| !extensions.is_empty());
    let mut codes: BTreeSet<Code> = known.into_iter().filter_map(code).collect();
    let following: [(bool, &[Code]); 7] = [
        (facts.needs_token, &[Code::NotAuthenticated]),
        (facts.takes_token, &[Code::TokenInvalid, Code::TokenExpired, Code::TokenRevoked]),
        (facts.takes_body, &[Code::MalformedBody, Code::BodyTooLarge, Code::UnsupportedMediaType]),
        (facts.takes_body || facts.has_parameters, &[Code::ValidationFailed]),
        (facts.sends_body, &[Code::NotAcceptable]),
        (facts.if_match, &[Code::PreconditionFailed]),
        (facts.is_idempotent, &[Code::IdempotencyInProgress, Code::IdempotencyKeyReused]),
    ];
    for (_, more) in following.into_iter().filter(|(holds, _)| *holds) {
        codes.extend(more);
    }
    codes
}

fn good_headers(status: &str, facts: &Facts) -> Vec<(String, RefOr<Header>)> {
    let mut names = vec!["X-Request-Id"];
    if status == "503" {
        names.push("Retry-After");
    }
    let is_created = status == "201";
    if is_created || (status == "200" && (facts.if_match || facts.if_none_match)) {
        names.push("ETag");
    }
    if is_created {
        names.push("Location");
    }
    if facts.is_idempotent && matches!(status, "201" | "202") {
        names.push("Idempotency-Replayed");
    }
    names.into_iter().map(components::header_of).collect()
}

/// Returns a reference to a schema.
fn schema_ref(name: &str) -> RefOr<Schema> {
    Ref::from_schema_name(name).into()
}
