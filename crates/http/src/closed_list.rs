//! Closed lists of names, each as a named schema with an `enum`. The names are those of the domain's types.

use std::borrow::Cow;

use keepstone_domain::{AuditKind, JobState, SessionEnd};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Object, ObjectBuilder, RefOr, Schema, schema::Type},
};

use crate::{code::Code, extract::GRANT_TYPES};

/// Returns the schema of a string that is one of these names.
#[must_use]
pub fn one_of<'a>(description: &str, names: impl IntoIterator<Item = &'a str>) -> Object {
    let object = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    object.enum_values(Some(names)).build()
}

macro_rules! closed_list {
    ($type:ident, $name:literal, $description:literal, $names:expr) => {
        #[doc = $description]
        pub struct $type;

        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                Schema::from(one_of($description, $names)).into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    };
}

closed_list!(AuditKindSchema, "AuditKind", "The type of an event.", AuditKind::ALL.map(AuditKind::name));
closed_list!(CodeSchema, "ProblemCode", "The stable code of a problem.", Code::ALL.iter().map(|code| code.name()));
closed_list!(GrantTypeSchema, "GrantType", "What a form exchanges for tokens.", GRANT_TYPES);
closed_list!(
    JobStateSchema,
    "JobState",
    "The state of a job; `dead` after ten attempts.",
    JobState::ALL.map(JobState::name)
);
closed_list!(SessionEndSchema, "SessionEnd", "Why a session was ended.", SessionEnd::ALL.map(SessionEnd::name));

/// The role of a user. Its names are those of the configuration.
pub struct RoleSchema;

impl RoleSchema {
    /// Returns the schema of these roles.
    #[must_use]
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Object {
        one_of("The role of a user.", names)
    }
}

impl PartialSchema for RoleSchema {
    fn schema() -> RefOr<Schema> {
        Schema::from(Self::of([])).into()
    }
}

impl ToSchema for RoleSchema {
    fn name() -> Cow<'static, str> {
        "Role".into()
    }
}
