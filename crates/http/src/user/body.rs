//! What is sent to make an account, and to change one.

use keepstone_domain::{DisplayName, Email, RoleName, SearchText, UserFilter, UserPatch, Username};
use keepstone_service::{NewPassword, Registration};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    field::{Checker, Field, Input},
    page::Filter,
    query::Query,
};

/// What it takes to make an account: to sign up, or with `users:create` for somebody else.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewUser)]
pub struct NewUserBody {
    /// Compared without case; unique.
    #[serde(default)]
    #[schema(required = true, value_type = String, format = "email", max_length = 254, example = "ada@example.com")]
    email: Field<String>,
    /// Any characters but NUL, taken as they are.
    #[serde(default)]
    #[schema(required = true, value_type = String, format = "password", min_length = 8, max_length = 128)]
    password: Field<String>,
    /// Compared without case; unique.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 3, max_length = 50, pattern = "^[A-Za-z0-9_.-]+$")]
    username: Field<String>,
    /// What the person is called; `full_name` is accepted too.
    #[serde(default, alias = "full_name")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    name: Field<String>,
    /// What the person may do. With `users:create` any role, `viewer` if left out; else the default role only.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 32, pattern = "^[A-Za-z0-9_-]+$")]
    role: Field<String>,
    /// Whether the person can log in, as is usual; `false` needs `users:create`.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    is_active: Field<bool>,
}

impl Input for NewUserBody {
    type Output = Registration;

    fn check(self, checker: &mut Checker) -> Option<Registration> {
        let email = checker.required("email", self.email, |text| Email::parse(&text));
        let password = checker.new_password("password", self.password);
        let username = checker.optional("username", self.username, |text| Username::parse(&text));
        let name = checker.optional("name", self.name, |text| DisplayName::parse(&text));
        let role = checker.optional("role", self.role, |text| RoleName::parse(&text));
        let is_active = checker.optional("is_active", self.is_active, Ok);
        Some(Registration {
            email: email?,
            password: password?,
            username: username?,
            name: name?,
            role: role?,
            is_active: is_active?,
        })
    }
}

/// What is to change about an account; what is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[schema(as = UserPatch)]
pub struct UserPatchBody {
    /// A new address, which is not verified until it is confirmed.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, format = "email", max_length = 254)]
    email: Field<String>,
    /// A new user name; null for none.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 3, max_length = 50, pattern = "^[A-Za-z0-9_.-]+$")]
    username: Field<String>,
    /// A new name; null for none. `full_name` is accepted too.
    #[serde(default, alias = "full_name")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    name: Field<String>,
    /// A new role. Needs `users:manage`, and is never one's own.
    #[serde(default)]
    #[schema(
        value_type = Option<String>,
        nullable = false,
        min_length = 1,
        max_length = 32,
        pattern = "^[A-Za-z0-9_-]+$",
    )]
    role: Field<String>,
    /// Whether the person can log in; `false` ends the sessions. Needs `users:manage`.
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
    is_active: Field<bool>,
}

impl Input for UserPatchBody {
    type Output = UserPatch;

    fn check(self, checker: &mut Checker) -> Option<UserPatch> {
        let email = checker.changed("email", self.email, |text| Email::parse(&text));
        let username = checker.changed_or_cleared("username", self.username, |text| Username::parse(&text));
        let name = checker.changed_or_cleared("name", self.name, |text| DisplayName::parse(&text));
        let role = checker.changed("role", self.role, |text| RoleName::parse(&text));
        let is_active = checker.changed("is_active", self.is_active, Ok);
        Some(UserPatch { email: email?, username: username?, name: name?, role: role?, is_active: is_active? })
    }
}

/// Which users are asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is described, and read by hand")]
pub struct UserQuery {
    /// Those who have this in their address, user name or name, without case. No character is special.
    #[param(max_length = 100)]
    search: Option<String>,
    /// Those of this role.
    #[param(max_length = 32, pattern = "^[A-Za-z0-9_-]*$")]
    role: Option<String>,
}

impl Filter for UserFilter {
    const NAMES: &'static [&'static str] = &["search", "role"];

    fn read(query: &mut Query<'_>) -> Option<Self> {
        let search = query.value("search", SearchText::parse);
        let role = query.value("role", RoleName::parse);
        Some(Self { search, role })
    }
}

/// What it takes to change one's password.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordChange)]
pub struct PasswordChangeBody {
    /// The password as it is; `currentPassword` is accepted too.
    #[serde(default, alias = "currentPassword")]
    #[schema(required = true, value_type = String, format = "password")]
    current_password: Field<String>,
    /// The password as it is to be; `newPassword` is accepted too.
    #[serde(default, alias = "newPassword")]
    #[schema(required = true, value_type = String, format = "password", min_length = 8, max_length = 128)]
    new_password: Field<String>,
}

impl Input for PasswordChangeBody {
    type Output = (SecretString, NewPassword);

    fn check(self, checker: &mut Checker) -> Option<Self::Output> {
        let current = checker.required("current_password", self.current_password, Ok);
        let new = checker.new_password("new_password", self.new_password);
        Some((current?.into(), new?))
    }
}
