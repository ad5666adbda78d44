//! `serve`: starts the server, announces its address, and stops it without losing a request.

use std::{
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::dev::ServerHandle;
use keepstone_http::{ConnectionLimits, Network, Options, Origins, Parts, Script};
use keepstone_persistence::{DatabaseUrl, DieselStore, Migrator, Target};
use keepstone_repository::Store;
use keepstone_service::{Health, Mailer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
    time::{sleep, sleep_until},
};

use crate::{
    cli::Serve,
    compose, document,
    failure::Failure,
    first_admin,
    keys::Reloader,
    logging, output,
    settings::{self, Environment, Settings},
};

/// How long a request in flight may still take after the server has started to stop.
const SHUTDOWN_TIMEOUT_SECONDS: u64 = 30;
/// How many connections may wait to be accepted, unless the system allows fewer.
const BACKLOG: i32 = 4_096;

pub async fn run(settings: &Settings, arguments: &Serve) -> Result<ExitCode, Failure> {
    let _log = logging::start(settings);
    for warning in &settings.warnings {
        tracing::warn!("{}", warning.sentence());
    }
    for name in settings.without_effect() {
        tracing::warn!("{name} is set, but this version does not act on it yet");
    }
    let store = compose::open(settings).await?;
    prepare(settings, &store).await?;
    let listener = listen(settings)?;
    let address = listener.local_addr().map_err(Failure::failed)?;
    // With port 0, only the listener knows the port, which is part of the links in e-mails.
    let settings = &settings.listening_on(address.port());
    let services = compose::services(settings, Arc::<DieselStore>::clone(&store))?;
    first_admin::ensure(settings, store, Arc::clone(&services.accounts)).await?;
    let health = Arc::clone(&services.health);
    let parts = Parts {
        accounts: services.accounts,
        sessions: services.sessions,
        users: services.users,
        items: services.items,
        mail_proof: services.mail_proof,
        letters: services.letters,
        jobs: services.jobs,
        exports: services.exports,
        audit: services.audit,
        health: services.health,
        idempotency: services.idempotency,
        cursors: services.cursors,
        limits: services.limits,
    };

    let options = options(settings);
    let connections = options.connections;
    let server = keepstone_http::bind(listener, parts, options).map_err(Failure::failed)?;
    // Before the announcement, because its reader may send a signal immediately.
    let [terminate, interrupt, hang_up] = signals()?;
    announce(settings, arguments, address, connections)?;
    // Measures the cost of a hash before the first login, without delaying the start.
    actix_web::rt::spawn(async move { services.passwords.warm_up().await });
    let (at_once, no_more_jobs) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let worker = services.worker.map(|worker| {
        let stop = Arc::clone(&no_more_jobs);
        actix_web::rt::spawn(worker.run_until(async move { stop.notified().await }))
    });
    if let Some(mailer) = services.mailer {
        actix_web::rt::spawn(say_if_no_mail_goes(mailer));
    }
    let stop = Stop { server: server.handle(), health, delay: settings.server.shutdown_delay };
    actix_web::rt::spawn(stop.on_signal([terminate, interrupt], Arc::clone(&at_once)));
    actix_web::rt::spawn(keep_keys_current(services.key_reloader, hang_up));
    tokio::select! {
        ended = server => ended.map_err(Failure::failed)?,
        () = at_once.notified() => return Err(Failure::failed("stopped immediately, with requests unanswered")),
    }
    // Requests in flight may have created jobs, so the worker stops last.
    no_more_jobs.notify_one();
    if let Some(worker) = worker {
        worker.await.map_err(Failure::failed)?;
    }
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Checks that the database responds, and applies migrations if it is SQLite or if this is configured.
async fn prepare(settings: &Settings, store: &DieselStore) -> Result<(), Failure> {
    let is_ours = matches!(settings.database.url, DatabaseUrl::SqliteFile(_) | DatabaseUrl::SqliteMemory);
    if is_ours || settings.database.auto_migrate {
        for migration in store.migrator().upgrade(Target::All).await? {
            tracing::info!(migration = migration.name, "applied");
        }
        warn_of_unknown(settings).await?;
        return Ok(());
    }
    store.ping().await.map_err(|error| Failure::Failed(format!("{}: {error}", settings.database.url)))?;
    if !store.is_migrated().await.unwrap_or(false) {
        tracing::warn!("the database is not up to date, so requests will fail: run keepstone migrate upgrade");
        return Ok(());
    }
    warn_of_unknown(settings).await
}

/// Warns of unknown migrations. A newer schema works: it occurs while several nodes are upgraded.
async fn warn_of_unknown(settings: &Settings) -> Result<(), Failure> {
    if settings.database.url == DatabaseUrl::SqliteMemory {
        return Ok(()); // It is always new.
    }
    let history = Migrator::of(&settings.database.url).look().await?;
    for migration in history.iter().filter(|migration| !migration.is_known) {
        tracing::warn!(
            migration = migration.name,
            "the database has a migration that this program does not know: a newer version has changed it"
        );
    }
    Ok(())
}

fn listen(settings: &Settings) -> Result<TcpListener, Failure> {
    let (host, port) = (settings.server.host.as_str(), settings.server.port);
    let listener = TcpListener::bind((host, port)).map_err(|error| {
        Failure::Failed(format!(
            "cannot listen on {host} port {port}: {error}; set HOST and PORT, or --host and --port"
        ))
    })?;
    // The default of std is 128. A client that finds the queue full retries only after a second.
    rustix::net::listen(&listener, BACKLOG).map_err(Failure::failed)?;
    Ok(listener)
}

/// Raises the limit of open files as far as allowed, and returns it. The usual limit of 1,024 exists for programs that
/// cannot handle more.
fn descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    limit.current.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX))
}

fn options(settings: &Settings) -> Options {
    Options {
        title: settings.app.name.clone(),
        version: settings.app.version.clone(),
        environment: settings.app.environment.to_string(),
        api_prefix: settings.app.api_prefix.clone(),
        base_path: settings.base_path(),
        token_case: settings.token_case(),
        origins: match (&settings.cors.origins, &settings.cors.origin_regex) {
            (settings::Origins::Any, _) => Origins::Any,
            (settings::Origins::Listed(list), None) => Origins::Listed(list.clone()),
            (settings::Origins::Listed(list), Some(pattern)) => Origins::Matching(list.clone(), pattern.clone()),
        },
        document: document::options(settings),
        serves_docs: settings.docs.enabled,
        redoc_script: Script {
            url: settings.docs.redoc_script.url.clone(),
            integrity: settings.docs.redoc_script.integrity.clone(),
        },
        is_production: settings.app.environment == Environment::Production,
        trusted_proxies: settings
            .server
            .trusted_proxies
            .iter()
            .map(|network| Network::new(network.address, network.prefix))
            .collect(),
        connections: ConnectionLimits::new(
            settings.server.max_connections,
            settings.server.max_connections_per_address,
            descriptors(),
        ),
        request_timeout: settings.server.request_timeout,
        shutdown_timeout: SHUTDOWN_TIMEOUT_SECONDS,
    }
}

fn announce(
    settings: &Settings,
    arguments: &Serve,
    address: SocketAddr,
    connections: ConnectionLimits,
) -> Result<(), Failure> {
    let url = format!("http://{address}");
    if arguments.announce {
        let (host, port) = (address.ip(), address.port());
        output::line(json!({ "url": url, "host": host, "port": port, "pid": std::process::id() }).to_string())?;
    }
    let (name, version, environment) = (&settings.app.name, &settings.app.version, settings.app.environment);
    tracing::info!("{name} {version} ({environment}) listens on {url}, with {}", settings.database.url);
    if settings.docs.enabled {
        tracing::info!("documentation: {url}/docs");
    }
    let ConnectionLimits { total, per_address, .. } = connections;
    tracing::info!("at most {total} connections at once, {} from one address", per_address.unwrap_or(total));
    tracing::info!("the first administrator: keepstone create-user --role admin");
    Ok(())
}

/// Warns if the mail server cannot be reached. This does not prevent the start, but the configuration may be wrong.
async fn say_if_no_mail_goes(mailer: Arc<dyn Mailer>) {
    if let Err(error) = mailer.check().await {
        tracing::warn!("no e-mail can be sent now: {error}");
    }
}

/// Reads the keys again on SIGHUP, and switches to a new signing key once it has been published for long enough. If the
/// new keys cannot be used, the old ones stay in use.
async fn keep_keys_current(mut keys: Reloader, mut hang_up: Signal) {
    loop {
        let next_change = keys.next_change();
        let (result, done) = tokio::select! {
            received = hang_up.recv() => match received {
                Some(()) => (keys.reload(), "read the keys again"),
                None => return,
            },
            () = wait_until(next_change) => (keys.activate(), "a new key signs from now on"),
        };
        let (signing_key, next_in) = (keys.signing_key(), keys.next_change().map(|at| at - Instant::now()));
        match result {
            Ok(()) => tracing::info!(signing_key, another_signs_in = ?next_in, "{done}"),
            Err(failure) => tracing::error!(%failure, signing_key, "could not change the keys; the old ones stay"),
        }
    }
}

async fn wait_until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

/// Listens for SIGTERM, SIGINT and SIGHUP. From here on, none of them ends the process by default.
fn signals() -> Result<[Signal; 3], Failure> {
    let listen = |kind| signal(kind).map_err(Failure::failed);
    Ok([listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?, listen(SignalKind::hangup())?])
}

/// The shutdown of the server.
struct Stop {
    server: ServerHandle,
    health: Arc<Health>,
    /// How long new requests are still accepted: load balancers need a moment to notice that the server is not ready.
    delay: Duration,
}

impl Stop {
    /// Stops the server after its requests are answered on the first signal, and immediately on the second.
    async fn on_signal(self, [mut terminate, mut interrupt]: [Signal; 2], at_once: Arc<Notify>) {
        let mut signalled = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        signalled().await;
        self.health.drain();
        tracing::info!(delay = ?self.delay, "stopping when all requests are answered");
        tokio::select! {
            () = sleep(self.delay) => {
                actix_web::rt::spawn(self.server.stop(true));
                signalled().await;
            }
            () = signalled() => {}
        }
        at_once.notify_one();
    }
}
