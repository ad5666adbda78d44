//! Variables of `.env` without effect: misspelt keys, and those of common templates. Other unknown variables belong to
//! other programs and are not reported.

use std::collections::BTreeSet;

use super::composed;
use super::dotenv::Dotenv;
use super::keys::{self, KEYS, PREFIX};
use super::problems::{Problem, Wrong};

/// The key to set instead of variables of other programs.
const RENAMED: &[(&str, &[&str])] = &[
    (
        "DATABASE_URL",
        &[
            "SQLALCHEMY_DATABASE_URI",
            "SQLALCHEMY_DATABASE_URL",
            "ASYNC_DATABASE_URI",
            "ASYNC_DATABASE_URL",
            "DATABASE_URI",
            "DB_URL",
            "DB_URI",
            "POSTGRES_URL",
            "POSTGRES_URI",
            "MYSQL_URL",
            "DATABASE_HOST",
            "DATABASE_HOSTNAME",
            "DATABASE_PORT",
            "DATABASE_DB",
            "DATABASE_NAME",
            "DATABASE_USER",
            "DATABASE_USERNAME",
            "DATABASE_PASSWORD",
            "DB_HOST",
            "DB_PORT",
            "DB_NAME",
            "DB_USER",
            "DB_USERNAME",
            "DB_PASSWORD",
            "DB_PASS",
        ],
    ),
    ("DB_POOL_SIZE", &["POSTGRES_POOL_SIZE", "DATABASE_POOL_SIZE"]),
    ("ENVIRONMENT", &["ENV", "APP_ENV", "FASTAPI_ENV"]),
    ("PUBLIC_URL", &["SERVER_HOST", "BASE_URL", "BACKEND_URL", "BACKEND_HOST"]),
    ("CORS_ORIGINS", &["ALLOWED_ORIGINS", "CORS_ALLOWED_ORIGINS", "ALLOW_ORIGINS", "BACKEND_CORS_ORIGIN"]),
    ("REGISTRATION", &["USERS_OPEN_REGISTRATION", "OPEN_REGISTRATION"]),
    ("SMTP_USER", &["SMTP_USERNAME", "SMTP_LOGIN"]),
    ("SMTP_HOST", &["SMTP_SERVER"]),
    (
        "MAIL_URL",
        &[
            "MAIL_SERVER",
            "MAIL_PORT",
            "MAIL_USERNAME",
            "MAIL_PASSWORD",
            "MAIL_STARTTLS",
            "MAIL_SSL_TLS",
            "MAIL_TLS",
            "MAIL_SSL",
        ],
    ),
    ("MAIL_FROM", &["MAIL_FROM_NAME", "EMAIL_FROM", "EMAILS_FROM"]),
    ("REDIS_URL", &["REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD", "REDIS_DB", "REDIS_CACHE_HOST", "REDIS_CACHE_PORT"]),
    ("FIRST_SUPERUSER", &["ADMIN_EMAIL", "SUPERUSER_EMAIL", "FIRST_SUPERUSER_EMAIL", "FIRST_ADMIN_EMAIL"]),
    ("FIRST_SUPERUSER_PASSWORD", &["ADMIN_PASSWORD", "SUPERUSER_PASSWORD", "FIRST_ADMIN_PASSWORD"]),
    ("JWT_SECRET_KEY", &["AUTH_SECRET", "SECRET", "JWT_KEY"]),
    ("JWT_ALGORITHM", &["JWT_ALG"]),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", &["JWT_EXP", "JWT_EXPIRE_MINUTES", "JWT_EXPIRATION"]),
];
/// Variables of templates without an equivalent here.
const WITHOUT_EFFECT: &[&str] = &[
    "ADMIN_NAME",
    "ADMIN_USERNAME",
    "APP_DESCRIPTION",
    "BACKEND_PORT",
    "CLIENT_CACHE_MAX_AGE",
    "COMPOSE_PROJECT_NAME",
    "CONTACT_EMAIL",
    "CONTACT_NAME",
    "DB_ECHO",
    "DEFAULT_RATE_LIMIT_LIMIT",
    "DEFAULT_RATE_LIMIT_PERIOD",
    "DOMAIN",
    "EMAIL_TEST_USER",
    "FRONTEND_PORT",
    "GUNICORN_WORKERS",
    "LICENSE_NAME",
    "MYSQL_ROOT_PASSWORD",
    "NODE_ENV",
    "PROJECT_DESCRIPTION",
    "RELOAD",
    "SENTRY_DSN",
    "SERVER_NAME",
    "STACK_NAME",
    "TAG",
    "TIER_NAME",
    "TIER_NAME_DEFAULT",
    "UVICORN_WORKERS",
    "WEB_CONCURRENCY",
    "WORKERS",
];
/// Prefixes of the variables of tools that templates configure in the same file.
const OF_TOOLS: &[&str] = &[
    "CELERY_",
    "DOCKER_IMAGE_",
    "FLOWER_",
    "NEXT_PUBLIC_",
    "PGADMIN_",
    "POSTGRES_ASYNC_",
    "POSTGRES_SYNC_",
    "REDIS_QUEUE_",
    "REDIS_RATE_LIMIT_",
    "SENTRY_",
    "TRAEFIK_",
    "VITE_",
];

/// Returns a warning for every misspelt or renamed key, and one for all variables without effect. Variables that other
/// lines refer to have an effect.
pub(super) fn warnings(file: &Dotenv, place: &str) -> Vec<Problem> {
    let known = known();
    let unknown = file.values.iter().filter(|(name, value)| {
        !value.is_empty()
            && !known.contains(*name)
            && !file.referenced.contains(*name)
            && !name.to_ascii_uppercase().starts_with(PREFIX)
    });
    let (mut found, mut idle) = (Vec::new(), Vec::new());
    for (name, _) in unknown {
        let upper = name.to_ascii_uppercase();
        // Other programs also nest by `__`: `SECURITY__JWT_SECRET_KEY`, `DATABASE__HOST`.
        let last = upper.rsplit_once("__").map_or(upper.as_str(), |(_, last)| last);
        let flat = upper.replace("__", "_");
        let renamed = RENAMED.iter().find(|(_, names)| names.contains(&flat.as_str())).map(|(key, _)| *key);
        let is_idle = WITHOUT_EFFECT.contains(&upper.as_str()) || OF_TOOLS.iter().any(|start| upper.starts_with(start));
        if let Some(key) = renamed {
            found.push(Wrong::new("has no effect here", format!("set {key} instead")).of(name, place));
        } else if is_idle {
            idle.push(name.as_str());
        } else if let Some(nearest) = keys::nearest(last, known.iter().cloned()) {
            found.push(Wrong::new("is not a setting", format!("did you mean {nearest}?")).of(name, place));
        }
    }
    if !idle.is_empty() {
        let message = format!("has variables without effect: {}", idle.join(", "));
        found.push(Wrong::new(message, "remove those that no other program reads").of(".env", place));
    }
    found
}

/// Returns every variable that has an effect.
fn known() -> BTreeSet<String> {
    let keys = KEYS.iter().flat_map(|key| {
        let names = key.variables().map(std::borrow::Cow::into_owned);
        let files = key.variables().filter(|_| key.may_be_file()).map(|name| format!("{name}_FILE"));
        names.chain(files)
    });
    keys.chain(composed::names()).collect()
}
