//! The whole life of an account in one service: register, log in, read, refresh, log out, and reuse of a refresh token.
//!
//! Users and sessions are stored in memory. A real service needs a database, and a TLS proxy in front of the port.
//!
//! `cargo run -p keepstone-auth --features actix --example whole_life -- 8080` serves on that port. With `--demo`
//! instead of the port, the example runs through all steps over HTTP, and fails at the first unexpected response.
#![expect(clippy::disallowed_types, reason = "`web::Json` is banned for Keepstone's own handlers, not for yours")]

use std::collections::{HashMap, hash_map::Entry};
use std::error::Error;
use std::io::{Write, stdout};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use actix_web::dev::Server;
use actix_web::error::{ErrorConflict, ErrorServiceUnavailable, ErrorUnauthorized, ErrorUnprocessableEntity};
use actix_web::web::{Data, Json, ServiceConfig, get, post, resource};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Result, error::ErrorInternalServerError};
use keepstone_auth::actix::{Authenticated, Challenge, RequirePermission};
use keepstone_auth::error::RefreshError;
use keepstone_auth::password::{Hasher, Limits, PRODUCTION_BCRYPT_COST, PasswordHash, Passwords, Policy, Scheme};
use keepstone_auth::permission::{Permission, Roles};
use keepstone_auth::session::{Client, Grant, MemorySessionStore, SessionPolicy, Sessions, TokenPair};
use keepstone_auth::token::{Issuer, KeySet, Profile, Secret, SigningKey, TokenChain};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

type Fallible<T> = Result<T, Box<dyn Error>>;

const NOTES: Permission = Permission::new("notes:read");
const DRAFTS: Permission = Permission::new("drafts:read");

#[derive(Clone)]
struct User {
    hash: PasswordHash,
    role: &'static str,
}

struct Accounts {
    users: Mutex<HashMap<String, User>>,
    passwords: Passwords,
    roles: Roles,
    sessions: Sessions<MemorySessionStore>,
}

impl Accounts {
    fn users(&self) -> MutexGuard<'_, HashMap<String, User>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grant(&self, role: &'static str) -> Grant<'_> {
        Grant { role, scope: self.roles.scope(role).unwrap_or_default() }
    }
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

async fn register(Json(new): Json<Credentials>, accounts: Data<Accounts>) -> Result<HttpResponse> {
    if !(1..=64).contains(&new.name.len()) || !new.name.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(ErrorUnprocessableEntity("a name is 1 to 64 of a-z"));
    }
    Policy::default().check(&new.password).map_err(ErrorUnprocessableEntity)?;
    // Too many concurrent hashes are rejected. `PasswordError::Overloaded` contains the time for `Retry-After`.
    let hash = accounts.passwords.hash(new.password.into()).await.map_err(ErrorServiceUnavailable)?;
    match accounts.users().entry(new.name) {
        Entry::Occupied(_) => return Err(ErrorConflict("this name is taken")),
        Entry::Vacant(place) => place.insert(User { hash, role: "reader" }),
    };
    Ok(HttpResponse::Created().finish())
}

async fn login(Json(sent): Json<Credentials>, accounts: Data<Accounts>) -> Result<HttpResponse> {
    let user = accounts.users().get(&sent.name).cloned();
    // An unknown name is verified as well: it takes as long as a wrong password, with the same response.
    let hash = user.as_ref().map(|user| user.hash.clone());
    let verdict = accounts.passwords.verify(sent.password.into(), hash).await.map_err(ErrorServiceUnavailable)?;
    // With a database, store a new hash after `MatchOutdated`, and log the reason of `Refused`.
    let user = user.filter(|_| verdict.is_match()).ok_or_else(|| ErrorUnauthorized("wrong name or password"))?;
    let opened = accounts.sessions.open(&sent.name, &accounts.grant(user.role), Client::default()).await;
    Ok(token_response(&opened.map_err(ErrorInternalServerError)?.tokens))
}

#[derive(Deserialize)]
struct Renewal {
    refresh_token: String,
}

async fn refresh(Json(sent): Json<Renewal>, request: HttpRequest, accounts: Data<Accounts>) -> Result<HttpResponse> {
    // The response is the same for every fault of a token, so the client cannot learn the fault.
    let rejected = || ErrorUnauthorized("this refresh token is not valid");
    let presented = accounts.sessions.verify_refresh(&sent.refresh_token).map_err(|_| rejected())?;
    // Between the two steps: does the user still exist, and with which role?
    let role = accounts.users().get(presented.subject()).map(|user| user.role).ok_or_else(rejected)?;
    // A retry or a second tab receives the same refresh token for 10 s; with the key of the first request, for a
    // minute.
    let key = request.headers().get("Idempotency-Key").and_then(|key| key.to_str().ok());
    let refreshed = accounts.sessions.refresh(&presented, &accounts.grant(role), key).await;
    let tokens = refreshed.map_err(|error| match error {
        RefreshError::Revoked | RefreshError::Expired => rejected(),
        RefreshError::Reused { .. } => {
            eprintln!("security: a refresh token of {} was used again, its session has ended", presented.subject());
            rejected()
        }
        RefreshError::Issue(_) | RefreshError::Store(_) => ErrorInternalServerError(error),
    })?;
    Ok(token_response(&tokens))
}

fn token_response(tokens: &TokenPair) -> HttpResponse {
    let (access, refresh) = (tokens.access_token.expose_secret(), tokens.refresh_token.expose_secret());
    HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(json!({
        "token_type": "Bearer", "access_token": access, "expires_in": tokens.expires_in,
        "refresh_token": refresh, "scope": tokens.scope,
    }))
}

async fn logout(caller: Authenticated, accounts: Data<Accounts>) -> Result<HttpResponse> {
    accounts.sessions.log_out(&caller.subject, caller.session_id).await.map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn read(caller: Authenticated, accounts: Data<Accounts>) -> Result<String> {
    // An access token is valid until it expires. If the end of its session must take effect at once, check the session
    // too.
    let session = accounts.sessions.find(caller.session_id).await.map_err(ErrorInternalServerError)?;
    session.filter(|session| session.is_live(SystemTime::now())).ok_or(Challenge::Invalid)?;
    Ok(format!("nothing here yet, {}\n", caller.subject))
}

fn routes(routes: &mut ServiceConfig) {
    routes
        .route("/register", post().to(register))
        .route("/login", post().to(login))
        .route("/refresh", post().to(refresh))
        .route("/logout", post().to(logout))
        .service(resource("/notes").wrap(RequirePermission::new(NOTES)).route(get().to(read)))
        .service(resource("/drafts").wrap(RequirePermission::new(DRAFTS)).route(get().to(read)));
}

fn serve(listener: TcpListener) -> Fallible<Server> {
    // These sessions end with the process, so a random secret is enough. A real service configures one secret for all
    // nodes.
    let mut secret = vec![0; Secret::MIN_BYTES];
    aws_lc_rs::rand::fill(&mut secret)?;
    let secret = Secret::new(secret)?;
    let refresh_secret = secret.for_refresh_tokens();
    let (access, refresh) = (SigningKey::hs256(&secret), SigningKey::hs256(&refresh_secret));
    let profile = Profile::new("https://id.example.com", "notes", Duration::from_mins(10));
    let issuer = Issuer::new(KeySet::new(access), KeySet::new(refresh), profile)?;
    let verifier = Data::new(issuer.verifier().clone()); // used by `Authenticated` and `RequirePermission`
    let (store, chain) = (MemorySessionStore::default(), TokenChain::new(&refresh_secret));
    let accounts = Data::new(Accounts {
        users: Mutex::default(),
        passwords: Passwords::new(Hasher::new(Scheme::BCRYPT, PRODUCTION_BCRYPT_COST)?, Limits::new(2)),
        roles: Roles::new([("reader", vec![NOTES]), ("writer", vec![NOTES, DRAFTS])])?,
        sessions: Sessions::new(store, issuer, chain, SessionPolicy::default())?,
    });
    let app = move || App::new().app_data(Data::clone(&accounts)).app_data(Data::clone(&verifier)).configure(routes);
    Ok(HttpServer::new(app).workers(2).listen(listener)?.run())
}

#[actix_web::main]
async fn main() -> Fallible<()> {
    let argument = std::env::args().nth(1);
    if argument.as_deref() == Some("--demo") {
        return demo(stdout()).await;
    }
    let port: u16 = argument.map_or(Ok(8080), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    writeln!(stdout(), "http://{}", listener.local_addr()?)?;
    Ok(serve(listener)?.await?)
}

/// Serves on a free port and runs through the life of an account: a line per step, and an error at the first unexpected
/// response.
pub(crate) async fn demo(lines: impl Write) -> Fallible<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut demo = Demo { address: listener.local_addr()?, lines };
    actix_web::rt::spawn(serve(listener)?);
    let ada = |password: &str| json!({"name": "ada", "password": password}).to_string();
    let renewal = |token: &str| json!({"refresh_token": token}).to_string();

    demo.step(422, "register with a short password", "POST /register", "", &ada("horse")).await?;
    demo.step(201, "register", "POST /register", "", &ada("correct horse")).await?;
    demo.step(401, "log in with a wrong password", "POST /login", "", &ada("wrong horse")).await?;
    let [access, refresh] = demo.step(200, "log in", "POST /login", "", &ada("correct horse")).await?;
    demo.step(401, "read without a token", "GET /notes", "", "").await?;
    demo.step(200, "read", "GET /notes", &access, "").await?;
    demo.step(403, "read drafts, which requires another role", "GET /drafts", &access, "").await?;
    let [newer, next] = demo.step(200, "refresh", "POST /refresh", "", &renewal(&refresh)).await?;
    demo.step(200, "read with the new access token", "GET /notes", &newer, "").await?;
    let [_, same] = demo.step(200, "a second tab refreshes as well", "POST /refresh", "", &renewal(&refresh)).await?;
    if same != next {
        return Err("the second tab received a different refresh token".into());
    }
    let [newer, next] = demo.step(200, "refresh again", "POST /refresh", "", &renewal(&next)).await?;

    demo.step(401, "replay the old refresh token", "POST /refresh", "", &renewal(&refresh)).await?;
    demo.step(401, "its session has ended: the new refresh token", "POST /refresh", "", &renewal(&next)).await?;
    demo.step(401, "its session has ended: the new access token", "GET /notes", &newer, "").await?;
    demo.step(401, "its session has ended: the old access token", "GET /notes", &access, "").await?;

    let [access, refresh] = demo.step(200, "log in again", "POST /login", "", &ada("correct horse")).await?;
    demo.step(200, "read again", "GET /notes", &access, "").await?;
    demo.step(204, "log out", "POST /logout", &access, "").await?;
    demo.step(401, "logged out: the access token", "GET /notes", &access, "").await?;
    demo.step(401, "logged out: the refresh token", "POST /refresh", "", &renewal(&refresh)).await?;
    Ok(())
}

struct Demo<W> {
    address: SocketAddr,
    lines: W,
}

impl<W: Write> Demo<W> {
    /// Sends a request over its own connection. Returns the access and refresh token of the response, empty if it has
    /// none.
    async fn step(&mut self, expected: u16, what: &str, route: &str, token: &str, json: &str) -> Fallible<[String; 2]> {
        let head = format!("{route} HTTP/1.0\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n", json.len());
        let mut connection = TcpStream::connect(self.address).await?;
        connection.write_all(format!("{head}Content-Type: application/json\r\n\r\n{json}").as_bytes()).await?;
        let mut response = String::new();
        connection.read_to_string(&mut response).await?;
        let (head, body) = response.split_once("\r\n\r\n").ok_or("not an HTTP response")?;
        let status: u16 = head.split(' ').nth(1).ok_or("no status")?.parse()?;
        writeln!(self.lines, "{status} {what}")?;
        if status != expected {
            return Err(format!("{what}: {status} instead of {expected}").into());
        }
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let token = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Ok([token("access_token"), token("refresh_token")])
    }
}
