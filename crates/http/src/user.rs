//! `/users`: accounts, as others and their owners see and change them.

mod body;
mod view;

use actix_web::{Either, HttpRequest, delete, get, middleware::from_fn, patch, post, web::Data};
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

/// Lists the users, newest first. Needs `users:read`.
#[utoipa::path(
    tag = "users",
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

/// Makes an account: anybody for themselves, as `/auth/register` does, or with `users:create` for somebody else.
#[utoipa::path(
    tag = "users",
    request_body = NewUserBody,
    params(IdempotencyKeyHeader),
    responses(
        (status = CREATED, body = UserView),
        (status = ACCEPTED, body = MessageView, description = "The answer to every sign-up where these are concealed: the rest is said by e-mail"),
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
) -> ApiResult<Either<Once, Accepted>> {
    let (accounts, users, requests) = services;
    let (caller, client) = (caller.0, requester.0);
    if caller.is_none() && accounts.rules().conceals_registration {
        accounts.register_quietly(user.body, &client).await?;
        return Ok(Either::Right(Accepted(SIGNED_UP)));
    }
    let id = caller.as_ref().map(|caller| caller.user.id);
    let answer = move |user: &_| UserView::created(user, &options);
    user.once(&request, id, &requests, answer, async |registration, receipt| match &caller {
        Some(caller) => users.create(caller, registration, &client, receipt).await,
        None => accounts.register(registration, &client, receipt).await,
    })
    .await
    .map(Either::Left)
}

/// Tells who the caller is.
#[utoipa::path(
    tag = "users",
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

/// Changes the caller's own account.
#[utoipa::path(
    tag = "users",
    request_body = UserPatchBody,
    params(IfMatchHeader),
    responses(
        (status = OK, body = SightView),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions", "email_taken", "username_taken", "last_admin", "rate_limited"]))),
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

/// Deletes the caller's own account, and ends its sessions. Its address and user name are free again.
#[utoipa::path(
    tag = "users",
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

/// Tells about one user: everything about oneself or with `users:read`, else only who it is.
#[utoipa::path(
    tag = "users",
    params(IfNoneMatchHeader, ("id" = uuid::Uuid, Path, description = "The user's id")),
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

/// Changes a user. Needs `users:update`; role and state, and everything about those who have it, need `users:manage`.
#[utoipa::path(
    tag = "users",
    params(IfMatchHeader, ("id" = uuid::Uuid, Path, description = "The user's id")),
    request_body = UserPatchBody,
    responses(
        (status = OK, body = SightView),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions", "user_not_found", "email_taken", "username_taken", "last_admin", "rate_limited"]))),
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

/// Deletes a user, and ends their sessions. Needs `users:manage`.
#[utoipa::path(
    tag = "users",
    params(IfMatchHeader, ("id" = uuid::Uuid, Path, description = "The user's id")),
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

/// Changes the caller's password, and ends the caller's other sessions.
#[utoipa::path(
    tag = "users",
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

/// Ends every session of a user. Needs `users:manage`.
#[utoipa::path(
    tag = "users",
    params(("id" = uuid::Uuid, Path, description = "The user's id")),
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
