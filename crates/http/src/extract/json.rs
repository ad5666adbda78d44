//! Strict JSON: unknown members, too, must be well-formed, less than 128 levels deep and without duplicates. Otherwise
//! two parsers could interpret the same request differently.

#[cfg(test)]
mod properties;

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor},
};

use crate::{
    code::Code,
    problem::{ApiResult, FieldError, Problem},
};

/// Parses a body. Malformed JSON is 400; well-formed JSON that is not an object, or has duplicate members, is 422.
pub fn parse_json<T: DeserializeOwned>(body: &[u8]) -> ApiResult<T> {
    let not_text = |_| Problem::new(Code::MalformedBody, "The body is not UTF-8");
    let body = str::from_utf8(body).map_err(not_text)?;
    let refuse = |error: serde_json::Error| {
        if error.is_data() {
            return not_acceptable("must not contain duplicate members");
        }
        let (line, column) = (error.line(), error.column());
        Problem::new(Code::MalformedBody, format!("The body is not well-formed JSON: line {line}, column {column}"))
    };
    let Strict = serde_json::from_str(body).map_err(refuse)?;
    // serde would accept an array of the right length as an object.
    if !body.trim_ascii_start().starts_with('{') {
        return Err(not_acceptable("must be an object"));
    }
    serde_json::from_str(body).map_err(refuse)
}

fn not_acceptable(msg: &str) -> Problem {
    Problem::validation(vec![FieldError { loc: vec!["body".into()], msg: msg.to_owned(), kind: "value_error" }])
}

/// Any value, checked and discarded. Unlike for `IgnoredAny`, `serde_json` checks all of it: escapes, the range of
/// numbers, the depth.
struct Strict;

#[derive(Deserialize, PartialEq, Eq, Hash)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some((name, Self)) = members.next_entry::<Name<'de>, Self>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("twice"));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        name: String,
    }

    fn code(body: impl AsRef<[u8]>) -> Option<&'static str> {
        parse_json::<Body>(body.as_ref()).err().map(|problem| problem.code_name())
    }

    #[test]
    fn well_formed_json_is_accepted_and_unknown_members_are_ignored() {
        for rest in ["", r#", "x": [1, -1, 1.5, null, true, "\u00e4", {"name": {"name": 1}}]"#] {
            let body = format!(r#" {{"name": "a\ud83d\ude00"{rest}}} "#);
            assert_eq!(parse_json::<Body>(body.as_bytes()).unwrap().name, "a\u{1f600}", "{body}");
        }
    }

    #[test]
    fn invalid_json_is_rejected_in_unknown_members_too() {
        for value in [
            "NaN",
            "Infinity",
            "1e400",
            "-1e400",
            "01",
            "+1",
            "'a'",
            r#""\ud800""#,
            r#""\udc00\ud800""#,
            "\"\n\"",
            "[1,]",
        ] {
            assert_eq!(code(format!(r#"{{"name": "a", "x": {value}}}"#)), Some("malformed_body"), "{value}");
            assert_eq!(code(format!(r#"{{"name": {value}}}"#)), Some("malformed_body"), "{value}");
        }
        assert_eq!(code("\u{feff}{\"name\": \"a\"}"), Some("malformed_body"));
        assert_eq!(code(b"{\"name\": \"a\xff\"}"), Some("malformed_body"));
    }

    #[test]
    fn a_depth_of_128_levels_is_rejected() {
        let nested = |depth: usize| format!(r#"{{"name": "a", "x": {}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert_eq!(code(nested(126)), None);
        assert_eq!(code(nested(127)), Some("malformed_body"));
        assert_eq!(code(nested(500_000)), Some("malformed_body"));
    }

    #[test]
    fn duplicate_members_are_rejected_at_any_depth() {
        for body in [
            r#"{"name": "a", "name": "b"}"#,
            r#"{"name": "a", "n\u0061me": "b"}"#,
            r#"{"name": "a", "x": 1, "x": 1}"#,
            r#"{"name": "a", "x": [{"y": {"z": 1, "z": 2}}]}"#,
        ] {
            assert_eq!(code(body), Some("validation_failed"), "{body}");
        }
    }

    #[test]
    fn a_body_that_is_not_an_object_is_rejected() {
        for body in ["[]", r#"["a"]"#, "1", "null", r#""a""#] {
            assert_eq!(code(body), Some("validation_failed"), "{body}");
        }
    }

    #[test]
    fn many_members_are_parsed_in_linear_time() {
        let members: Vec<String> = (0..100_000).map(|number| format!(r#""{number}":0"#)).collect();
        let body = format!("{{{}}}", members.join(","));
        assert_eq!(parse_json::<HashMap<String, u8>>(body.as_bytes()).unwrap().len(), 100_000);
    }
}
