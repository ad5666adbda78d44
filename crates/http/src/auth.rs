//! `/auth`: signing up, getting in, staying in, and getting out.

use std::collections::BTreeMap;

use actix_web::{
    Either, HttpRequest, HttpResponse, delete, get,
    http::header::{CACHE_CONTROL, ContentType},
    middleware::from_fn,
    post,
    web::Data,
};
use keepstone_domain::{SessionId, Timestamp};
use keepstone_service::{Accounts, Caller, Idempotency, Limit, SessionInfo, Sessions};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    extract::{
        Arrival, Attempted, Authenticated, IdPath, IdempotencyKey, IdempotencyKeyHeader, LoginForm, LoginJson,
        LoginRequest, LogoutJson, LogoutRequest, Making, RefreshForm, RefreshJson, RefreshRequest, Requester,
    },
    page::{Listing, PageView, PagingQuery},
    problem::{ApiResult, Problem},
    rate_limit::limited,
    respond::{Accepted, Json, MessageView, NoContent, Once, Tokens, TokensView},
    server::Options,
    user::{NewUserBody, UserView},
};

/// One of the caller's own sessions.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionView {
    #[schema(value_type = uuid::Uuid)]
    id: SessionId,
    /// When the user logged in.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// When its tokens were last refreshed.
    #[schema(value_type = String, format = "date-time")]
    last_used_at: Timestamp,
    /// When it ends whatever happens.
    #[schema(value_type = String, format = "date-time")]
    expires_at: Timestamp,
    /// The address that the login came from.
    ip: Option<String>,
    /// What the client called itself.
    user_agent: Option<String>,
    /// Whether it is the session of this request.
    current: bool,
}

impl SessionView {
    fn new(session: SessionInfo, caller: &Caller) -> Self {
        let id = SessionId::from(session.id);
        Self {
            id,
            created_at: session.created_at.into(),
            last_used_at: session.last_used_at.into(),
            expires_at: session.expires_at.into(),
            ip: session.client.ip,
            user_agent: session.client.user_agent,
            current: id == caller.session_id,
        }
    }
}

/// A JWK set (RFC 7517 section 5).
#[derive(ToSchema)]
#[schema(as = JwkSet)]
#[expect(dead_code, reason = "it is described; the keyring writes it")]
pub struct JwkSetView {
    /// The keys, each with its `kid`, `kty`, `alg`, `use` and what its type has.
    keys: Vec<BTreeMap<String, String>>,
}

/// What everybody is told who signs up where sign-ups are concealed.
pub const SIGNED_UP: &str = "Thank you. Look for an e-mail that says how to go on";

/// Signs somebody up.
#[utoipa::path(
    tag = "auth",
    request_body = NewUserBody,
    params(IdempotencyKeyHeader),
    responses(
        (status = CREATED, body = UserView),
        (status = ACCEPTED, body = MessageView, description = "The answer to everybody where sign-ups are concealed: the rest is said by e-mail"),
    ),
    security(()),
    extensions(("x-problems" = json!(["email_already_registered", "username_taken", "insufficient_permissions", "registration_closed", "rate_limited"]))),
)]
#[post("/register", wrap = "from_fn(limited(Limit::Register))")]
pub async fn register(
    user: Making<NewUserBody>,
    request: HttpRequest,
    accounts: Data<Accounts>,
    requests: Data<Idempotency>,
    options: Data<Options>,
    requester: Requester,
) -> ApiResult<Either<Once, Accepted>> {
    if accounts.rules().conceals_registration {
        accounts.register_quietly(user.body, &requester.0).await?;
        return Ok(Either::Right(Accepted(SIGNED_UP)));
    }
    let answer = move |user: &_| UserView::created(user, &options);
    let make = async |registration, receipt| accounts.register(registration, &requester.0, receipt).await;
    user.once(&request, None, &requests, answer, make).await.map(Either::Left)
}

/// Logs somebody in, by JSON or by OAuth 2's password form.
#[utoipa::path(
    tag = "auth",
    request_body(content((LoginJson = "application/json"), (LoginForm = "application/x-www-form-urlencoded"))),
    responses(
        (status = OK, body = TokensView),
    ),
    security(()),
    extensions(("x-problems" = json!(["invalid_credentials", "user_inactive", "invalid_grant", "unsupported_grant_type", "rate_limited"]))),
)]
#[post("/login", wrap = "from_fn(limited(Limit::Login))")]
pub async fn login(
    login: LoginRequest,
    accounts: Data<Accounts>,
    options: Data<Options>,
    requester: Requester,
) -> ApiResult<Tokens> {
    let LoginRequest { login, password, is_form } = login;
    let pair = accounts.login(login.as_ref(), password, &requester.0).await;
    Ok(Tokens { pair: in_form(pair.map_err(Problem::from), is_form)?, case: options.token_case, is_form })
}

/// Exchanges a refresh token for the next pair, by JSON or by OAuth 2's form.
#[utoipa::path(
    tag = "auth",
    request_body(content((RefreshJson = "application/json"), (RefreshForm = "application/x-www-form-urlencoded"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again within a minute, it gives the same pair")),
    responses(
        (status = OK, body = TokensView),
    ),
    security(()),
    extensions(("x-problems" = json!(["token_invalid", "token_expired", "token_revoked", "refresh_token_rotated", "refresh_token_reused", "invalid_grant", "unsupported_grant_type", "rate_limited"]))),
)]
#[post("/refresh", wrap = "from_fn(limited(Limit::RefreshRequest))")]
pub async fn refresh(
    arrival: Arrival,
    refresh: RefreshRequest,
    key: IdempotencyKey,
    sessions: Data<Sessions>,
    options: Data<Options>,
    requester: Requester,
) -> ApiResult<Tokens> {
    let RefreshRequest { refresh_token, is_form } = refresh;
    let pair = sessions.refresh(&refresh_token, arrival.0, key.0.as_deref(), &requester.0).await;
    Ok(Tokens { pair: in_form(pair.map_err(Problem::from), is_form)?, case: options.token_case, is_form })
}

/// Ends the session of the access token, of the refresh token, or of both. Twice is no error.
#[utoipa::path(
    tag = "auth",
    request_body(content = LogoutJson, content_type = "application/json"),
    responses(
        (status = NO_CONTENT),
    ),
    security((), ("oauth2" = [])),
    extensions(("x-problems" = json!(["not_authenticated", "rate_limited"]))),
)]
#[post("/logout", wrap = "from_fn(limited(Limit::Session))")]
pub async fn logout(
    caller: Attempted,
    body: LogoutRequest,
    sessions: Data<Sessions>,
    requester: Requester,
) -> ApiResult<NoContent> {
    sessions.log_out(caller.0, body.0.as_deref(), &requester.0).await?;
    Ok(NoContent)
}

/// Ends every session of the caller. Twice is no error.
#[utoipa::path(
    tag = "auth",
    responses(
        (status = NO_CONTENT),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["rate_limited"]))),
)]
#[post("/logout-all", wrap = "from_fn(limited(Limit::Session))")]
pub async fn logout_all(caller: Attempted, sessions: Data<Sessions>, requester: Requester) -> ApiResult<NoContent> {
    sessions.log_out_everywhere(caller.0, &requester.0).await?;
    Ok(NoContent)
}

/// Lists the caller's sessions, newest first.
#[utoipa::path(
    tag = "auth",
    params(PagingQuery),
    responses(
        (status = OK, body = PageView<SessionView>),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["rate_limited"]))),
)]
#[get("/sessions", wrap = "from_fn(limited(Limit::Session))")]
pub async fn list_sessions(
    caller: Authenticated,
    listing: Listing,
    sessions: Data<Sessions>,
) -> ApiResult<Json<PageView<SessionView>>> {
    let page = sessions.list(&caller, &listing.page).await?;
    Ok(Json(listing.answer(page, |session| SessionView::new(session, &caller))))
}

/// Ends one of the caller's sessions.
#[utoipa::path(
    tag = "auth",
    params(("id" = uuid::Uuid, Path, description = "The session's id")),
    responses(
        (status = NO_CONTENT),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["session_not_found", "rate_limited"]))),
)]
#[delete("/sessions/{id}", wrap = "from_fn(limited(Limit::Session))")]
pub async fn end_session(
    caller: Authenticated,
    id: IdPath<SessionId>,
    sessions: Data<Sessions>,
    requester: Requester,
) -> ApiResult<NoContent> {
    sessions.end_own(&caller, id.0, &requester.0).await?;
    Ok(NoContent)
}

/// Gives the public keys that access tokens are signed with (RFC 7517): none, if they are signed with a secret.
#[utoipa::path(
    tag = "auth",
    responses((status = OK, body = JwkSetView)),
    security(()),
)]
#[get("/.well-known/jwks.json")]
pub async fn jwks(sessions: Data<Sessions>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type(ContentType::json()).insert_header((CACHE_CONTROL, "public, max-age=300"));
    response.body(sessions.public_keys())
}

/// The errors of a form are those of RFC 6749.
fn in_form<T>(outcome: ApiResult<T>, is_form: bool) -> ApiResult<T> {
    if is_form { outcome.map_err(Problem::into_oauth) } else { outcome }
}
