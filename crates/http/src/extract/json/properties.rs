//! What holds of every body, whoever sent it.

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

/// What JSON is made of, and what breaks it.
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

/// Whatever these bytes are, they are read as the object that they are, or refused by what they are.
fn is_read_as_what_it_is(bytes: &[u8]) {
    let text = str::from_utf8(bytes).ok();
    let value = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    match parse_json::<Body>(bytes) {
        Ok(body) => {
            let Some(Value::Object(members)) = value else { panic!("{text:?} is no object") };
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
                let text = text.unwrap_or_else(|| panic!("{bytes:?} is no text"));
                assert!(serde_json::from_str::<IgnoredAny>(text).is_ok() || has_a_member_twice(text), "{text:?}");
            }
            other => panic!("{text:?} was answered with {other}"),
        },
    }
}

/// Reading ends at the second member of one name, so that nobody knows whether the rest is well-formed.
fn has_a_member_twice(text: &str) -> bool {
    ["\"name\"", "\"flag\"", "\"other\"", "\"\""].iter().any(|name| text.matches(name).count() > 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_body_is_read_as_what_it_is_or_refused_by_what_it_is(
        noise in prop::collection::vec(any::<u8>(), 0..40),
        plausible in prop::collection::vec(prop::sample::select(PIECES), 0..14),
        name in prop::sample::select(PIECES),
        value in prop::sample::select(PIECES),
        behind in "\\PC{0,3}",
    ) {
        is_read_as_what_it_is(&noise);
        is_read_as_what_it_is(plausible.concat().as_bytes());
        is_read_as_what_it_is(format!("{{{name}: {value}{behind}}}").as_bytes());
    }
}

#[test]
fn neither_depth_nor_length_overflows_anything() {
    for open in ["[", "{\"name\":", "{\"other\":["] {
        is_read_as_what_it_is(open.repeat(1024 * 1024 / open.len()).as_bytes());
    }
    let deep = format!("{{\"name\": {}1{}}}", "[".repeat(30_000), "]".repeat(30_000));
    assert_eq!(parse_json::<Body>(deep.as_bytes()).unwrap_err().status_code(), StatusCode::BAD_REQUEST);
}
