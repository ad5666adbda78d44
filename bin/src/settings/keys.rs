//! The list of all keys: the path, the bare variables, and how the value may be shown. A test compares this list with
//! `config/default.toml`.

use std::borrow::Cow;

use keepstone_domain::RoleName;

/// How a value may be shown, and whether it may come from a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// Only its length is shown.
    Secret,
    /// An address that may contain a password, shown without it.
    Address,
}

/// A key of the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub path: &'static str,
    pub name: &'static str,
    pub alias: Option<&'static str>,
    pub kind: Kind,
    /// Read and validated, but without effect in this version.
    pub later: bool,
    /// Whether an explicitly empty variable counts as an (invalid) value instead of unset.
    pub keeps_empty: bool,
}

const fn key(path: &'static str, name: &'static str) -> Key {
    Key { path, name, alias: None, kind: Kind::Plain, later: false, keeps_empty: false }
}

impl Key {
    const fn or(self, alias: &'static str) -> Self {
        Self { alias: Some(alias), ..self }
    }
    const fn secret(self) -> Self {
        Self { kind: Kind::Secret, ..self }
    }
    const fn address(self) -> Self {
        Self { kind: Kind::Address, ..self }
    }
    const fn later(self) -> Self {
        Self { later: true, ..self }
    }
    const fn keeps_empty(self) -> Self {
        Self { keeps_empty: true, ..self }
    }

    /// Returns the long name: `KEEPSTONE__JWT__SECRET_KEY` for `jwt.secret_key`.
    pub(super) fn long_name(&self) -> String {
        long_name(self.path)
    }

    /// Returns the variables that set this key, in order of precedence.
    pub(super) fn variables(&self) -> impl Iterator<Item = Cow<'static, str>> {
        let bare = [Some(self.name), self.alias];
        std::iter::once(Cow::Owned(self.long_name())).chain(bare.into_iter().flatten().map(Cow::Borrowed))
    }

    /// Returns whether `<NAME>_FILE` is read.
    pub(super) fn may_be_file(&self) -> bool {
        self.kind != Kind::Plain
    }
}

/// The prefix of every long name.
pub(super) const PREFIX: &str = "KEEPSTONE__";
/// The section whose keys are role names. They are not in [`KEYS`].
pub(super) const ROLES: &str = "roles";

/// Returns the long name of a path, which may also be that of a role.
pub(super) fn long_name(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

/// Returns whether this is a valid role name.
pub(super) fn is_role_name(name: &str) -> bool {
    RoleName::parse(name).is_ok_and(|role| role.as_str() == name)
}

/// Returns the key with this path.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Returns the path of the key with this bare name.
pub(super) fn path_of(name: &str) -> Option<&'static str> {
    KEYS.iter().find(|key| key.name == name).map(|key| key.path)
}

/// Returns the name of a key that messages show.
pub(super) fn display_name(path: &str) -> String {
    find(path).map_or_else(|| long_name(path), |key| key.name.to_owned())
}

/// Returns the candidate nearest to a mistyped name, if there is a near one.
pub(super) fn nearest(typed: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    candidates
        .map(|candidate| (distance(typed, &candidate), candidate))
        .filter(|(distance, _)| *distance <= typed.chars().count() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Returns the Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((y, replace), insert) in b.iter().zip(&row).zip(row.iter().skip(1)) {
            let delete = next.last().copied().unwrap_or_default();
            next.push((replace + usize::from(x != *y)).min(insert + 1).min(delete + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// All keys, in the order of `config/default.toml`.
pub(super) const KEYS: &[Key] = &[
    key("app.name", "APP_NAME").or("PROJECT_NAME"),
    key("app.version", "APP_VERSION").or("VERSION"),
    key("app.environment", "ENVIRONMENT"),
    key("app.debug", "DEBUG"),
    key("app.api_prefix", "API_V1_PREFIX").or("API_V1_STR"),
    key("app.public_url", "PUBLIC_URL").address(),
    key("app.frontend_url", "FRONTEND_URL").or("FRONTEND_HOST").address(),
    key("app.secret_key", "SECRET_KEY").secret(),
    key("app.allow_insecure_backend", "ALLOW_INSECURE_BACKEND"),
    key("server.host", "HOST"),
    key("server.port", "PORT"),
    key("server.trusted_proxies", "TRUSTED_PROXIES"),
    key("server.shutdown_delay", "SHUTDOWN_DELAY"),
    key("server.max_connections", "MAX_CONNECTIONS"),
    key("server.max_connections_per_address", "MAX_CONNECTIONS_PER_ADDRESS"),
    key("server.request_timeout", "REQUEST_TIMEOUT"),
    key("database.url", "DATABASE_URL").address(),
    key("database.replica_url", "DATABASE_REPLICA_URL").address().later(),
    key("database.ca_file", "DATABASE_CA_FILE"),
    key("database.pool_size", "DB_POOL_SIZE"),
    key("database.auto_migrate", "AUTO_MIGRATE"),
    key("jwt.algorithm", "JWT_ALGORITHM").or("ALGORITHM"),
    key("jwt.secret_key", "JWT_SECRET_KEY").or("JWT_SECRET").secret(),
    key("jwt.refresh_secret", "JWT_REFRESH_SECRET").secret(),
    key("jwt.keys_dir", "JWT_KEYS_DIR"),
    key("jwt.key_activation_delay", "JWT_KEY_ACTIVATION_DELAY"),
    key("jwt.issuer", "JWT_ISSUER").keeps_empty(),
    key("jwt.audience", "JWT_AUDIENCE").keeps_empty(),
    key("jwt.access_token_expire_minutes", "ACCESS_TOKEN_EXPIRE_MINUTES").or("JWT_ACCESS_TOKEN_EXPIRE_MINUTES"),
    key("jwt.refresh_token_expire_days", "REFRESH_TOKEN_EXPIRE_DAYS").or("JWT_REFRESH_TOKEN_EXPIRE_DAYS"),
    key("sessions.refresh_grace", "REFRESH_GRACE"),
    key("sessions.refresh_idle_ttl", "REFRESH_IDLE_TTL"),
    key("sessions.principal_cache_ttl", "PRINCIPAL_CACHE_TTL"),
    key("sessions.token_response_case", "TOKEN_RESPONSE_CASE"),
    key("password.hasher", "PASSWORD_HASHER"),
    key("password.bcrypt_cost", "BCRYPT_COST").or("BCRYPT_ROUNDS"),
    key("password.argon2_memory_kib", "ARGON2_MEMORY_KIB"),
    key("password.argon2_iterations", "ARGON2_ITERATIONS"),
    key("password.argon2_parallelism", "ARGON2_PARALLELISM"),
    key("password.min_length", "PASSWORD_MIN_LENGTH"),
    key("password.blocklist", "PASSWORD_BLOCKLIST"),
    key("password.hash_concurrency", "HASH_CONCURRENCY"),
    key("registration.mode", "REGISTRATION"),
    key("registration.conceal", "REGISTRATION_CONCEAL"),
    key("registration.default_role", "DEFAULT_ROLE"),
    key("users.email_change_requires_password", "EMAIL_CHANGE_REQUIRES_PASSWORD"),
    key("users.purge_after", "PURGE_AFTER"),
    key("users.first_superuser", "FIRST_SUPERUSER"),
    key("users.first_superuser_password", "FIRST_SUPERUSER_PASSWORD").secret(),
    key("cors.origins", "CORS_ORIGINS").or("BACKEND_CORS_ORIGINS"),
    key("cors.origin_regex", "CORS_ORIGIN_REGEX"),
    key("log.level", "LOG_LEVEL"),
    key("log.format", "LOG_FORMAT"),
    key("docs.enabled", "DOCS_ENABLED"),
    key("docs.redoc_script", "REDOC_SCRIPT"),
    key("mail.url", "MAIL_URL").address(),
    key("mail.from", "MAIL_FROM"),
    key("mail.ca_file", "MAIL_CA_FILE"),
    key("jobs.concurrency", "JOB_CONCURRENCY"),
    key("jobs.poll_interval", "JOB_POLL_INTERVAL"),
    key("jobs.lease", "JOB_LEASE"),
    key("jobs.max_backoff", "JOB_MAX_BACKOFF"),
    key("files.url", "FILES_URL").address().later(),
    key("redis.url", "REDIS_URL").address().later(),
    key("rate_limit.enabled", "RATE_LIMIT_ENABLED"),
    key("rate_limit.login", "RATE_LIMIT_LOGIN"),
    key("rate_limit.register", "RATE_LIMIT_REGISTER"),
    key("rate_limit.refresh", "RATE_LIMIT_REFRESH"),
    key("rate_limit.refresh_request", "RATE_LIMIT_REFRESH_REQUEST"),
    key("rate_limit.password", "RATE_LIMIT_PASSWORD"),
    key("rate_limit.session", "RATE_LIMIT_SESSION"),
    key("rate_limit.mailbox", "RATE_LIMIT_MAILBOX"),
    key("rate_limit.email_change", "RATE_LIMIT_EMAIL_CHANGE"),
    key("rate_limit.send_email", "RATE_LIMIT_SEND_EMAIL"),
    key("rate_limit.export", "RATE_LIMIT_EXPORT"),
    key("metrics.addr", "METRICS_ADDR").later(),
    key("telemetry.otlp_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT").address().later(),
];
