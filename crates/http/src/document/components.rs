//! The shared components of operations: headers and error responses. Each set of codes has one response, one schema of
//! a problem and one example for each code.

use std::collections::BTreeMap;

use utoipa::openapi::{
    Components, Header, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Schema,
    content::ContentBuilder,
    example::ExampleBuilder,
    schema::{AllOfBuilder, SchemaFormat, Type},
};

use super::{problems, schema_ref, variant::Variant};
use crate::{code::Code, problem};

/// The codes of an invalid token, which always occur together.
const TOKEN: [Code; 3] = [Code::TokenInvalid, Code::TokenExpired, Code::TokenRevoked];

/// Returns all response headers.
pub fn headers() -> BTreeMap<String, RefOr<Header>> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let number = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    let all = [
        (
            "ETag",
            text().pattern(Some("^\"[^\"]+\"$")),
            "The version of the resource, for `If-Match` and `If-None-Match`.",
        ),
        (
            "Idempotency-Replayed",
            text().enum_values(Some(["true"])),
            "The response to an earlier request with this `Idempotency-Key`.",
        ),
        (
            "Location",
            text().format(Some(SchemaFormat::Custom("uri-reference".to_owned()))),
            "The address of the new resource.",
        ),
        ("RateLimit-Limit", number(), "The number of requests that the limit allows."),
        ("RateLimit-Remaining", number(), "The number of requests left."),
        ("RateLimit-Reset", number(), "Seconds until the limit is fully available again."),
        ("Retry-After", number(), "Seconds to wait before a retry."),
        ("WWW-Authenticate", text(), "`Bearer`, with the error of a rejected token (RFC 6750)."),
        (
            "X-Request-Id",
            text().min_length(Some(1)).max_length(Some(128)).pattern(Some("^[!-~]+$")),
            "The id of this request in the server's log: that of the request header, if it has one.",
        ),
    ];
    let header =
        |schema: ObjectBuilder, text| HeaderBuilder::new().schema(Some(schema)).description(Some(text)).build();
    all.into_iter().map(|(name, schema, text)| (name.to_owned(), header(schema, text).into())).collect()
}

/// Returns a reference to one of [`headers`], for a response.
pub fn header_of(name: &str) -> (String, RefOr<Header>) {
    (name.to_owned(), RefOr::Ref(Ref::new(format!("#/components/headers/{name}"))))
}

/// Returns the response with a problem of one of these codes, which is created on first use. One code may have an
/// example of its own.
pub fn refusal(
    components: &mut Components,
    status: &str,
    own: &[Code],
    general: &[Code],
    variant: Option<&Variant>,
) -> Ref {
    let plain = name(own);
    let name = variant.map_or_else(|| plain.clone(), |variant| format!("{plain}{}", pascal_case(&variant.name)));
    if !components.responses.contains_key(&name) {
        let codes: Vec<Code> = own.iter().chain(general).copied().collect();
        let schema = format!("{plain}{}", if own.is_empty() { "" } else { "Problem" });
        components.schemas.insert(schema.clone(), Schema::from(problem_schema(&codes)).into());
        let examples: Vec<(Code, String)> =
            codes.iter().map(|code| (*code, example_of(components, *code, variant))).collect();
        components.responses.insert(name.clone(), response(status, &schema, &examples).into());
    }
    Ref::new(format!("#/components/responses/{name}"))
}

/// Returns the name of the example of a code, which is created on first use.
fn example_of(components: &mut Components, code: Code, variant: Option<&Variant>) -> String {
    let (name, value) = match variant.filter(|variant| variant.code == code) {
        Some(variant) => (format!("{}_{}", code.name(), variant.name), variant.example.clone()),
        None => (code.name().to_owned(), problems::example(code)),
    };
    let example = ExampleBuilder::new().summary(code.title()).value(Some(value)).build();
    components.examples.entry(name.clone()).or_insert_with(|| example.into());
    name
}

/// Returns the same response for an operation that accepts forms, whose errors are `application/json` (RFC 6749 section
/// 5.2).
pub fn form_refusal(components: &mut Components, refusal: &Ref) -> Ref {
    let name = refusal.ref_location.rsplit('/').next().unwrap_or_default();
    let Some(RefOr::T(mut response)) = components.responses.get(name).cloned() else { return refusal.clone() };
    let members = ObjectBuilder::new().required("error").required("error_description");
    let schema = AllOfBuilder::new().item(schema_ref("Problem")).item(members).build();
    components.schemas.insert("FormProblem".to_owned(), Schema::from(schema).into());
    let content = ContentBuilder::new().schema(Some(schema_ref("FormProblem")));
    let content = content.example(Some(problems::example(Code::InvalidGrant))).build();
    response.content.insert("application/json".to_owned(), content.into());
    let name = format!("{name}OrFormProblem");
    components.responses.insert(name.clone(), response.into());
    Ref::new(format!("#/components/responses/{name}"))
}

fn response(status: &str, schema: &str, examples: &[(Code, String)]) -> Response {
    let title = |(code, _): &(Code, String)| format!("`{}`: {}", code.name(), code.title());
    let titles: Vec<String> = examples.iter().map(title).collect();
    let other = if status == "default" { "Any other error. " } else { "" };
    let mut content = ContentBuilder::new().schema(Some(schema_ref(schema))).build();
    content.examples.extend(examples.iter().map(|(code, name)| {
        let place = Ref::new(format!("#/components/examples/{name}"));
        (code.name().to_owned(), RefOr::Ref(place))
    }));
    let description = format!("{other}{}.", titles.join(", "));
    let mut response = ResponseBuilder::new().description(description).content(problem::CONTENT_TYPE, content).build();
    let more: &[&str] = match status {
        "401" => &["WWW-Authenticate"],
        "429" => &["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"],
        "503" => &["Retry-After"],
        _ => &[],
    };
    response.headers.extend(["X-Request-Id"].iter().chain(more).map(|name| header_of(name)));
    response
}

fn problem_schema(codes: &[Code]) -> utoipa::openapi::AllOf {
    let names = codes.iter().map(|code| code.name());
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    AllOfBuilder::new().item(schema_ref("Problem")).item(ObjectBuilder::new().property("code", code)).build()
}

/// Returns the name of the response with these codes: `EmailTakenOrUsernameTaken`.
fn name(own: &[Code]) -> String {
    if own.is_empty() {
        return "GeneralProblem".to_owned();
    }
    let is_token = TOKEN.iter().all(|code| own.contains(code));
    let others = own.iter().filter(|code| !(is_token && TOKEN.contains(code)));
    let names = others.map(|code| pascal_case(code.name())).chain(is_token.then(|| "InvalidToken".to_owned()));
    names.collect::<Vec<_>>().join("Or")
}

fn pascal_case(name: &str) -> String {
    let capital = |word: &str| word.split_at_checked(1).map(|(first, rest)| first.to_ascii_uppercase() + rest);
    name.split('_').filter_map(capital).collect()
}
