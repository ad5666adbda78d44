//! The OpenAPI document, made whole: what follows from what a route says of itself is written once, here.
//!
//! A route says its good answers and, by `x-problems`, the codes of those refusals that only it can give. Whoever needs
//! a token can lack it, whoever takes a body can be sent a bad one, and so on: that is the same everywhere.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use utoipa::openapi::{
    Components, Content, Header, HeaderBuilder, ObjectBuilder, OneOf, OpenApi, PathItem, Ref, RefOr, Response,
    ResponseBuilder, Schema,
    content::ContentBuilder,
    path::Operation,
    schema::{AllOfBuilder, AnyOfBuilder, SchemaType, Type},
    security::SecurityRequirement,
};

use crate::{code::Code, example, problem};

/// Where a route names its own codes; nothing of it is left in the document.
const OWN: &str = "x-problems";

/// What any request can be refused for, whatever it asks for.
const GENERAL: &[Code] = &[
    Code::MalformedUrl,
    Code::InvalidRequest,
    Code::NotFound,
    Code::MethodNotAllowed,
    Code::NotAcceptable,
    Code::RequestTimeout,
    Code::UriTooLong,
    Code::HeadTooLarge,
    Code::Internal,
    Code::Overloaded,
    Code::Unavailable,
    Code::Timeout,
];

/// Completes the document that the routes have made.
#[must_use]
pub fn complete(mut document: OpenApi) -> OpenApi {
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            complete_operation(operation);
        }
    }
    if let Some(components) = &mut document.components {
        loosen(components);
        let schemas = example::referred(components);
        for operation in document.paths.paths.values_mut().flat_map(operations) {
            bodies(operation).for_each(|content| example::illustrate(content, &schemas));
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().filter_map(Option::as_mut)
}

/// What the operation takes and gives.
fn bodies(operation: &mut Operation) -> impl Iterator<Item = &mut Content> {
    let taken = operation.request_body.iter_mut().filter_map(|body| match body {
        RefOr::T(body) => Some(body.content.values_mut()),
        RefOr::Ref(_) => None,
    });
    let given = operation.responses.responses.iter_mut().filter(|(status, _)| *status != "default");
    let given = given.filter_map(|(_, response)| match response {
        RefOr::T(response) => Some(response.content.values_mut()),
        RefOr::Ref(_) => None,
    });
    taken.flatten().chain(given.flatten()).filter_map(|content| match content {
        RefOr::T(content) => Some(content),
        RefOr::Ref(_) => None,
    })
}

fn complete_operation(operation: &mut Operation) {
    name(operation);
    let facts = Facts::of(operation);
    let codes = codes(operation, &facts);
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response {
            response.headers.extend(good_headers(status, &facts));
        }
    }
    if facts.if_none_match {
        let known = ResponseBuilder::new().description("The client has it already: it is the one of `If-None-Match`.");
        let known = known.header("ETag", etag_header()).header("X-Request-Id", request_id_header());
        responses.insert("304".to_owned(), known.build().into());
    }
    let mut by_status: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for code in &codes {
        by_status.entry(code.status().as_str().to_owned()).or_default().insert(code.name());
    }
    let general = GENERAL.iter().filter(|code| by_status.contains_key(code.status().as_str()));
    for code in general.collect::<Vec<_>>() {
        by_status.entry(code.status().as_str().to_owned()).or_default().insert(code.name());
    }
    for (status, names) in by_status {
        // The readiness probe has an answer of its own for 503.
        responses.entry(status.clone()).or_insert_with(|| refusal(&status, &names).into());
    }
    let names = GENERAL.iter().map(|code| code.name()).collect();
    responses.insert("default".to_owned(), refusal("default", &names).into());
}

/// Handlers are called alike in several modules; operations are not. And a parameter that is left out is not null.
fn name(operation: &mut Operation) {
    if let (Some(tags), Some(id)) = (&operation.tags, &mut operation.operation_id)
        && let Some(tag) = tags.first()
    {
        *id = format!("{tag}_{id}");
    }
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema
            && let SchemaType::Array(types) = &object.schema_type
            && let Some(given) = types.iter().find(|kind| **kind != Type::Null).cloned()
        {
            object.schema_type = SchemaType::Type(given);
        }
    }
}

/// What a route says of itself that something follows from.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
struct Facts {
    needs_token: bool,
    takes_token: bool,
    has_body: bool,
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
        let makes_something = operation.responses.responses.contains_key("201");
        let nothing = SecurityRequirement::default();
        let takes_token = security.iter().any(|requirement| *requirement != nothing);
        Self {
            needs_token: takes_token && !security.contains(&nothing),
            takes_token,
            has_body: operation.request_body.is_some(),
            has_parameters: names.iter().any(|name| *name != "If-None-Match"),
            if_match: names.contains(&"If-Match"),
            if_none_match: names.contains(&"If-None-Match"),
            is_idempotent: names.contains(&"Idempotency-Key") && makes_something,
        }
    }
}

/// Everything that this route can refuse for reasons that not every route has.
fn codes(operation: &mut Operation, facts: &Facts) -> Vec<Code> {
    let own = operation.extensions.as_mut().and_then(|extensions| extensions.remove(OWN)).unwrap_or_default();
    operation.extensions = operation.extensions.take().filter(|extensions| !extensions.is_empty());
    let own = own.as_array().into_iter().flatten().filter_map(Value::as_str);
    let own = own.filter_map(|name| Code::ALL.iter().copied().find(|code| code.name() == name));
    let mut codes: Vec<Code> = own.collect();
    let following: [(bool, &[Code]); 6] = [
        (facts.needs_token, &[Code::NotAuthenticated]),
        (facts.takes_token, &[Code::TokenInvalid, Code::TokenExpired, Code::TokenRevoked]),
        (facts.has_body, &[Code::MalformedBody, Code::BodyTooLarge, Code::UnsupportedMediaType]),
        (facts.has_body || facts.has_parameters, &[Code::ValidationFailed]),
        (facts.if_match, &[Code::PreconditionFailed]),
        (facts.is_idempotent, &[Code::IdempotencyInProgress, Code::IdempotencyKeyReused]),
    ];
    for (_, more) in following.into_iter().filter(|(holds, _)| *holds) {
        codes.extend_from_slice(more);
    }
    codes
}

fn good_headers(status: &str, facts: &Facts) -> Vec<(String, RefOr<Header>)> {
    let mut headers = vec![("X-Request-Id".to_owned(), request_id_header().into())];
    if status == "503" {
        headers.push(("Retry-After".to_owned(), retry_header().into()));
    }
    let is_created = status == "201";
    if is_created || (status == "200" && (facts.if_match || facts.if_none_match)) {
        headers.push(("ETag".to_owned(), etag_header().into()));
    }
    if is_created {
        headers.push(("Location".to_owned(), text_header("The path of the new thing.").into()));
    }
    if facts.is_idempotent && is_created {
        let text =
            "`true` if this is the answer to an earlier request with the same `Idempotency-Key`; nothing was made now.";
        headers.push(("Idempotency-Replayed".to_owned(), text_header(text).into()));
    }
    headers
}

/// The answer of refusals with one of these codes.
fn refusal(status: &str, names: &BTreeSet<&'static str>) -> Response {
    let codes: Vec<Code> = Code::ALL.iter().copied().filter(|code| names.contains(code.name())).collect();
    let titles: Vec<String> = codes.iter().map(|code| format!("`{}`: {}", code.name(), code.title())).collect();
    let description = if status == "default" {
        format!("Any other refusal, whatever was asked for. {}.", titles.join(", "))
    } else {
        format!("{}.", titles.join(", "))
    };
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.iter().copied()));
    let schema = AllOfBuilder::new()
        .item(Ref::from_schema_name("Problem"))
        .item(ObjectBuilder::new().property("code", code))
        .build();
    let content = ContentBuilder::new().schema(Some(Schema::from(schema)));
    let content = match codes.first().filter(|_| status != "default") {
        Some(code) => content.example(Some(example(*code))),
        None => content,
    };
    let mut response = ResponseBuilder::new()
        .description(description)
        .content(problem::CONTENT_TYPE, content.build())
        .header("X-Request-Id", request_id_header());
    if status == "401" {
        response = response.header("WWW-Authenticate", text_header("`Bearer`, and why the token is bad (RFC 6750)."));
    }
    if status == "429" {
        for (name, text) in [
            ("RateLimit-Limit", "How many requests may be made in a while."),
            ("RateLimit-Remaining", "How many are left."),
            ("RateLimit-Reset", "In how many seconds all of them may be made again."),
        ] {
            response = response.header(name, number_header(text));
        }
    }
    if matches!(status, "429" | "503") {
        response = response.header("Retry-After", retry_header());
    }
    response.build()
}

fn example(code: Code) -> Value {
    let mut example = json!({
        "type": format!("/problems/{}", code.name()),
        "title": code.title(),
        "status": code.status().as_u16(),
        "detail": code.title(),
        "code": code.name(),
        "request_id": "019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b",
    });
    if code == Code::ValidationFailed {
        let missing = json!({"loc": ["body", "name"], "msg": "Field required", "type": "missing"});
        example.as_object_mut().into_iter().for_each(|members| {
            members.insert("errors".to_owned(), json!([missing]));
        });
    }
    example
}

fn text_header(description: &str) -> Header {
    header(Type::String, description)
}

fn number_header(description: &str) -> Header {
    header(Type::Integer, description)
}

fn retry_header() -> Header {
    number_header("When to try again, in seconds.")
}

fn etag_header() -> Header {
    text_header("The version, as a strong validator (RFC 9110), for `If-Match` and `If-None-Match`.")
}

fn request_id_header() -> Header {
    text_header("The name of this request in the server's log.")
}

fn header(kind: Type, description: &str) -> Header {
    let schema = ObjectBuilder::new().schema_type(SchemaType::new(kind));
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

/// Of alternatives that overlap, more than one may hold.
fn loosen(components: &mut Components) {
    for schema in components.schemas.values_mut() {
        if let RefOr::T(Schema::OneOf(OneOf { items, description, .. })) = schema {
            let any = items.drain(..).fold(AnyOfBuilder::new(), AnyOfBuilder::item);
            *schema = Schema::from(any.description(description.take()).build()).into();
        }
    }
}
