//! `/users`: accounts and their public profiles.

mod body;
mod view;

use actix_web::{HttpRequest, delete, get, middleware::from_fn, patch, post, web::Data};
use keepstone_domain::{UserFilter, UserId};
use keepstone_service::{Accounts, Error, Idempotency, Limit, Sessions, Users};

pub use body::NewUserBody;
use body::{PasswordChangeBody, UserPatchBody, UserQuery};
use view::SightView;
pub use view::UserView;

use crate::{
    auth::SIGNED_UP,
    etag::{IfMatch, IfMatchHeader, IfNoneMatchHeader},
    extract::{Authenticated, IdPath, IdempotencyKeyHeader, Making, MaybeAuthenticated, Requester, Valid},
    page::{Listing, PageView, PagingQuery},
    problem::{ApiResult, FieldError, Problem},
    rate_limit::{limited, limited_if_anonymous},
    respond::{Accepted, Json, MessageView, NoContent, Once, Tagged},
    server::Options,
};

/// List users
///
/// Returns users, newest first. Requires `users:read`.
#[utoipa::path(
    tag = "users",
    operation_id = "listUsers",
    params(UserQuery, PagingQuery),
    responses(
        (status = OK, body = PageView<UserView>),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions"]))),
)]
#[get("")]
pub async fn list(
    caller: Authenticated,
    listing: Listing<UserFilter>,
    users: Data<Users>,
) -> ApiResult<Json<PageView<UserView>>> {
    let page = users.list(&caller, &listing.filter, &listing.page).await?;
    Ok(Json(listing.answer(page, |user| UserView::from(&user))))
}

/// Create a user
///
/// Creates an account. Without a token this is a sign-up, as `/auth/register`. With `users:create`, the caller creates
/// an account for another person and may set its role and activation.
#[utoipa::path(
    tag = "users",
    operation_id = "createUser",
    request_body = NewUserBody,
    params(IdempotencyKeyHeader),
    responses(
        (status = CREATED, body = UserView),
        (status = ACCEPTED, body = MessageView, description = "The response to every sign-up with `REGISTRATION_CONCEAL`; the result is sent by e-mail."),
    ),
    security((), ("oauth2" = [])),
    extensions(("x-problems" = json!(["email_already_registered", "email_taken", "username_taken", "insufficient_permissions", "registration_closed", "rate_limited"]))),
)]
#[post("", wrap = "from_fn(limited_if_anonymous(Limit::Register))")]
pub async fn create(
    caller: MaybeAuthenticated,
    user: Making<NewUserBody>,
    request: HttpRequest,
    services: (Data<Accounts>, Data<Users>, Data<Idempotency>),
    options: Data<Options>,
    requester: Requester,
) -> ApiResult<Once> {
    let (accounts, users, requests) = services;
    let (caller, client) = (caller.0, requester.0);
    if caller.is_none() && accounts.rules().conceals_registration {
        let make = async |registration, receipt| accounts.register_quietly(registration, &client, receipt).await;
        return user.once(&request, None, &requests, |(): &()| Accepted(SIGNED_UP).answer(), make).await;
    }
    let id = caller.as_ref().map(|caller| caller.user.id);
    let answer = move |user: &_| UserView::created(user, &options);
    user.once(&request, id, &requests, answer, async |registration, receipt| match &caller {
        Some(caller) => users.create(caller, registration, &client, receipt).await,
        None => accounts.register(registration, &client, receipt).await,
    })
    .await
}

/// Get your account
///
/// Returns the caller's account.
#[utoipa::path(
    tag = "users",
    operation_id = "getMe",
    params(IfNoneMatchHeader),
    responses(
        (status = OK, body = UserView),
    ),
    security(("oauth2" = [])),
)]
#[get("/me")]
pub async fn me(caller: Authenticated) -> Tagged<UserView> {
    Tagged::from(&*caller.user)
}

/// Update your account
///
/// Updates the caller's own account. Omitted members keep their values. Changing the address requires
/// `current_password`; the new address is confirmed by a link that is sent there.
#[utoipa::path(
    tag = "users",
    operation_id = "updateMe",
    request_body = UserPatchBody,
    params(IfMatchHeader),
    responses(
        (status = OK, body = SightView),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions", "current_password_required", "current_password_invalid", "email_taken", "username_taken", "last_admin", "rate_limited"]))),
)]
#[patch("/me")]
pub async fn update_me(
    caller: Authenticated,
    expected: IfMatch,
    patch: Valid<UserPatchBody>,
    users: Data<Users>,
    requester: Requester,
) -> ApiResult<Tagged<SightView>> {
    Ok(users.update(&caller, caller.user.id, expected.0, patch.0, &requester.0).await?.into())
}

/// Delete your account
///
/// Deletes the caller's own account and revokes its sessions. Its e-mail address and username become available again.
#[utoipa::path(
    tag = "users",
    operation_id = "deleteMe",
    params(IfMatchHeader),
    responses(
        (status = NO_CONTENT),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["last_admin"]))),
)]
#[delete("/me")]
pub async fn delete_me(
    caller: Authenticated,
    expected: IfMatch,
    users: Data<Users>,
    requester: Requester,
) -> ApiResult<NoContent> {
    users.delete(&caller, caller.user.id, expected.0, &requester.0).await?;
    Ok(NoContent)
}

/// Get a user
///
/// Returns a user; only the public profile unless it is your own or you have `users:read`.
#[utoipa::path(
    tag = "users",
    operation_id = "getUser",
    params(IfNoneMatchHeader, ("id" = uuid::Uuid, Path, description = "The id of the user.")),
    responses(
        (status = OK, body = SightView),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["user_not_found"]))),
)]
#[get("/{id}")]
pub async fn find(caller: Authenticated, id: IdPath<UserId>, users: Data<Users>) -> ApiResult<Tagged<SightView>> {
    Ok(users.find(&caller, id.0).await?.into())
}

/// Update a user
///
/// Updates a user. Requires `users:update`; changing roles, activation or passwords, or editing users who hold
/// `users:manage`, requires `users:manage`.
#[utoipa::path(
    tag = "users",
    operation_id = "updateUser",
    params(IfMatchHeader, ("id" = uuid::Uuid, Path, description = "The id of the user.")),
    request_body = UserPatchBody,
    responses(
        (status = OK, body = SightView),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions", "user_not_found", "current_password_required", "current_password_invalid", "email_taken", "username_taken", "last_admin", "rate_limited"]))),
)]
#[patch("/{id}")]
pub async fn update(
    caller: Authenticated,
    id: IdPath<UserId>,
    expected: IfMatch,
    patch: Valid<UserPatchBody>,
    users: Data<Users>,
    requester: Requester,
) -> ApiResult<Tagged<SightView>> {
    Ok(users.update(&caller, id.0, expected.0, patch.0, &requester.0).await?.into())
}

/// Delete a user
///
/// Deletes a user and revokes the user's sessions. Requires `users:manage`.
#[utoipa::path(
    tag = "users",
    operation_id = "deleteUser",
    params(IfMatchHeader, ("id" = uuid::Uuid, Path, description = "The id of the user.")),
    responses(
        (status = NO_CONTENT),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions", "user_not_found", "last_admin"]))),
)]
#[delete("/{id}")]
pub async fn delete(
    caller: Authenticated,
    id: IdPath<UserId>,
    expected: IfMatch,
    users: Data<Users>,
    requester: Requester,
) -> ApiResult<NoContent> {
    users.delete(&caller, id.0, expected.0, &requester.0).await?;
    Ok(NoContent)
}

/// Change your password
///
/// Changes the caller's password and revokes the caller's other sessions.
#[utoipa::path(
    tag = "users",
    operation_id = "changePassword",
    request_body = PasswordChangeBody,
    responses(
        (status = NO_CONTENT),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["current_password_invalid", "rate_limited"]))),
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

/// Revoke a user's sessions
///
/// Revokes every session of a user. Requires `users:manage`.
#[utoipa::path(
    tag = "users",
    operation_id = "revokeUserSessions",
    params(("id" = uuid::Uuid, Path, description = "The id of the user.")),
    responses(
        (status = NO_CONTENT),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions", "user_not_found"]))),
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
