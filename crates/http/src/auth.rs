//! `/auth`: registration, login, refresh, logout and sessions.

use actix_web::{
    HttpRequest, HttpResponse, delete, get,
    http::header::{CACHE_CONTROL, ContentType},
    middleware::from_fn,
    post,
    web::Data,
};
use keepstone_domain::{SessionId, Timestamp};
use keepstone_service::{Accounts, Caller, Client, Idempotency, Limit, SessionInfo, Sessions};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    extract::{
        Attempted, Authenticated, Grant, IdPath, IdempotencyKeyHeader, LoginJson, LogoutForm, LogoutJson,
        LogoutRequest, Making, RefreshJson, Requester, TokenForm, TokenRequest,
    },
    page::{Listing, PageView, PagingQuery},
    problem::{ApiResult, Problem},
    rate_limit::{self, limited, limited_by_grant},
    respond::{Accepted, Json, MessageView, NoContent, Once, TokenCase, Tokens, TokensView},
    server::Options,
    user::{NewUserBody, UserView},
};

/// A session of the caller.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionView {
    #[schema(value_type = uuid::Uuid)]
    id: SessionId,
    /// When the user logged in.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// When the tokens were last refreshed.
    #[schema(value_type = String, format = "date-time")]
    last_used_at: Timestamp,
    /// When the session expires at the latest.
    #[schema(value_type = String, format = "date-time")]
    expires_at: Timestamp,
    /// The address that the login came from.
    ip: Option<String>,
    /// The `User-Agent` of the login.
    user_agent: Option<String>,
    /// Whether this request belongs to the session.
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
#[expect(dead_code, reason = "only its schema is used; the keyring writes the body")]
pub struct JwkSetView {
    keys: Vec<JwkView>,
}

/// A public key (RFC 7517 section 4).
#[derive(ToSchema)]
#[schema(as = Jwk)]
#[expect(dead_code, reason = "only its schema is used; the keyring writes the body")]
pub struct JwkView {
    /// The key type.
    #[schema(example = "OKP")]
    kty: String,
    /// The key id, as in the header of a token.
    kid: String,
    /// The signature algorithm.
    #[schema(example = "EdDSA")]
    alg: String,
    /// Always `sig`.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    usage: String,
    /// The curve of an EC or OKP key.
    #[schema(nullable = false, example = "Ed25519")]
    crv: Option<String>,
    /// The x coordinate of an EC key, or an OKP key.
    #[schema(nullable = false, example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    x: Option<String>,
    /// The y coordinate of an EC key.
    #[schema(nullable = false)]
    y: Option<String>,
    /// The modulus of an RSA key.
    #[schema(nullable = false)]
    n: Option<String>,
    /// The exponent of an RSA key.
    #[schema(nullable = false)]
    e: Option<String>,
}

/// The response to every sign-up with `REGISTRATION_CONCEAL`.
pub const SIGNED_UP: &str = "Thank you. Check your e-mail for the next step.";

/// Register an account
///
/// Registers a new account. With `REGISTRATION_CONCEAL` the response is 202 whether or not the address is free; the
/// result is sent by e-mail.
#[utoipa::path(
    tag = "auth",
    operation_id = "registerAccount",
    request_body = NewUserBody,
    params(IdempotencyKeyHeader),
    responses(
        (status = CREATED, body = UserView),
        (status = ACCEPTED, body = MessageView, description = "The response to every sign-up with `REGISTRATION_CONCEAL`; the result is sent by e-mail."),
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
) -> ApiResult<Once> {
    if accounts.rules().conceals_registration {
        let make = async |registration, receipt| accounts.register_quietly(registration, &requester.0, receipt).await;
        return user.once(&request, None, &requests, |(): &()| Accepted(SIGNED_UP).answer(), make).await;
    }
    let answer = move |user: &_| UserView::created(user, &options);
    let make = async |registration, receipt| accounts.register(registration, &requester.0, receipt).await;
    user.once(&request, None, &requests, answer, make).await
}

/// Log in
///
/// Exchanges a password for an access token and a refresh token. Send JSON, or a form of OAuth 2
/// (RFC 6749) with either grant. Errors of a form are `application/json` and follow RFC 6749 section 5.2.
#[utoipa::path(
    tag = "auth",
    operation_id = "login",
    request_body(content((LoginJson = "application/json"), (TokenForm = "application/x-www-form-urlencoded"), (TokenForm = "multipart/form-data"))),
    responses(
        (status = OK, body = TokensView),
    ),
    security(()),
    extensions(("x-problems" = json!(["invalid_credentials", "user_inactive", "invalid_grant", "unsupported_grant_type", "rate_limited"]))),
)]
#[post("/login", wrap = "from_fn(limited_by_grant(Limit::Login))")]
pub async fn login(
    asked: TokenRequest<LoginJson>,
    request: HttpRequest,
    accounts: Data<Accounts>,
    sessions: Data<Sessions>,
    options: Data<Options>,
    requester: Requester,
) -> ApiResult<Tokens> {
    let exchange = Exchange { request: &request, accounts: &accounts, sessions: &sessions, client: &requester.0 };
    exchange.answer(asked, options.token_case).await
}

/// Refresh the tokens
///
/// Exchanges a refresh token for a new pair of tokens, by JSON or by a form of OAuth 2 (RFC 6749)
/// with either grant. The refresh token is consumed.
#[utoipa::path(
    tag = "auth",
    operation_id = "refreshTokens",
    request_body(content((RefreshJson = "application/json"), (TokenForm = "application/x-www-form-urlencoded"), (TokenForm = "multipart/form-data"))),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$", description = "The same key within a minute returns the same refresh token again.")),
    responses(
        (status = OK, body = TokensView),
    ),
    security(()),
    extensions(("x-problems" = json!(["token_invalid", "token_expired", "token_revoked", "refresh_token_reused", "invalid_grant", "unsupported_grant_type", "rate_limited"]))),
)]
#[post("/refresh", wrap = "from_fn(limited_by_grant(Limit::RefreshRequest))")]
pub async fn refresh(
    asked: TokenRequest<RefreshJson>,
    request: HttpRequest,
    accounts: Data<Accounts>,
    sessions: Data<Sessions>,
    options: Data<Options>,
    requester: Requester,
) -> ApiResult<Tokens> {
    let exchange = Exchange { request: &request, accounts: &accounts, sessions: &sessions, client: &requester.0 };
    exchange.answer(asked, options.token_case).await
}

/// The exchange of credentials for tokens, common to both routes of the token endpoint.
struct Exchange<'a> {
    request: &'a HttpRequest,
    accounts: &'a Accounts,
    sessions: &'a Sessions,
    client: &'a Client,
}

impl Exchange<'_> {
    async fn answer<J>(self, asked: TokenRequest<J>, case: TokenCase) -> ApiResult<Tokens> {
        let TokenRequest { grant, key, is_form, .. } = asked;
        let pair = match grant {
            Grant::Password { user, password } => {
                if is_form {
                    rate_limit::count(self.request, Limit::Login).await?;
                }
                self.accounts.login(user.as_ref(), password, self.client).await
            }
            Grant::RefreshToken(token) => self.sessions.refresh(&token, key.as_deref(), self.client).await,
        };
        let pair = pair.map_err(Problem::from);
        // The errors of a form are those of RFC 6749.
        let pair = if is_form { pair.map_err(Problem::into_oauth) } else { pair };
        Ok(Tokens { pair: pair?, case, is_form })
    }
}

/// Log out
///
/// Revokes the session of the access token, of the refresh token, or of both. A form revokes the session of its
/// `token` (RFC 7009). Idempotent.
#[utoipa::path(
    tag = "auth",
    operation_id = "logout",
    request_body(content((LogoutJson = "application/json"), (LogoutForm = "application/x-www-form-urlencoded"), (LogoutForm = "multipart/form-data"))),
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
    match body {
        LogoutRequest::Json(token) => sessions.log_out(caller.0, token.as_deref(), &requester.0).await?,
        LogoutRequest::Form(token) => sessions.revoke(&token, &requester.0).await?,
    }
    Ok(NoContent)
}

/// Log out everywhere
///
/// Revokes every session of the caller. Idempotent.
#[utoipa::path(
    tag = "auth",
    operation_id = "logoutEverywhere",
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

/// List your sessions
///
/// Returns the caller's active sessions, newest first.
#[utoipa::path(
    tag = "auth",
    operation_id = "listSessions",
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

/// Revoke one of your sessions
///
/// Revokes one of the caller's sessions. Its tokens stop working.
#[utoipa::path(
    tag = "auth",
    operation_id = "revokeSession",
    params(("id" = uuid::Uuid, Path, description = "The id of the session.")),
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

/// Get the public signing keys
///
/// Returns the public keys that verify access tokens, as a JWK set (RFC 7517). The set is empty when tokens are signed
/// with a shared secret (HS256).
#[utoipa::path(
    tag = "auth",
    operation_id = "getJwks",
    responses((status = OK, body = JwkSetView)),
    security(()),
)]
#[get("/.well-known/jwks.json")]
pub async fn jwks(sessions: Data<Sessions>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type(ContentType::json()).insert_header((CACHE_CONTROL, "public, max-age=300"));
    response.body(sessions.public_keys())
}
