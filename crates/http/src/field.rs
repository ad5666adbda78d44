//! The members of a body, read and checked one by one, so all invalid ones are reported at once.

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

/// A member of a body. Deserialization never fails; [`Checker`] reports invalid members.
#[derive(Debug, Clone, Default)]
pub enum Field<T> {
    /// The member is absent.
    #[default]
    Absent,
    /// The member is `null`.
    Null,
    /// The member has the wrong type.
    Mistyped,
    /// The member has a value.
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

/// A JSON type that a member can have.
pub trait JsonType {
    /// FastAPI's name for the error of a member with another type.
    const KIND: &'static str;
    /// The message of this error.
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
    /// The type of a valid body.
    type Output;

    /// Checks every member. Returns `None` only after recording an error in the checker.
    fn check(self, checker: &mut Checker) -> Option<Self::Output>;
}

/// The errors found in a body.
pub struct Checker {
    errors: Vec<FieldError>,
    policy: Policy,
}

impl Checker {
    /// Creates a checker without errors.
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self { errors: Vec::new(), policy }
    }

    /// Returns all errors.
    #[must_use]
    pub fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// Reads a required member.
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

    /// Reads an optional member; `null` counts as absent.
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

    /// Reads a member of a patch: if it is absent, the value stays. It cannot be cleared.
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

    /// Reads a member of a patch: if it is absent, the value stays; `null` clears it.
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

    /// Reads a new password.
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
    /// Creates the error of a value of the request, in `body`, `query`, `path` or `header`.
    pub fn at(place: &'static str, name: impl Into<Name>, msg: impl Into<String>, kind: &'static str) -> Self {
        Self { loc: vec![place.into(), name.into()], msg: msg.into(), kind }
    }

    /// Creates the error of a member of the body.
    pub fn body(name: &'static str, msg: impl Into<String>, kind: &'static str) -> Self {
        Self::at("body", name, msg, kind)
    }

    /// Creates the error of a required value that is absent.
    pub fn missing(place: &'static str, name: impl Into<Name>) -> Self {
        Self::at(place, name, "Field required", "missing")
    }

    /// Creates the error of a member of the body with the wrong type.
    pub fn mistyped<T: JsonType>(name: impl Into<Name>) -> Self {
        Self::at("body", name, T::MESSAGE, T::KIND)
    }

    /// Creates the error of a password that violates the policy.
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
