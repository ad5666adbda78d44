//! `serve`: start, announce, run, and end without losing a request.

use std::{
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use actix_web::dev::ServerHandle;
use keepstone_auth::token::Keyring;
use keepstone_http::{Network, Options, Origins, Parts, Script, TokenCase};
use keepstone_persistence::{DatabaseUrl, DieselStore};
use keepstone_repository::Store;
use keepstone_service::{Health, Sessions};
use serde_json::json;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};

use crate::{
    cli::Serve,
    compose,
    failure::Failure,
    keys, logging, output,
    settings::{self, ResponseCase, Settings},
};

/// How long a request under way may take to end once the server was told to stop.
const SHUTDOWN_TIMEOUT_SECONDS: u64 = 30;
const CLEAN_UP_INTERVAL: Duration = Duration::from_hours(1);

pub async fn run(settings: &Settings, arguments: &Serve) -> Result<ExitCode, Failure> {
    let _log = logging::start(settings);
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    for name in settings.without_effect() {
        tracing::warn!("{name} is set, but this version does not act on it yet");
    }
    let store = compose::open(settings).await?;
    prepare(settings, &store).await?;
    let services = compose::services(settings, store)?;
    let (health, sessions) = (Arc::clone(&services.health), Arc::clone(&services.sessions));
    let keyring = Arc::clone(&services.keyring);
    let parts = Parts {
        accounts: services.accounts,
        sessions: services.sessions,
        users: services.users,
        audit: services.audit,
        health: services.health,
        limits: services.limits,
    };

    let listener = listen(settings)?;
    let address = listener.local_addr().map_err(Failure::failed)?;
    let server = keepstone_http::bind(listener, parts, options(settings)).map_err(Failure::failed)?;
    announce(settings, arguments, address);
    // Measures a hash for the first login; nobody waits for it.
    actix_web::rt::spawn(async move { services.passwords.warm_up().await });
    let at_once = Arc::new(Notify::new());
    actix_web::rt::spawn(stop_on_signal(server.handle(), health, Arc::clone(&at_once)));
    actix_web::rt::spawn(clean_up_every_hour(sessions));
    actix_web::rt::spawn(reload_on_signal(settings.clone(), keyring));
    tokio::select! {
        ended = server => ended.map_err(Failure::failed)?,
        () = at_once.notified() => return Err(Failure::failed("stopped at once, with requests unanswered")),
    }
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Sees that the database answers, and that its schema is as it must be where that is ours to do.
async fn prepare(settings: &Settings, store: &DieselStore) -> Result<(), Failure> {
    let is_ours = matches!(settings.database.url, DatabaseUrl::SqliteFile(_) | DatabaseUrl::SqliteMemory);
    if is_ours || settings.database.auto_migrate {
        for migration in store.migrator().upgrade(usize::MAX).await? {
            tracing::info!(migration = migration.name, "applied");
        }
        return Ok(());
    }
    store.ping().await.map_err(|error| Failure::Failed(format!("{}: {error}", settings.database.url)))?;
    if !store.is_migrated().await.unwrap_or(false) {
        tracing::warn!("the database is not up to date, so nothing will work: run keepstone migrate upgrade");
    }
    Ok(())
}

fn listen(settings: &Settings) -> Result<TcpListener, Failure> {
    let (host, port) = (settings.server.host.as_str(), settings.server.port);
    TcpListener::bind((host, port)).map_err(|error| {
        Failure::Failed(format!(
            "cannot listen on {host} port {port}: {error}; set HOST and PORT, or --host and --port"
        ))
    })
}

fn options(settings: &Settings) -> Options {
    Options {
        title: settings.app.name.clone(),
        version: settings.app.version.clone(),
        environment: settings.app.environment.to_string(),
        api_prefix: settings.app.api_prefix.clone(),
        token_case: match settings.sessions.token_response_case {
            ResponseCase::Snake => TokenCase::Snake,
            ResponseCase::Camel => TokenCase::Camel,
        },
        origins: match &settings.cors.origins {
            settings::Origins::Any => Origins::Any,
            settings::Origins::Listed(list) => Origins::Listed(list.clone()),
        },
        serves_docs: settings.docs.enabled,
        redoc_script: Script {
            url: settings.docs.redoc_script.url.clone(),
            integrity: settings.docs.redoc_script.integrity.clone(),
        },
        trusted_proxies: settings
            .server
            .trusted_proxies
            .iter()
            .map(|network| Network::new(network.address, network.prefix))
            .collect(),
        shutdown_timeout: SHUTDOWN_TIMEOUT_SECONDS,
    }
}

fn announce(settings: &Settings, arguments: &Serve, address: SocketAddr) {
    let url = format!("http://{address}");
    if arguments.announce {
        let (host, port) = (address.ip(), address.port());
        output::line(json!({ "url": url, "host": host, "port": port, "pid": std::process::id() }).to_string());
    }
    let (name, version, environment) = (&settings.app.name, &settings.app.version, settings.app.environment);
    tracing::info!("{name} {version} ({environment}) listens on {url}, with {}", settings.database.url);
    if settings.docs.enabled {
        tracing::info!("documentation: {url}/docs");
    }
    tracing::info!("the first administrator: keepstone create-user --role admin");
}

/// Expired sessions cost space only, so when they are deleted does not matter, and that nodes do it at once neither.
async fn clean_up_every_hour(sessions: Arc<Sessions>) {
    let mut hours = actix_web::rt::time::interval(CLEAN_UP_INTERVAL);
    loop {
        hours.tick().await;
        match sessions.clean_up().await {
            Ok(deleted) => tracing::debug!(deleted, "cleaned up expired sessions"),
            Err(error) => tracing::warn!(%error, "could not clean up expired sessions"),
        }
    }
}

/// SIGHUP reads the keys again. If they cannot be used, those that were stay.
async fn reload_on_signal(settings: Settings, keyring: Arc<Keyring>) {
    let Ok(mut hang_up) = signal(SignalKind::hangup()) else {
        tracing::error!("cannot listen for SIGHUP");
        return;
    };
    while hang_up.recv().await.is_some() {
        match keys::read(&settings) {
            Ok(keys) => {
                keyring.replace(keys.issuer);
                tracing::info!("read the keys again");
            }
            Err(failure) => tracing::error!(%failure, "kept the keys as they were"),
        }
    }
}

/// The first SIGTERM or SIGINT ends the server when its requests are answered; the second ends it now.
async fn stop_on_signal(server: ServerHandle, health: Arc<Health>, at_once: Arc<Notify>) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("cannot listen for signals");
        return;
    };
    let mut told = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    told().await;
    tracing::info!("stopping when all requests are answered");
    health.drain();
    actix_web::rt::spawn(server.stop(true));
    told().await;
    at_once.notify_one();
}
