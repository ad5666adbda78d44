//! The names and defaults that users rely on and that are documented.

use std::collections::BTreeSet;

use super::super::composed;
use super::super::keys::{KEYS, PREFIX};
use super::super::layers::{DEFAULT, Tree, from_toml};
use super::super::reader::scalar;

/// A bare name, its alias, and its default if it is documented.
const PROMISED: [(&str, Option<&str>, Option<&str>); 47] = [
    ("APP_NAME", Some("PROJECT_NAME"), None),
    ("APP_VERSION", Some("VERSION"), Some("")),
    ("DEBUG", None, Some("false")),
    ("ENVIRONMENT", None, Some("")),
    ("API_V1_PREFIX", Some("API_V1_STR"), Some("/api/v1")),
    ("DATABASE_URL", None, Some("sqlite:///./keepstone.db")),
    ("DATABASE_REPLICA_URL", None, Some("")),
    ("DB_POOL_SIZE", None, None),
    ("SECRET_KEY", None, Some("")),
    ("JWT_SECRET_KEY", Some("JWT_SECRET"), Some("")),
    ("JWT_REFRESH_SECRET", None, Some("")),
    ("JWT_ALGORITHM", Some("ALGORITHM"), Some("HS256")),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", Some("JWT_ACCESS_TOKEN_EXPIRE_MINUTES"), Some("30")),
    ("REFRESH_TOKEN_EXPIRE_DAYS", Some("JWT_REFRESH_TOKEN_EXPIRE_DAYS"), Some("30")),
    ("CORS_ORIGINS", Some("BACKEND_CORS_ORIGINS"), None),
    ("REDIS_URL", None, Some("")),
    ("JWT_ISSUER", None, None),
    ("JWT_AUDIENCE", None, None),
    ("JWT_KEYS_DIR", None, Some("")),
    ("PASSWORD_HASHER", None, Some("bcrypt")),
    ("PASSWORD_MIN_LENGTH", None, Some("8")),
    ("PASSWORD_BLOCKLIST", None, Some("false")),
    ("HASH_CONCURRENCY", None, Some("0")),
    ("REGISTRATION", None, Some("open")),
    ("REGISTRATION_CONCEAL", None, Some("false")),
    ("DEFAULT_ROLE", None, Some("user")),
    ("REFRESH_GRACE", None, None),
    ("REFRESH_IDLE_TTL", None, Some("0")),
    ("PRINCIPAL_CACHE_TTL", None, Some("5")),
    ("TOKEN_RESPONSE_CASE", None, Some("snake")),
    ("RATE_LIMIT_ENABLED", None, Some("true")),
    ("TRUSTED_PROXIES", None, None),
    ("PUBLIC_URL", None, Some("")),
    ("DOCS_ENABLED", None, Some("true")),
    ("METRICS_ADDR", None, Some("")),
    ("AUTO_MIGRATE", None, Some("false")),
    ("HOST", None, Some("127.0.0.1")),
    ("PORT", None, Some("8000")),
    ("LOG_LEVEL", None, Some("info")),
    ("LOG_FORMAT", None, Some("text")),
    ("MAIL_URL", None, Some("")),
    ("MAIL_FROM", None, None),
    ("FILES_URL", None, Some("file:./files")),
    ("FRONTEND_URL", Some("FRONTEND_HOST"), Some("")),
    ("FIRST_SUPERUSER", None, Some("")),
    ("FIRST_SUPERUSER_PASSWORD", None, Some("")),
    ("ALLOW_INSECURE_BACKEND", None, Some("false")),
];
/// The documentation for users.
const PAGES: [(&str, &str); 13] = [
    ("README.md", include_str!("../../../../README.md")),
    ("docs/api.md", include_str!("../../../../docs/api.md")),
    ("docs/authentication.md", include_str!("../../../../docs/authentication.md")),
    ("docs/commands.md", include_str!("../../../../docs/commands.md")),
    ("docs/email.md", include_str!("../../../../docs/email.md")),
    ("docs/errors.md", include_str!("../../../../docs/errors.md")),
    ("docs/jobs.md", include_str!("../../../../docs/jobs.md")),
    ("docs/lists-and-search.md", include_str!("../../../../docs/lists-and-search.md")),
    ("docs/migrating-from-fastapi.md", include_str!("../../../../docs/migrating-from-fastapi.md")),
    ("docs/sessions.md", include_str!("../../../../docs/sessions.md")),
    ("docs/operations.md", include_str!("../../../../docs/operations.md")),
    ("docs/backups.md", include_str!("../../../../docs/backups.md")),
    (".env.example", include_str!("../../../../.env.example")),
];
/// Words that only look like variables: a variable of the tests, and values of `ssl-mode` in the URL of a database.
const OTHERS: [&str; 3] = ["TEST_DATABASE", "VERIFY_CA", "VERIFY_IDENTITY"];

#[test]
fn every_documented_name_is_a_key_with_its_alias_and_its_default() {
    let defaults = from_toml(include_str!("../../../../config/default.toml"), DEFAULT);
    let tree = Tree::merge([&defaults.layer]).unwrap();
    for (name, alias, default) in PROMISED {
        let key = KEYS.iter().find(|key| key.name == name).unwrap_or_else(|| panic!("{name} is not a key"));
        assert_eq!(key.alias, alias, "{name}");
        if let Some(default) = default {
            assert_eq!(tree.value(key.path).and_then(scalar).as_deref(), Some(default), "{name}");
        }
    }
}

#[test]
fn no_two_keys_share_a_name() {
    let mut seen = BTreeSet::new();
    for name in KEYS.iter().flat_map(|key| key.variables().collect::<Vec<_>>()) {
        assert!(seen.insert(name.to_string()), "{name}");
    }
    for part in composed::names() {
        assert!(seen.insert(part.clone()), "{part}");
    }
}

/// Returns every word of a page in the form of a variable with more than one part: `AB_CD`.
fn variables(page: &str) -> impl Iterator<Item = &str> {
    let words = page.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| {
        let is_upper = word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        is_upper && word.trim_matches('_').contains('_')
    })
}

#[test]
fn documented_variables_exist() {
    let names: BTreeSet<String> = KEYS
        .iter()
        .flat_map(|key| key.variables().flat_map(|name| [name.to_string(), format!("{name}_FILE")]).collect::<Vec<_>>())
        .chain(composed::names())
        .chain(OTHERS.map(str::to_owned))
        .collect();
    for (page, text) in PAGES {
        for name in variables(text) {
            // `POSTGRES_*`, `_FILE`
            let is_part =
                name.starts_with('_') || names.iter().any(|known| name.ends_with('_') && known.starts_with(name));
            assert!(is_part || name.starts_with(PREFIX) || names.contains(name), "{page} names {name}");
        }
    }
}
