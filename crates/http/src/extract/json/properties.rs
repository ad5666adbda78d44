//! Properties of the JSON parser that hold for every body.

use actix_web::{ResponseError, http::StatusCode};
use proptest::prelude::*;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::*;
use crate::field::Field;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    name: Field<String>,
    flag: Field<bool>,
}

/// Tokens of JSON, and invalid ones.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\"name\"",
    "\"flag\"",
    "\"other\"",
    "true",
    "null",
    "1",
    "1e999",
    "-",
    " ",
    "\n",
    "\\u0000",
    "\\ud800",
    "é",
    "\u{feff}",
];

/// Asserts that a body is parsed as the object that it contains, or rejected with the right status.
fn assert_parsed_or_rejected(bytes: &[u8]) {
    let text = str::from_utf8(bytes).ok();
    let value = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    match parse_json::<Body>(bytes) {
        Ok(body) => {
            let Some(Value::Object(members)) = value else { panic!("{text:?} is not an object") };
            match (&body.name, members.get("name")) {
                (Field::Absent, None) | (Field::Null, Some(Value::Null)) => {}
                (Field::Given(name), Some(Value::String(member))) => assert_eq!(name, member),
                (Field::Mistyped, Some(member)) => assert!(!member.is_string() && !member.is_null()),
                (read, member) => panic!("{text:?}: {member:?} was read as {read:?}"),
            }
        }
        Err(problem) => match problem.status_code() {
            StatusCode::BAD_REQUEST => assert!(value.is_none(), "{text:?} is well-formed"),
            StatusCode::UNPROCESSABLE_ENTITY => {
                let text = text.unwrap_or_else(|| panic!("{bytes:?} is not UTF-8"));
                assert!(serde_json::from_str::<IgnoredAny>(text).is_ok() || has_a_member_twice(text), "{text:?}");
            }
            other => panic!("{text:?} was answered with {other}"),
        },
    }
}

/// Parsing ends at a duplicate member, so the rest may be malformed.
fn has_a_member_twice(text: &str) -> bool {
    ["\"name\"", "\"flag\"", "\"other\"", "\"\""].iter().any(|name| text.matches(name).count() > 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_body_is_parsed_or_rejected_with_the_right_status(
        noise in prop::collection::vec(any::<u8>(), 0..40),
        plausible in prop::collection::vec(prop::sample::select(PIECES), 0..14),
        name in prop::sample::select(PIECES),
        value in prop::sample::select(PIECES),
        behind in "\\PC{0,3}",
    ) {
        assert_parsed_or_rejected(&noise);
        assert_parsed_or_rejected(plausible.concat().as_bytes());
        assert_parsed_or_rejected(format!("{{{name}: {value}{behind}}}").as_bytes());
    }
}

#[test]
fn neither_depth_nor_length_overflows_the_stack() {
    for open in ["[", "{\"name\":", "{\"other\":["] {
        assert_parsed_or_rejected(open.repeat(1024 * 1024 / open.len()).as_bytes());
    }
    let deep = format!("{{\"name\": {}1{}}}", "[".repeat(30_000), "]".repeat(30_000));
    assert_eq!(parse_json::<Body>(deep.as_bytes()).unwrap_err().status_code(), StatusCode::BAD_REQUEST);
}
