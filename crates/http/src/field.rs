//! Reading the members of a body one by one, so that everything wrong with it is told at once.

use std::borrow::Cow;

use keepstone_auth::{error::PolicyViolation, password::Policy};
use keepstone_domain::Invalid;
use keepstone_service::NewPassword;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

use crate::problem::FieldError;

/// The name of a value in a request.
type Name = Cow<'static, str>;

/// One member of a body. Never fails to be read: what is wrong with it is told by [`Checker`].
#[derive(Debug, Clone, Default)]
pub enum Field<T> {
    /// The body does not have it.
    #[default]
    Absent,
    /// It is `null`.
    Null,
    /// It is not of the type that it must have.
    Mistyped,
    /// It is there.
    Given(T),
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Null => Self::Null,
            value => T::deserialize(value).map_or(Self::Mistyped, Self::Given),
        })
    }
}

/// What can be sent as the type of a member.
pub trait JsonType {
    /// What FastAPI calls a member that is not of this type.
    const KIND: &'static str;
    /// What to tell the sender.
    const MESSAGE: &'static str;
}

impl JsonType for String {
    const KIND: &'static str = "string_type";
    const MESSAGE: &'static str = "must be a string";
}

impl JsonType for bool {
    const KIND: &'static str = "bool_type";
    const MESSAGE: &'static str = "must be true or false";
}

/// A body whose members can be checked.
pub trait Input: DeserializeOwned {
    /// What a body without faults becomes.
    type Output;

    /// Checks every member. `None` only after telling the checker why.
    fn check(self, checker: &mut Checker) -> Option<Self::Output>;
}

/// Collects what is wrong with a body.
pub struct Checker {
    errors: Vec<FieldError>,
    policy: Policy,
}

impl Checker {
    /// Nothing is wrong yet.
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self { errors: Vec::new(), policy }
    }

    /// Everything that was wrong.
    #[must_use]
    pub fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// A member that must be there.
    pub fn required<T: JsonType, U>(
        &mut self,
        name: &'static str,
        field: Field<T>,
        parse: impl FnOnce(T) -> Result<U, Invalid>,
    ) -> Option<U> {
        match field {
            Field::Absent => self.refuse(FieldError::missing("body", name)),
            Field::Null | Field::Mistyped => self.refuse(FieldError::mistyped::<T>(name)),
            Field::Given(value) => self.parsed(name, parse(value)),
        }
    }

    /// A member that may be left out, or `null`, which is the same.
    pub fn optional<T: JsonType, U>(
        &mut self,
        name: &'static str,
        field: Field<T>,
        parse: impl FnOnce(T) -> Result<U, Invalid>,
    ) -> Option<Option<U>> {
        match field {
            Field::Absent | Field::Null => Some(None),
            Field::Mistyped => self.refuse(FieldError::mistyped::<T>(name)),
            Field::Given(value) => self.parsed(name, parse(value)).map(Some),
        }
    }

    /// A member of a patch: left out, it stays as it is. It cannot be cleared.
    pub fn changed<T: JsonType, U>(
        &mut self,
        name: &'static str,
        field: Field<T>,
        parse: impl FnOnce(T) -> Result<U, Invalid>,
    ) -> Option<Option<U>> {
        match field {
            Field::Absent => Some(None),
            Field::Null | Field::Mistyped => self.refuse(FieldError::mistyped::<T>(name)),
            Field::Given(value) => self.parsed(name, parse(value)).map(Some),
        }
    }

    /// A member of a patch: left out, it stays as it is; `null` clears it.
    pub fn changed_or_cleared<T: JsonType, U>(
        &mut self,
        name: &'static str,
        field: Field<T>,
        parse: impl FnOnce(T) -> Result<U, Invalid>,
    ) -> Option<Option<Option<U>>> {
        match field {
            Field::Absent => Some(None),
            Field::Null => Some(Some(None)),
            Field::Mistyped => self.refuse(FieldError::mistyped::<T>(name)),
            Field::Given(value) => self.parsed(name, parse(value)).map(|value| Some(Some(value))),
        }
    }

    /// A password that is to be set.
    pub fn new_password(&mut self, name: &'static str, field: Field<String>) -> Option<NewPassword> {
        let text = self.required(name, field, Ok)?;
        match NewPassword::check(SecretString::from(text), &self.policy) {
            Ok(password) => Some(password),
            Err(violation) => self.refuse(FieldError::password(name, &violation)),
        }
    }

    fn parsed<U>(&mut self, name: &'static str, outcome: Result<U, Invalid>) -> Option<U> {
        match outcome {
            Ok(value) => Some(value),
            Err(invalid) => self.refuse(FieldError::body(name, invalid.to_string(), invalid.kind())),
        }
    }

    fn refuse<U>(&mut self, error: FieldError) -> Option<U> {
        self.errors.push(error);
        None
    }
}

impl FieldError {
    /// About a value of the request, in `body`, `query`, `path` or `header`.
    pub fn at(place: &'static str, name: impl Into<Name>, msg: impl Into<String>, kind: &'static str) -> Self {
        Self { loc: vec![place.into(), name.into()], msg: msg.into(), kind }
    }

    /// About a member of the body.
    pub fn body(name: &'static str, msg: impl Into<String>, kind: &'static str) -> Self {
        Self::at("body", name, msg, kind)
    }

    /// About a value that has to be sent, and was not.
    pub fn missing(place: &'static str, name: impl Into<Name>) -> Self {
        Self::at(place, name, "Field required", "missing")
    }

    /// About a member of the body that is not of its type.
    pub fn mistyped<T: JsonType>(name: impl Into<Name>) -> Self {
        Self::at("body", name, T::MESSAGE, T::KIND)
    }

    /// About a password that may not be set.
    #[must_use]
    pub fn password(name: &'static str, violation: &PolicyViolation) -> Self {
        let kind = match violation {
            PolicyViolation::TooShort { .. } => "too_short",
            PolicyViolation::TooLong { .. } => "too_long",
            PolicyViolation::ContainsNul => "value_error",
            PolicyViolation::TooCommon => "password_too_common",
            PolicyViolation::TooSimilar => "password_too_similar",
        };
        Self::body(name, violation.to_string(), kind)
    }
}
