//! The request bodies that create and change an account.

use keepstone_domain::{DisplayName, Email, Invalid, RoleName, SearchText, UserFilter, UserPatch, Username};
use keepstone_service::{NewPassword, Registration, UserChange};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    closed_list::RoleSchema,
    field::{Checker, Field, Input},
    page::Filter,
    problem::NO_PASSWORD_HERE,
    query::Query,
};

/// A new account: your own, or with `users:create` that of another person.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewUser)]
pub struct NewUserBody {
    /// Unique, compared without case.
    #[serde(default)]
    #[schema(required = true, value_type = String, format = "idn-email", max_length = 254, example = "ada@example.com")]
    email: Field<String>,
    /// Any characters except NUL; never trimmed or truncated.
    #[serde(default)]
    #[schema(required = true, value_type = String, format = "password", min_length = 8, max_length = 128)]
    password: Field<String>,
    /// Unique, compared without case.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 3, max_length = 50, pattern = "^[A-Za-z0-9_.-]+$")]
    username: Field<String>,
    /// The display name; `full_name` is accepted too.
    #[serde(default, alias = "full_name")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    name: Field<String>,
    /// With `users:create` any role (`viewer` by default); otherwise only the default role.
    #[serde(default)]
    #[schema(value_type = Option<RoleSchema>)]
    role: Field<String>,
    /// Whether the user can log in (true by default); `false` requires `users:create`.
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

/// Changes of an account. Omitted members keep their values.
#[derive(Deserialize, ToSchema)]
#[schema(as = UserPatch)]
pub struct UserPatchBody {
    /// A new address. Changing your own requires `current_password`. If mail is configured, the new address is
    /// `pending_email` until it is confirmed by the link that is sent there.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, format = "idn-email", max_length = 254)]
    email: Field<String>,
    /// Null cancels the pending change of the address.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "idn-email", max_length = 254)]
    pending_email: Field<String>,
    /// Your current password, required to change your own address; `currentPassword` is accepted too.
    #[serde(default, alias = "currentPassword")]
    #[schema(value_type = Option<String>, format = "password")]
    current_password: Field<String>,
    /// A new password for another user, which revokes the user's sessions. Requires `users:manage`. Change your own at
    /// `/users/me/change-password`.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "password", min_length = 8, max_length = 128)]
    password: Field<String>,
    #[serde(default, alias = "newPassword")]
    #[schema(ignore)]
    new_password: Field<String>,
    /// A new username; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 3, max_length = 50, pattern = "^[A-Za-z0-9_.-]+$")]
    username: Field<String>,
    /// A new display name; null removes it. `full_name` is accepted too.
    #[serde(default, alias = "full_name")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    name: Field<String>,
    /// A new role. Requires `users:manage`; your own role cannot be changed.
    #[serde(default)]
    #[schema(value_type = Option<RoleSchema>, nullable = false)]
    role: Field<String>,
    /// Whether the user can log in; `false` revokes the sessions. Requires `users:manage`.
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
    is_active: Field<bool>,
}

impl Input for UserPatchBody {
    type Output = UserChange;

    fn check(self, checker: &mut Checker) -> Option<UserChange> {
        let email = checker.changed("email", self.email, |text| Email::parse(&text));
        let username = checker.changed_or_cleared("username", self.username, |text| Username::parse(&text));
        let name = checker.changed_or_cleared("name", self.name, |text| DisplayName::parse(&text));
        let role = checker.changed("role", self.role, |text| RoleName::parse(&text));
        let is_active = checker.changed("is_active", self.is_active, Ok);
        let current_password = checker.optional("current_password", self.current_password, Ok);
        let password = checker.optional("password", self.password, Ok);
        let no_other =
            checker.optional("new_password", self.new_password, |_| Err::<(), _>(Invalid::Malformed(NO_PASSWORD_HERE)));
        no_other?;
        Some(UserChange {
            patch: UserPatch { email: email?, username: username?, name: name?, role: role?, is_active: is_active? },
            drops_pending_email: matches!(self.pending_email, Field::Null),
            current_password: current_password?.map(SecretString::from),
            password: password?.map(SecretString::from),
        })
    }
}

/// The filter of a list of users.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its schema is used; the request is parsed by hand")]
pub struct UserQuery {
    /// Case-insensitive substring of the e-mail address, username or name. No character is special.
    #[param(max_length = 100)]
    search: Option<String>,
    /// Users with this role; it need not be in the configuration any more.
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

/// A password change.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordChange)]
pub struct PasswordChangeBody {
    /// The current password; `currentPassword` is accepted too.
    #[serde(default, alias = "currentPassword")]
    #[schema(required = true, value_type = String, format = "password")]
    current_password: Field<String>,
    /// The new password; `newPassword` is accepted too.
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
