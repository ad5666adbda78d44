//! Converts the merged tree into [`Settings`], section by section. The rules for every environment are checked here,
//! those of production in `production`.

use std::path::PathBuf;
use std::time::Duration;

use super::addresses::{Network, Origins, Script, ServiceUrl, host, origin_regex, public_url};
use super::layers::Tree;
use super::model::{
    App, Argon2, Cors, Database, Docs, Files, FirstSuperuser, Jobs, Jwt, Log, Mail, Metrics, Password, RateLimit,
    Redis, Registration, Server, Sessions, Settings, Telemetry, Users,
};
use super::problems::{Wrong, quoted};
use super::profile::Environment;
use super::rate_limits::{RATE_LIMITS, quota};
use super::reader::Reader;
use super::roles;
use super::values::{
    Algorithm, Choice, LogFormat, LogLevel, PasswordHasher, RegistrationMode, ResponseCase, Unit, duration, flag,
    number,
};
use keepstone_adapters::{MailUrlError, SenderError};
use keepstone_domain::{Email, RoleName};
use keepstone_persistence::DatabaseUrl;
use secrecy::ExposeSecret;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

/// Reads all settings. The result is valid only if the reader has no problem afterwards.
pub(super) fn settings(reader: &mut Reader<'_>, tree: &Tree, environment: Environment, cores: usize) -> Settings {
    let (mail, registration) = (mail(reader), registration(reader, tree));
    let has_mail = mail.url.is_some() || environment == Environment::Development || reader.has_refused("mail.url");
    if registration.conceal && !has_mail {
        let wrong = Wrong::new("requires e-mails, but none are sent", "set MAIL_URL, or REGISTRATION_CONCEAL=false");
        reader.refuse("registration.conceal", wrong);
    }
    let app = app(reader, environment);
    let (server, database, jwt, sessions) =
        (server(reader), database(reader, environment), jwt(reader), sessions(reader));
    let password = password(reader, cores);
    let users = users(reader, &password, &app.name);
    let roles = roles::roles(reader, tree);
    let origins = origins(reader, app.frontend_url.as_deref());
    Settings {
        app,
        server,
        database,
        jwt,
        sessions,
        password,
        registration,
        users,
        roles,
        cors: Cors { origins, origin_regex: reader.parse("cors.origin_regex", origin_regex) },
        log: Log {
            level: reader.need("log.level", LogLevel::read),
            format: reader.need("log.format", LogFormat::read),
        },
        docs: Docs {
            enabled: reader.need("docs.enabled", flag),
            redoc_script: reader.need("docs.redoc_script", Script::read),
        },
        mail,
        jobs: jobs(reader),
        files: Files { url: service(reader, "files.url", &["file", "s3"]) },
        redis: Redis { url: service(reader, "redis.url", &["redis", "rediss"]) },
        rate_limit: rate_limit(reader),
        metrics: Metrics { addr: reader.parse("metrics.addr", socket) },
        telemetry: Telemetry { otlp_endpoint: service(reader, "telemetry.otlp_endpoint", &["http", "https"]) },
        warnings: Vec::new(),
        directory: PathBuf::new(),
        entries: Vec::new(),
    }
}

fn app(reader: &mut Reader<'_>, environment: Environment) -> App {
    App {
        name: reader.need("app.name", line),
        version: reader.parse("app.version", line).unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()),
        environment,
        debug: reader.need("app.debug", flag),
        api_prefix: reader.need("app.api_prefix", prefix),
        public_url: reader.parse("app.public_url", public_url),
        frontend_url: reader.parse("app.frontend_url", public_url),
        secret_key: reader.secret("app.secret_key"),
        allow_insecure_backend: reader.need("app.allow_insecure_backend", flag),
    }
}

fn server(reader: &mut Reader<'_>) -> Server {
    let mut trusted_proxies = Vec::new();
    for item in reader.list("server.trusted_proxies") {
        match Network::read(item.trim()) {
            Ok(network) => trusted_proxies.push(network),
            Err(wrong) => reader.refuse("server.trusted_proxies", wrong),
        }
    }
    Server {
        host: reader.need("server.host", host),
        port: reader.need("server.port", |text| number(text, 0..=u16::MAX)),
        trusted_proxies,
        shutdown_delay: reader
            .need("server.shutdown_delay", |text| duration(text, Unit::Second, Duration::ZERO..=SECOND * 10)),
        max_connections: reader.need("server.max_connections", |text| number(text, 1..=1_000_000)),
        max_connections_per_address: reader
            .parse("server.max_connections_per_address", |text| number(text, 0..=1_000_000)),
        request_timeout: reader
            .need("server.request_timeout", |text| duration(text, Unit::Second, SECOND..=SECOND * 3_600)),
    }
}

fn database(reader: &mut Reader<'_>, environment: Environment) -> Database {
    let url = |text: &str| {
        text.parse::<DatabaseUrl>().map_err(|error| {
            Wrong::new(
                error.to_string(),
                "see docs/operations.md for its parameters; write sqlite:///./keepstone.db, postgres://user:password@host/name or mysql://user:password@host/name",
            )
        })
    };
    let mut replica_url = reader.parse("database.replica_url", url);
    if replica_url.as_ref().is_some_and(|url| url.server().is_none()) {
        reader.refuse("database.replica_url", Wrong::new("is SQLite, which has no replicas", "unset it"));
    }
    let mut url = reader.need("database.url", |text| url(text).map(Some)).unwrap_or(DatabaseUrl::SqliteMemory);
    // A problem of this key is reported where its section is read.
    let may_be_insecure = reader.parse("app.allow_insecure_backend", flag).unwrap_or_default();
    let verifies_others = environment == Environment::Production && !may_be_insecure;
    let ca_file = reader.text("database.ca_file").map(PathBuf::from);
    for (path, url) in [("database.url", Some(&mut url)), ("database.replica_url", replica_url.as_mut())] {
        if let Some(server) = url.and_then(DatabaseUrl::server_mut) {
            server.set_tls_defaults(ca_file.as_deref(), verifies_others);
            if let Err(error) = server.tls().check_files() {
                let path = if Some(error.path()) == ca_file.as_deref() { "database.ca_file" } else { path };
                reader.refuse(path, Wrong::new(error.to_string(), "set it to a PEM file that this process can read"));
            }
        }
    }
    Database {
        url,
        replica_url,
        pool_size: reader.need("database.pool_size", |text| number(text, 1..=1_000)),
        auto_migrate: reader.need("database.auto_migrate", flag),
    }
}

fn jwt(reader: &mut Reader<'_>) -> Jwt {
    let algorithm = reader.need("jwt.algorithm", Algorithm::read);
    let minutes = |text: &str| duration(text, Unit::Minute, SECOND..=DAY * 30);
    let days = |text: &str| duration(text, Unit::Day, SECOND..=DAY * 3_650);
    let access_ttl = reader.parse("jwt.access_token_expire_minutes", minutes);
    let refresh_ttl = reader.parse("jwt.refresh_token_expire_days", days);
    if let (Some(access), Some(refresh)) = (access_ttl, refresh_ttl)
        && access > refresh
    {
        let wrong = Wrong::new(
            "is longer than REFRESH_TOKEN_EXPIRE_DAYS",
            "use minutes for access tokens and days for sessions",
        );
        reader.refuse("jwt.access_token_expire_minutes", wrong);
    }
    Jwt {
        algorithm,
        secret_key: reader.secret("jwt.secret_key"),
        refresh_secret: reader.secret("jwt.refresh_secret"),
        keys_dir: reader.text("jwt.keys_dir").map(PathBuf::from),
        issuer: reader.need("jwt.issuer", line),
        audience: reader.need("jwt.audience", line),
        access_ttl: access_ttl.unwrap_or(SECOND * 1_800),
        refresh_ttl: refresh_ttl.unwrap_or(DAY * 30),
        key_activation_delay: reader
            .need("jwt.key_activation_delay", |text| duration(text, Unit::Second, Duration::ZERO..=DAY * 7)),
    }
}

fn sessions(reader: &mut Reader<'_>) -> Sessions {
    let seconds = |most: Duration| move |text: &str| duration(text, Unit::Second, Duration::ZERO..=most);
    Sessions {
        refresh_grace: reader.need("sessions.refresh_grace", seconds(SECOND * 60)),
        refresh_idle_ttl: reader.parse("sessions.refresh_idle_ttl", seconds(DAY * 3_650)).filter(|ttl| !ttl.is_zero()),
        principal_cache_ttl: reader.need("sessions.principal_cache_ttl", seconds(SECOND * 60)),
        token_response_case: reader.need("sessions.token_response_case", ResponseCase::read),
    }
}

fn password(reader: &mut Reader<'_>, cores: usize) -> Password {
    let argon2 = Argon2 {
        // Hashes with higher costs are rejected at verification, as a protection against overload.
        memory_kib: reader.need("password.argon2_memory_kib", |text| number(text, 12_288..=262_144)),
        iterations: reader.need("password.argon2_iterations", |text| number(text, 1..=10)),
        parallelism: reader.need("password.argon2_parallelism", |text| number(text, 1..=16)),
    };
    let least = match argon2.iterations {
        1 => 47_104,
        2 => 19_456,
        _ => 12_288,
    };
    if (12_288..least).contains(&argon2.memory_kib) {
        let message = format!("{} KiB is too little for {} iterations", argon2.memory_kib, argon2.iterations);
        let fix = "use at least 47104 with 1 iteration, 19456 with 2, 12288 with 3 and more";
        reader.refuse("password.argon2_memory_kib", Wrong::new(message, fix));
    }
    let concurrency: usize = reader.need("password.hash_concurrency", |text| number(text, 0..=1_024));
    Password {
        hasher: reader.need("password.hasher", PasswordHasher::read),
        bcrypt_cost: reader.need("password.bcrypt_cost", |text| number(text, 4..=15)),
        argon2,
        min_length: reader.need("password.min_length", |text| number(text, 8..=128)),
        blocklist: reader.need("password.blocklist", flag),
        hash_concurrency: if concurrency == 0 { cores } else { concurrency },
    }
}

fn registration(reader: &mut Reader<'_>, tree: &Tree) -> Registration {
    let role = |text: &str| roles::default_role(text, tree).map(Some);
    Registration {
        mode: reader.need("registration.mode", RegistrationMode::read),
        conceal: reader.need("registration.conceal", flag),
        default_role: reader.need("registration.default_role", role).unwrap_or_else(RoleName::viewer),
    }
}

fn jobs(reader: &mut Reader<'_>) -> Jobs {
    let seconds =
        |least: u32, most: u32| move |text: &str| duration(text, Unit::Second, SECOND * least..=SECOND * most);
    Jobs {
        concurrency: reader.need("jobs.concurrency", |text| number(text, 0..=1_000)),
        poll_interval: reader.need("jobs.poll_interval", seconds(1, 3_600)),
        lease: reader.need("jobs.lease", seconds(5, 3_600)),
        max_backoff: reader.need("jobs.max_backoff", seconds(1, 86_400)),
    }
}

fn users(reader: &mut Reader<'_>, password: &Password, product: &str) -> Users {
    let days = |text: &str| duration(text, Unit::Day, Duration::ZERO..=DAY * 3_650);
    Users {
        email_change_requires_password: reader.need("users.email_change_requires_password", flag),
        purge_after: reader.parse("users.purge_after", days).filter(|after| !after.is_zero()),
        first_superuser: first_superuser(reader, password, product),
    }
}

fn first_superuser(reader: &mut Reader<'_>, rules: &Password, product: &str) -> Option<FirstSuperuser> {
    const EMAIL: &str = "users.first_superuser";
    const PASSWORD: &str = "users.first_superuser_password";
    let before = reader.count();
    let email = reader.parse(EMAIL, |text| {
        Email::parse(text).map_err(|error| Wrong::new(error.to_string(), "write an address such as admin@example.com"))
    });
    let password = reader.secret(PASSWORD);
    if let Some(password) = &password {
        let (local, domain) = email.as_ref().and_then(|email| email.key().split_once('@')).unwrap_or_default();
        let words: Vec<&str> = domain.split('.').chain([local, product]).filter(|word| !word.is_empty()).collect();
        if let Err(violation) = rules.policy().check_in_context(password.expose_secret(), &words) {
            reader.refuse(PASSWORD, Wrong::new(format!("is refused: {violation}"), "choose another password"));
        }
    }
    match (email, password) {
        (Some(email), Some(password)) if reader.count() == before => Some(FirstSuperuser { email, password }),
        (Some(_), None) => {
            reader.refuse(PASSWORD, Wrong::new("is not set, but FIRST_SUPERUSER is", "set both or neither"));
            None
        }
        (None, Some(_)) if !reader.has_refused(EMAIL) => {
            reader.refuse(EMAIL, Wrong::new("is not set, but FIRST_SUPERUSER_PASSWORD is", "set both or neither"));
            None
        }
        _ => None,
    }
}

/// Returns the listed origins and that of the front end.
fn origins(reader: &mut Reader<'_>, frontend_url: Option<&str>) -> Origins {
    let (mut origins, wrongs) = Origins::read(&reader.list("cors.origins"));
    for wrong in wrongs {
        reader.refuse("cors.origins", wrong);
    }
    if let Some(url) = frontend_url {
        origins.allow(url);
    }
    origins
}

fn rate_limit(reader: &mut Reader<'_>) -> RateLimit {
    let own = RATE_LIMITS.iter().filter_map(|(path, limit)| Some((*limit, reader.parse(path, quota)?)));
    let own = own.collect();
    RateLimit { enabled: reader.need("rate_limit.enabled", flag), own }
}

fn mail(reader: &mut Reader<'_>) -> Mail {
    Mail {
        url: reader.parse("mail.url", |text| {
            let fix = "write smtps://USER:PASSWORD@HOST:465, smtp://USER:PASSWORD@HOST:587 or file:FOLDER";
            text.parse().map_err(|error: MailUrlError| Wrong::new(error.to_string(), fix))
        }),
        from: reader.need("mail.from", |text| {
            let wrong = |error: SenderError| {
                Wrong::new(format!("{} {error}", quoted(text)), "write a@example.com or Name <a@example.com>")
            };
            text.parse().map_err(wrong)
        }),
        ca_file: reader.text("mail.ca_file").map(PathBuf::from),
    }
}

fn service(reader: &mut Reader<'_>, path: &str, schemes: &[&str]) -> Option<ServiceUrl> {
    reader.parse(path, |text| ServiceUrl::read(text, schemes))
}

fn socket(text: &str) -> Result<std::net::SocketAddr, Wrong> {
    text.parse().map_err(|_| Wrong::new(format!("{} is not an address and port", quoted(text)), "write 127.0.0.1:9090"))
}

/// Parses a text for headers, tokens and e-mails.
fn line(text: &str) -> Result<String, Wrong> {
    if text.chars().any(char::is_control) {
        return Err(Wrong::new("has a line break or another control character", "write it on one line"));
    }
    Ok(text.to_owned())
}

fn prefix(text: &str) -> Result<String, Wrong> {
    let trimmed = text.trim_end_matches('/');
    let segment = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    let valid = trimmed.strip_prefix('/').is_some_and(|path| path.split('/').all(segment));
    if valid {
        Ok(trimmed.to_owned())
    } else {
        Err(Wrong::new(format!("{} is not a path", quoted(text)), "write a path such as /api/v1"))
    }
}
