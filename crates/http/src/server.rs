//! Putting it all together: the application that every worker runs, and the server around it.

use std::{net::TcpListener, sync::Arc, time::Duration};

use actix_cors::Cors;
use actix_web::{
    App,
    dev::Server,
    http::{Method, header},
    middleware::{NormalizePath, from_fn},
    web::{self, Data},
};
use keepstone_service::{Accounts, Audit, Health, Idempotency, Items, RateLimits, Sessions, Users};
use utoipa_actix_web::{AppExt, scope, service_config::ServiceConfig};

use crate::{
    audit, auth,
    client_address::Network,
    connection::{self, ConnectionLimits, Door},
    cursor::Cursors,
    docs::{self, Document},
    edge::edge,
    extract::IDEMPOTENCY_KEY,
    fallback::{KnownPaths, fallback},
    health, item, request_id,
    respond::TokenCase,
    user,
};

/// The use cases that the routes call.
#[derive(Clone)]
pub struct Parts {
    /// Getting an account and getting in.
    pub accounts: Arc<Accounts>,
    /// Staying in and getting out.
    pub sessions: Arc<Sessions>,
    /// The users.
    pub users: Arc<Users>,
    /// The items.
    pub items: Arc<Items>,
    /// The audit log.
    pub audit: Arc<Audit>,
    /// Requests that may be sent again.
    pub idempotency: Arc<Idempotency>,
    /// Places in lists.
    pub cursors: Cursors,
    /// The probes.
    pub health: Arc<Health>,
    /// How often the routes of `/auth` may be asked.
    pub limits: RateLimits,
}

/// What is configured about HTTP.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the API is called in its document.
    pub title: String,
    /// The version that is told.
    pub version: String,
    /// The environment that is told.
    pub environment: String,
    /// What every path of the API begins with: `/api/v1`, without a slash behind.
    pub api_prefix: String,
    /// How the members of token responses are spelt.
    pub token_case: TokenCase,
    /// Who may call from a browser.
    pub origins: Origins,
    /// Whether the OpenAPI document and its page are served.
    pub serves_docs: bool,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// How many connections there may be.
    pub connections: ConnectionLimits,
    /// How long the application may take over a request that has arrived.
    pub request_timeout: Duration,
    /// How long a request under way may take to end after the server was told to stop, in seconds.
    pub shutdown_timeout: u64,
}

/// Which pages may call the API from a browser.
#[derive(Debug, Clone)]
pub enum Origins {
    /// Any, but without credentials.
    Any,
    /// These, with credentials.
    Listed(Vec<String>),
}

/// All documented routes.
pub(crate) fn routes(api_prefix: &str) -> impl FnOnce(&mut ServiceConfig<'_>) + use<> {
    let auth = scope("/auth")
        .service(auth::register)
        .service(auth::login)
        .service(auth::refresh)
        .service(auth::logout)
        .service(auth::logout_all)
        .service(auth::list_sessions)
        .service(auth::end_session);
    let users = scope("/users")
        .service(user::list)
        .service(user::create)
        .service(user::me)
        .service(user::update_me)
        .service(user::delete_me)
        .service(user::change_password)
        .service(user::find)
        .service(user::update)
        .service(user::delete)
        .service(user::end_sessions);
    let items = scope("/items")
        .service(item::list)
        .service(item::create)
        .service(item::list_my)
        .service(item::search)
        .service(item::find)
        .service(item::update)
        .service(item::delete);
    let audit = scope("/audit").service(audit::list);
    let api = scope(api_prefix).service(auth).service(users).service(items).service(audit);
    move |config| {
        config.service(health::health).service(health::live).service(health::ready).service(auth::jwks).service(api);
    }
}

/// Serves on this listener. The server runs when it is awaited, and stops when its handle is told to.
///
/// # Errors
/// When the listener cannot be used.
pub fn bind(listener: TcpListener, parts: Parts, options: Options) -> std::io::Result<Server> {
    let document = docs::openapi(&options.api_prefix, &options.title, &options.version);
    let others = if options.serves_docs { docs::paths(&options.api_prefix) } else { Vec::new() };
    let known = Data::new(KnownPaths::of(&document, &others));
    let document = Data::new(Document(document.to_json().map_err(std::io::Error::other)?));
    let (options, cursors) = (Data::new(options), Data::new(parts.cursors.clone()));
    let door = Door {
        limits: options.connections,
        trusted_proxies: options.trusted_proxies.clone(),
        shutdown_timeout: options.shutdown_timeout,
    };
    connection::serve(listener, door, move || {
        let prefix = &options.api_prefix;
        let app = App::new()
            .app_data(Data::from(Arc::clone(&parts.accounts)))
            .app_data(Data::from(Arc::clone(&parts.sessions)))
            .app_data(Data::from(Arc::clone(&parts.users)))
            .app_data(Data::from(Arc::clone(&parts.items)))
            .app_data(Data::from(Arc::clone(&parts.audit)))
            .app_data(Data::from(Arc::clone(&parts.idempotency)))
            .app_data(cursors.clone())
            .app_data(Data::from(Arc::clone(&parts.health)))
            .app_data(Data::new(parts.limits.clone()))
            .app_data(options.clone())
            .app_data(known.clone())
            .app_data(document.clone())
            .into_utoipa_app()
            .configure(routes(prefix))
            .into_app();
        let app = if options.serves_docs { app.configure(docs::routes(prefix)) } else { app };
        app.default_service(web::to(fallback))
            .wrap(NormalizePath::trim())
            .wrap(cors(&options.origins))
            .wrap(from_fn(edge))
    })
}

fn cors(origins: &Origins) -> Cors {
    let cors = Cors::default()
        .allowed_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS])
        .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH, request_id::HEADER])
        .allowed_header(IDEMPOTENCY_KEY)
        .expose_headers([header::ETAG, header::LOCATION, header::RETRY_AFTER, request_id::HEADER])
        .max_age(600);
    match origins {
        Origins::Any => any_origin(cors),
        Origins::Listed(list) => {
            list.iter().fold(cors.supports_credentials(), |cors, origin| cors.allowed_origin(origin))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "sends `*` itself, which a browser never combines with credentials")]
fn any_origin(cors: Cors) -> Cors {
    cors.allow_any_origin().send_wildcard()
}
