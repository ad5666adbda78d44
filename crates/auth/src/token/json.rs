//! JSON in tokens. A repeated name in an object, at any depth, rejects the token: parsers that use the first member and
//! parsers that use the last would read two different tokens.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The names of one object, read one by one.
#[derive(Default)]
pub(super) struct Names<'de>(Vec<Cow<'de, str>>);

/// The maximum number of members, more than any token needs. It bounds the search for duplicates.
const MAX_MEMBERS: usize = 32;

impl<'de> Names<'de> {
    /// Returns the name of the next member, or `None` at the end of the object. A repeated name is an error.
    pub(super) fn next<A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<Option<&str>, A::Error> {
        let Some(Text(name)) = map.next_key()? else { return Ok(None) };
        if self.0.len() == MAX_MEMBERS || self.0.contains(&name) {
            return Err(A::Error::custom("repeated or too many members"));
        }
        self.0.push(name);
        Ok(self.0.last().map(AsRef::as_ref))
    }
}

/// A JSON string, borrowed if it contains no escapes.
pub(super) struct Text<'de>(pub Cow<'de, str>);

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// One or several strings, as in `aud` (RFC 7519 §4.1.3).
pub(super) enum Texts<'de> {
    One(Text<'de>),
    Many(Vec<Text<'de>>),
}

impl Texts<'_> {
    pub(super) fn contains(&self, text: &str) -> bool {
        match self {
            Self::One(one) => one.as_str() == text,
            Self::Many(many) => many.iter().any(|one| one.as_str() == text),
        }
    }
}

impl<'de> Deserialize<'de> for Texts<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextsVisitor;
        impl<'de> Visitor<'de> for TextsVisitor {
            type Value = Texts<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Texts::One(Text(Cow::Borrowed(text))))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Texts::One(Text(Cow::Owned(text.to_owned()))))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut many = Vec::new();
                while let Some(text) = seq.next_element()? {
                    many.push(text);
                }
                Ok(Texts::Many(many))
            }
        }
        deserializer.deserialize_any(TextsVisitor)
    }
}

/// A value of any type, which is checked and discarded. serde's `IgnoredAny` does not detect repeated names inside.
pub(super) struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Ignored {
    type Value = Self;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = Names::default();
        while names.next(&mut map)?.is_some() {
            map.next_value::<Self>()?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(json: &str) -> bool {
        serde_json::from_str::<Ignored>(json).is_ok()
    }

    #[test]
    fn a_repeated_name_is_rejected_at_any_depth_and_in_any_spelling() {
        assert!(accepts(r#"{"a":1,"b":[{"a":null},{"a":true}],"A":-1.5,"":"x"}"#));
        for json in
            [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":1}"#, r#"{"b":[{"a":1,"a":2}]}"#, r#"{"b":{"c":{"":1,"":2}}}"#]
        {
            assert!(!accepts(json), "{json}");
        }
    }

    #[test]
    fn an_object_may_have_32_members() {
        let object = |members: usize| {
            format!("{{{}}}", (0..members).map(|n| format!("\"{n}\":{n}")).collect::<Vec<_>>().join(","))
        };
        assert!(accepts(&object(32)));
        assert!(!accepts(&object(33)));
    }

    #[test]
    fn an_audience_is_a_string_or_an_array_of_strings() {
        let contains = |json: &str| serde_json::from_str::<Texts<'_>>(json).map(|texts| texts.contains("x"));
        assert!(contains(r#""x""#).unwrap() && contains(r#"["y","\u0078"]"#).unwrap());
        assert!(!contains(r#""xx""#).unwrap() && !contains("[]").unwrap() && !contains(r#"["X"]"#).unwrap());
        for wrong in ["null", "1", "{}", "true", r#"["x",1]"#, r#"[["x"]]"#] {
            assert!(contains(wrong).is_err(), "{wrong}");
        }
    }
}
