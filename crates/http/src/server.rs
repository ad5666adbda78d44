//! The application that every worker runs, and the server around it.

use std::{net::TcpListener, sync::Arc, time::Duration};

use actix_web::{
    App,
    dev::Server,
    web::{self, Data},
};
use keepstone_service::{
    Accounts, Audit, Exports, Health, Idempotency, Items, Jobs, Letters, MailProof, RateLimits, Sessions, Users,
};
use utoipa_actix_web::{AppExt, scope, service_config::ServiceConfig};

use crate::{
    audit, auth,
    client_address::Network,
    connection::{self, ConnectionLimits, Door},
    cors::Origins,
    cursor::Cursors,
    docs::{self, Document, Script},
    document::DocumentOptions,
    export,
    extract::BodyLimit,
    fallback::{KnownPaths, fallback},
    health, item, job,
    layers::layered,
    letter, mail_proof, mail_proof_page, problem_page,
    respond::TokenCase,
    user,
};

/// The use cases that the routes call.
#[derive(Clone)]
pub struct Parts {
    /// Registration, login and password changes.
    pub accounts: Arc<Accounts>,
    /// Session lifecycle.
    pub sessions: Arc<Sessions>,
    /// User accounts.
    pub users: Arc<Users>,
    /// Items.
    pub items: Arc<Items>,
    /// Operations authorized by a token from an e-mail.
    pub mail_proof: Arc<MailProof>,
    /// E-mails written by callers.
    pub letters: Arc<Letters>,
    /// Background jobs.
    pub jobs: Arc<Jobs>,
    /// Exports of the data stored about a user.
    pub exports: Arc<Exports>,
    /// The audit log.
    pub audit: Arc<Audit>,
    /// Idempotency keys and their responses.
    pub idempotency: Arc<Idempotency>,
    /// The cursors of lists.
    pub cursors: Cursors,
    /// Liveness and readiness.
    pub health: Arc<Health>,
    /// The rate limits of single routes.
    pub limits: RateLimits,
}

/// The configuration of the HTTP layer.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name of the API, as the OpenAPI document has it.
    pub title: String,
    /// The version that `/health` returns.
    pub version: String,
    /// The environment that `/health` returns.
    pub environment: String,
    /// The prefix of every path of the API: `/api/v1`, without a trailing slash.
    pub api_prefix: String,
    /// The path of the public URL, behind a proxy that strips it: empty, or `/svc` without a trailing slash.
    pub base_path: String,
    /// The spelling of the members of token responses.
    pub token_case: TokenCase,
    /// The origins whose pages may call the API.
    pub origins: Origins,
    /// The settings that the OpenAPI document depends on.
    pub document: DocumentOptions,
    /// Whether the OpenAPI document and its pages are served.
    pub serves_docs: bool,
    /// The script of `/redoc`.
    pub redoc_script: Script,
    /// Whether this is production, where the server warns of proxies that are not trusted.
    pub is_production: bool,
    /// The networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted.
    pub trusted_proxies: Vec<Network>,
    /// The limits on the number of connections.
    pub connections: ConnectionLimits,
    /// The time that the application has for a request that has arrived.
    pub request_timeout: Duration,
    /// The time that requests in progress have to complete on shutdown, in seconds.
    pub shutdown_timeout: u64,
}

impl Options {
    /// Returns the public form of a path of this server.
    #[must_use]
    pub fn public_path(&self, path: &str) -> String {
        format!("{}{path}", self.base_path)
    }

    /// Returns the public form of a path below the API's prefix.
    #[must_use]
    pub fn api_path(&self, path: &str) -> String {
        format!("{}{}{path}", self.base_path, self.api_prefix)
    }
}

/// Registers all documented routes.
pub(crate) fn routes(api_prefix: &str) -> impl FnOnce(&mut ServiceConfig<'_>) + use<> {
    let auth = scope("/auth")
        .app_data(BodyLimit::SMALL)
        .service(auth::register)
        .service(auth::login)
        .service(auth::refresh)
        .service(auth::logout)
        .service(auth::logout_all)
        .service(auth::list_sessions)
        .service(auth::end_session)
        .service(mail_proof::request_verification)
        .service(mail_proof::verify_email)
        .service(mail_proof::request_reset)
        .service(mail_proof::reset_password)
        .service(mail_proof::undo_email_change);
    let users = scope("/users")
        .service(user::list)
        .service(user::create)
        .service(user::me)
        .service(user::update_me)
        .service(user::delete_me)
        .service(user::change_password)
        .service(export::export_me)
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
    let jobs = scope("/jobs").service(job::list).service(job::retry);
    let api = scope(api_prefix).service(auth).service(users).service(items).service(audit).service(jobs);
    let api = api.service(letter::send);
    move |config| {
        config.service(health::health).service(health::live).service(health::ready).service(auth::jwks).service(api);
    }
}

/// Creates a server on this listener. It runs while it is awaited, and stops by its handle.
///
/// # Errors
/// If the listener cannot be used.
pub fn bind(listener: TcpListener, parts: Parts, options: Options) -> std::io::Result<Server> {
    let document = docs::openapi(&options.document);
    let mut others: Vec<String> = problem_page::PATHS.map(str::to_owned).into();
    others.extend(mail_proof_page::paths(&options.api_prefix));
    if options.serves_docs {
        others.extend(docs::paths(&options.api_prefix));
    }
    let known = Data::new(KnownPaths::of(&document, &others));
    let document = Data::new(Document(document.to_json().map_err(std::io::Error::other)?.into()));
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
            .app_data(Data::from(Arc::clone(&parts.mail_proof)))
            .app_data(Data::from(Arc::clone(&parts.letters)))
            .app_data(Data::from(Arc::clone(&parts.jobs)))
            .app_data(Data::from(Arc::clone(&parts.exports)))
            .app_data(Data::from(Arc::clone(&parts.audit)))
            .app_data(Data::from(Arc::clone(&parts.idempotency)))
            .app_data(cursors.clone())
            .app_data(Data::from(Arc::clone(&parts.health)))
            .app_data(Data::new(parts.limits.clone()))
            .app_data(options.clone())
            .app_data(known.clone())
            .app_data(document.clone())
            .configure(problem_page::routes)
            // Before the API, whose scope handles everything below its prefix.
            .configure(mail_proof_page::routes(prefix));
        let app = if options.serves_docs { app.configure(docs::routes(&options)) } else { app };
        let app = app.into_utoipa_app().configure(routes(prefix)).into_app();
        layered(app.default_service(web::to(fallback)), &options.origins)
    })
}
