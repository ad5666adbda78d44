//! `/users`: accounts, as others and their owners see them.

use actix_web::{delete, get, middleware::from_fn, post, web::Data};
use keepstone_domain::{DisplayName, Email, RoleName, Timestamp, User, UserId, Username};
use keepstone_service::{Accounts, Error, Limit, NewPassword, Registration, Sessions, Sight, Users};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    extract::{Authenticated, IdPath, MaybeAuthenticated, Requester, Valid},
    field::{Checker, Field, Input},
    problem::{ApiResult, FieldError, Problem, ProblemView},
    rate_limit::{limited, limited_if_anonymous},
    respond::{Created, Json, NoContent},
    server::Options,
};

/// An account, as its owner and those with `users:read` see it.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    #[schema(format = "email", example = "ada@example.com")]
    email: String,
    username: Option<String>,
    name: Option<String>,
    #[schema(example = "user")]
    role: String,
    is_active: bool,
    email_verified: bool,
    #[schema(required = true, value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(required = true, value_type = String, format = "date-time")]
    updated_at: Timestamp,
    #[schema(value_type = Option<String>, format = "date-time")]
    deleted_at: Option<Timestamp>,
}

/// An account, as everybody who is signed in sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicUser)]
pub struct PublicUserView {
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    username: Option<String>,
    name: Option<String>,
    #[schema(required = true, value_type = String, format = "date-time")]
    created_at: Timestamp,
}

/// As much of an account as the caller may see.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = UserOrPublicUser)]
pub enum SightView {
    /// One's own, or any with `users:read`.
    Whole(UserView),
    /// Anybody else's.
    Public(PublicUserView),
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        Self {
            id: user.id,
            email: user.email.to_string(),
            username: user.username.as_ref().map(ToString::to_string),
            name: user.name.as_ref().map(ToString::to_string),
            role: user.role.to_string(),
            is_active: user.is_active,
            email_verified: user.email_verified,
            created_at: user.created_at,
            updated_at: user.updated_at,
            deleted_at: user.deleted_at,
        }
    }
}

impl From<Sight> for SightView {
    fn from(sight: Sight) -> Self {
        match sight {
            Sight::Whole(user) => Self::Whole(UserView::from(&user)),
            Sight::Public(user) => Self::Public(PublicUserView {
                id: user.id,
                username: user.username.map(|name| name.to_string()),
                name: user.name.map(|name| name.to_string()),
                created_at: user.created_at,
            }),
        }
    }
}

impl Created<UserView> {
    /// A new account, and its path.
    pub fn user(user: User, options: &Options) -> Self {
        let location = format!("{}/users/{}", options.api_prefix, user.id);
        Self { body: UserView::from(&user), location }
    }
}

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
    #[schema(value_type = Option<String>)]
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

/// Makes an account: anybody for themselves, as `/auth/register` does, or with `users:create` for somebody else.
#[utoipa::path(
    tag = "users",
    request_body = NewUserBody,
    responses(
        (status = CREATED, body = UserView),
        (status = "4XX", body = ProblemView, content_type = "application/problem+json"),
    ),
    security((), ("oauth2" = [])),
)]
#[post("", wrap = "from_fn(limited_if_anonymous(Limit::Register))")]
pub async fn create(
    caller: MaybeAuthenticated,
    registration: Valid<NewUserBody>,
    accounts: Data<Accounts>,
    users: Data<Users>,
    options: Data<Options>,
    requester: Requester,
) -> ApiResult<Created<UserView>> {
    let user = match caller.0 {
        Some(caller) => users.create(&caller, registration.0, &requester.0).await?,
        None => accounts.register(registration.0, &requester.0).await?,
    };
    Ok(Created::user(user, &options))
}

/// Tells who the caller is.
#[utoipa::path(
    tag = "users",
    responses(
        (status = OK, body = UserView),
        (status = "4XX", body = ProblemView, content_type = "application/problem+json"),
    ),
    security(("oauth2" = [])),
)]
#[get("/me")]
pub async fn me(caller: Authenticated) -> Json<UserView> {
    Json(UserView::from(&*caller.user))
}

/// Tells about one user: everything about oneself or with `users:read`, else only who it is.
#[utoipa::path(
    tag = "users",
    params(("id" = uuid::Uuid, Path, description = "The user's id")),
    responses(
        (status = OK, body = SightView),
        (status = "4XX", body = ProblemView, content_type = "application/problem+json"),
    ),
    security(("oauth2" = [])),
)]
#[get("/{id}")]
pub async fn find(caller: Authenticated, id: IdPath<UserId>, users: Data<Users>) -> ApiResult<Json<SightView>> {
    let sight = users.find(&caller, id.0).await?;
    Ok(Json(sight.into()))
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

/// Changes the caller's password, and ends the caller's other sessions.
#[utoipa::path(
    tag = "users",
    request_body = PasswordChangeBody,
    responses(
        (status = NO_CONTENT),
        (status = "4XX", body = ProblemView, content_type = "application/problem+json"),
    ),
    security(("oauth2" = [])),
)]
#[post("/me/change-password", wrap = "from_fn(limited(Limit::Password))")]
pub async fn change_password(
    caller: Authenticated,
    passwords: Valid<PasswordChangeBody>,
    accounts: Data<Accounts>,
    requester: Requester,
) -> ApiResult<NoContent> {
    let (current, new) = passwords.0;
    accounts.change_password(&caller, current, new, &requester.0).await.map_err(|error| match error {
        Error::Password(violation) => Problem::validation(vec![FieldError::password("new_password", &violation)]),
        other => other.into(),
    })?;
    Ok(NoContent)
}

/// Ends every session of a user. Needs `users:manage`.
#[utoipa::path(
    tag = "users",
    params(("id" = uuid::Uuid, Path, description = "The user's id")),
    responses(
        (status = NO_CONTENT),
        (status = "4XX", body = ProblemView, content_type = "application/problem+json"),
    ),
    security(("oauth2" = [])),
)]
#[delete("/{id}/sessions")]
pub async fn end_sessions(
    caller: Authenticated,
    id: IdPath<UserId>,
    sessions: Data<Sessions>,
    requester: Requester,
) -> ApiResult<NoContent> {
    sessions.end_all_of(&caller, id.0, &requester.0).await?;
    Ok(NoContent)
}
