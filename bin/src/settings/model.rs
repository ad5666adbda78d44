//! The settings as the rest of the program uses them: typed, valid, and safe to print with `Debug`. Fields without a
//! comment are documented in `config/default.toml`.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::Regex;
use secrecy::SecretString;
use url::Url;

use super::addresses::{Network, Origins, Script, ServiceUrl};
use super::problems::{Problem, Wrong};
use super::profile::{Environment, is_loopback};
use super::show::Entry;
use super::values::{Algorithm, LogFormat, LogLevel, PasswordHasher, RegistrationMode, ResponseCase};
use keepstone_adapters::{MailUrl, Sender};
use keepstone_auth::{password::Policy, permission::Roles};
use keepstone_domain::{Email, RoleName};
use keepstone_http::TokenCase;
use keepstone_persistence::DatabaseUrl;
use keepstone_service::{Limit, Quota, Quotas};

/// The addresses that `localhost` stands for.
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LOCALHOST_V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// The complete settings.
#[derive(Debug, Clone)]
pub struct Settings {
    pub app: App,
    pub server: Server,
    pub database: Database,
    pub jwt: Jwt,
    pub sessions: Sessions,
    pub password: Password,
    pub registration: Registration,
    pub users: Users,
    pub roles: Roles,
    pub cors: Cors,
    pub log: Log,
    pub docs: Docs,
    pub mail: Mail,
    pub jobs: Jobs,
    pub files: Files,
    pub redis: Redis,
    pub rate_limit: RateLimit,
    pub metrics: Metrics,
    pub telemetry: Telemetry,
    /// The problems that production rejects but this environment tolerates, and the risks that production was
    /// configured
    /// to accept.
    pub warnings: Vec<Problem>,
    pub(super) directory: PathBuf,
    pub(super) entries: Vec<Entry>,
}

impl Password {
    /// Returns the rules for a new password.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let policy = Policy::new(self.min_length);
        if self.blocklist { policy.with_blocklist() } else { policy }
    }
}

impl Settings {
    /// Returns the configured signing key: `JWT_SECRET_KEY`, else `SECRET_KEY`.
    #[must_use]
    pub fn signing_key(&self) -> Option<&SecretString> {
        self.jwt.secret_key.as_ref().or(self.app.secret_key.as_ref())
    }

    /// Returns the log level; with `DEBUG`, at least `debug`.
    #[must_use]
    pub fn log_level(&self) -> LogLevel {
        match self.log.level {
            LogLevel::Trace => LogLevel::Trace,
            _ if self.app.debug => LogLevel::Debug,
            level => level,
        }
    }

    /// Returns the rate limits; `None` if they are disabled.
    #[must_use]
    pub fn quotas(&self) -> Option<Quotas> {
        let quotas = match self.app.environment {
            Environment::Development => Quotas::generous(),
            // The test environment has no limits unless they are enabled; then it has those of production.
            Environment::Production | Environment::Test => Quotas::strict(),
        };
        let own = self.rate_limit.own.iter();
        let quotas = own.fold(quotas, |quotas, (limit, quota)| quotas.with(*limit, *quota));
        self.rate_limit.enabled.then_some(quotas)
    }

    /// Returns the path of the public address, which a proxy strips: empty, or for example `/svc`.
    #[must_use]
    pub fn base_path(&self) -> String {
        let url = self.app.public_url.as_deref().and_then(|url| Url::parse(url).ok());
        url.map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default()
    }

    /// Returns the spelling of the members of token responses.
    #[must_use]
    pub const fn token_case(&self) -> TokenCase {
        match self.sessions.token_response_case {
            ResponseCase::Snake => TokenCase::Snake,
            ResponseCase::Camel => TokenCase::Camel,
        }
    }

    /// Returns the settings for a server that listens on this port.
    #[must_use]
    pub fn listening_on(&self, port: u16) -> Self {
        Self { server: Server { port, ..self.server.clone() }, ..self.clone() }
    }

    /// Returns the URL of this server without a slash at the end: as configured, else as reached from this machine.
    #[must_use]
    pub fn public_url(&self) -> String {
        let Server { host, port, .. } = &self.server;
        let here = || match host.parse::<IpAddr>() {
            // `localhost` does not resolve to other loopback addresses, such as 127.0.0.2.
            Ok(address) if !address.is_unspecified() && ![LOCALHOST, LOCALHOST_V6].contains(&address) => {
                format!("http://{}", SocketAddr::new(address, *port))
            }
            Err(_) if !is_loopback(host) => format!("http://{host}:{port}"),
            _ => format!("http://localhost:{port}"),
        };
        self.app.public_url.clone().unwrap_or_else(here)
    }

    /// Returns the folder of the asymmetric keys: as configured, else next to the database, like the generated secret.
    #[must_use]
    pub fn keys_dir(&self) -> PathBuf {
        self.jwt.keys_dir.clone().unwrap_or_else(|| self.beside_the_database(".keys"))
    }

    /// Returns the path of the generated secret, which need not exist.
    #[must_use]
    pub fn secret_file(&self) -> PathBuf {
        self.beside_the_database(".secret")
    }

    /// Returns a path next to the database file, or in the working directory if the database is not a file.
    fn beside_the_database(&self, suffix: &str) -> PathBuf {
        let file = self.database.url.sqlite_file().unwrap_or(Path::new("keepstone"));
        let mut name = OsString::from(file);
        name.push(suffix);
        self.directory.join(name)
    }

    /// Returns a problem that occurs when the value of the key at this path is used.
    #[must_use]
    pub fn problem(&self, path: &str, message: String, fix: String) -> Problem {
        let entry = self.entries.iter().find(|entry| entry.path == path);
        Wrong::new(message, fix).at(path, entry.map_or("", |entry| &entry.origin))
    }

    /// Returns the names of configured keys that have no effect in this version.
    #[must_use]
    pub fn without_effect(&self) -> Vec<&'static str> {
        let idle = self.entries.iter().filter(|entry| entry.explicit && entry.later);
        let mut names: Vec<&'static str> = idle.map(|entry| entry.warned_as).collect();
        names.dedup();
        names
    }
}

#[derive(Debug, Clone)]
pub struct App {
    pub name: String,
    pub version: String,
    pub environment: Environment,
    pub debug: bool,
    /// A path such as `/api/v1`, with a leading slash and without a trailing one.
    pub api_prefix: String,
    /// As configured; use [`Settings::public_url`].
    pub public_url: Option<String>,
    /// The front end that links in e-mails lead to, without a slash at the end.
    pub frontend_url: Option<String>,
    /// As configured; use [`Settings::signing_key`].
    pub secret_key: Option<SecretString>,
    pub allow_insecure_backend: bool,
}

#[derive(Debug, Clone)]
pub struct Server {
    /// An IP address without brackets, or a host name.
    pub host: String,
    pub port: u16,
    pub trusted_proxies: Vec<Network>,
    pub shutdown_delay: Duration,
    pub max_connections: usize,
    pub max_connections_per_address: Option<usize>,
    pub request_timeout: Duration,
}

#[derive(Debug, Clone)]
pub struct Database {
    pub url: DatabaseUrl,
    pub replica_url: Option<DatabaseUrl>,
    pub pool_size: usize,
    pub auto_migrate: bool,
}

#[derive(Debug, Clone)]
pub struct Jwt {
    pub algorithm: Algorithm,
    /// As configured; use [`Settings::signing_key`].
    pub secret_key: Option<SecretString>,
    pub refresh_secret: Option<SecretString>,
    pub keys_dir: Option<PathBuf>,
    pub issuer: String,
    pub audience: String,
    pub access_ttl: Duration,
    pub refresh_ttl: Duration,
    pub key_activation_delay: Duration,
}

#[derive(Debug, Clone)]
pub struct Sessions {
    pub refresh_grace: Duration,
    pub refresh_idle_ttl: Option<Duration>,
    pub principal_cache_ttl: Duration,
    pub token_response_case: ResponseCase,
}

#[derive(Debug, Clone)]
pub struct Password {
    pub hasher: PasswordHasher,
    pub bcrypt_cost: u32,
    pub argon2: Argon2,
    pub min_length: usize,
    pub blocklist: bool,
    /// At least 1.
    pub hash_concurrency: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2 {
    pub memory_kib: u32,
    pub iterations: u32,
    pub parallelism: u32,
}

#[derive(Debug, Clone)]
pub struct Registration {
    pub mode: RegistrationMode,
    pub conceal: bool,
    /// A role in `roles`.
    pub default_role: RoleName,
}

#[derive(Debug, Clone)]
pub struct Users {
    pub email_change_requires_password: bool,
    pub purge_after: Option<Duration>,
    pub first_superuser: Option<FirstSuperuser>,
}

/// The administrator that a server creates in a database without administrators.
#[derive(Debug, Clone)]
pub struct FirstSuperuser {
    pub email: Email,
    /// Valid under the password policy.
    pub password: SecretString,
}

#[derive(Debug, Clone)]
pub struct Cors {
    pub origins: Origins,
    /// Matches whole origins only.
    pub origin_regex: Option<Regex>,
}

#[derive(Debug, Clone)]
pub struct Log {
    pub level: LogLevel,
    pub format: LogFormat,
}

#[derive(Debug, Clone)]
pub struct Docs {
    pub enabled: bool,
    pub redoc_script: Script,
}

#[derive(Debug, Clone)]
pub struct Mail {
    pub url: Option<MailUrl>,
    pub from: Sender,
    pub ca_file: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub struct Jobs {
    pub concurrency: usize,
    pub poll_interval: Duration,
    pub lease: Duration,
    pub max_backoff: Duration,
}

#[derive(Debug, Clone)]
pub struct Files {
    pub url: Option<ServiceUrl>,
}

#[derive(Debug, Clone)]
pub struct Redis {
    pub url: Option<ServiceUrl>,
}

#[derive(Debug, Clone)]
pub struct RateLimit {
    pub enabled: bool,
    /// The configured limits: a quota, or `None` for no limit.
    pub own: Vec<(Limit, Option<Quota>)>,
}

#[derive(Debug, Clone)]
pub struct Metrics {
    pub addr: Option<SocketAddr>,
}

#[derive(Debug, Clone)]
pub struct Telemetry {
    pub otlp_endpoint: Option<ServiceUrl>,
}
