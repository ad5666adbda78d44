//! The parameters of a URL's query, read one by one, so all invalid ones are reported at once.

use std::borrow::Cow;

use keepstone_domain::Invalid;

use crate::problem::FieldError;

/// Returns the error of a number below its minimum.
#[must_use]
pub fn too_small(name: &'static str, min: u32) -> FieldError {
    FieldError::at("query", name, format!("must be at least {min}"), "greater_than_equal")
}

/// A query, and the errors found in it. Unknown parameters are ignored.
pub struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    errors: Vec<FieldError>,
}

impl<'a> Query<'a> {
    /// Parses the query of a URL, without its question mark.
    #[must_use]
    pub fn new(query: &'a str) -> Self {
        Self { pairs: serde_urlencoded::from_str(query).unwrap_or_default(), errors: Vec::new() }
    }

    /// Returns all errors.
    #[must_use]
    pub fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// Returns whether there are no errors so far.
    #[must_use]
    pub const fn is_right(&self) -> bool {
        self.errors.is_empty()
    }

    /// Returns the value of a parameter; repeating it is an error.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        let mut given = self.pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        let text = given.next()?.to_string();
        if given.next().is_some() {
            self.refuse(name, "must appear only once", "value_error");
            return None;
        }
        Some(text)
    }

    /// Returns the unchecked value of a parameter; empty if it is absent.
    #[must_use]
    pub fn peek(&self, name: &str) -> String {
        self.pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| &**value).collect()
    }

    /// Reads a whole number in this range.
    pub fn number(&mut self, name: &'static str, min: u32, max: u32) -> Option<u32> {
        let text = self.text(name)?;
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(number) if is_number && (min..=max).contains(&number) => return Some(number),
            _ if !is_number => self.refuse(name, "must be a whole number", "int_parsing"),
            Ok(number) if number < min => self.errors.push(too_small(name, min)),
            _ => self.refuse(name, &format!("must be at most {max}"), "less_than_equal"),
        }
        None
    }

    /// Reads `true` or `false`.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        let text = self.text(name)?;
        let flag = text.parse().ok();
        if flag.is_none() {
            self.refuse(name, "must be true or false", "bool_parsing");
        }
        flag
    }

    /// Reads a value with `parse`; an empty one counts as absent.
    pub fn value<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        let text = self.text(name).filter(|text| !text.is_empty())?;
        self.parsed(name, parse(&text))
    }

    /// Reads a value with `parse`, also an empty one.
    pub fn strict<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        let text = self.text(name)?;
        self.parsed(name, parse(&text))
    }

    /// Reads a required value.
    pub fn required<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        if self.pairs.iter().all(|(key, _)| key != name) {
            self.errors.push(FieldError::missing("query", name));
            return None;
        }
        self.strict(name, parse)
    }

    /// Records an invalid parameter.
    pub fn refuse(&mut self, name: &'static str, msg: &str, kind: &'static str) {
        self.errors.push(FieldError::at("query", name, msg, kind));
    }

    fn parsed<T>(&mut self, name: &'static str, outcome: Result<T, Invalid>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.refuse(name, &invalid.to_string(), invalid.kind());
                None
            }
        }
    }
}
