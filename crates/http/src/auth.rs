//! `/auth`: signing up and logging in.

use actix_web::{HttpRequest, http::header::USER_AGENT, post, web::Data};
use keepstone_service::{Accounts, Client};

use crate::{
    extract::{LoginBody, LoginRequest, Valid},
    problem::{ApiResult, Problem, ProblemView},
    respond::{Created, Tokens, TokensView},
    server::Options,
    user::{NewUserBody, UserView},
};

/// Signs somebody up.
#[utoipa::path(
    tag = "auth",
    request_body = NewUserBody,
    responses(
        (status = CREATED, body = UserView),
        (status = "4XX", body = ProblemView, content_type = "application/problem+json"),
    ),
    security(()),
)]
#[post("/register")]
pub async fn register(
    registration: Valid<NewUserBody>,
    accounts: Data<Accounts>,
    options: Data<Options>,
) -> ApiResult<Created<UserView>> {
    let user = accounts.register(registration.0).await?;
    Ok(Created::user(user, &options))
}

/// Logs somebody in, by JSON or by OAuth 2's password form.
#[utoipa::path(
    tag = "auth",
    request_body(content((LoginBody = "application/json"), (LoginBody = "application/x-www-form-urlencoded"))),
    responses(
        (status = OK, body = TokensView),
        (status = "4XX", body = ProblemView, content_type = "application/problem+json"),
    ),
    security(()),
)]
#[post("/login")]
pub async fn login(
    login: LoginRequest,
    accounts: Data<Accounts>,
    options: Data<Options>,
    request: HttpRequest,
) -> ApiResult<Tokens> {
    let LoginRequest { login, password, is_form } = login;
    let pair = accounts.login(login.as_ref(), password, client(&request)).await.map_err(Problem::from);
    let pair = if is_form { pair.map_err(Problem::into_oauth)? } else { pair? };
    Ok(Tokens { pair, case: options.token_case, is_form })
}

/// Where a request comes from. Forwarded headers are what anybody can send, so they are not read.
fn client(request: &HttpRequest) -> Client {
    let user_agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    Client {
        ip: request.peer_addr().map(|address| address.ip().to_string()),
        user_agent: user_agent.map(str::to_owned),
    }
}
