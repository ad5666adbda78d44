//! The sources of values and their precedence.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::super::composed;
use super::super::keys::{KEYS, Kind};
use super::super::layers::from_toml;
use super::super::values::LogLevel;
use super::super::{Environment, LogFormat, Origins, PasswordHasher, check, show, show_json};
use super::*;
use keepstone_persistence::DatabaseUrl;

#[test]
fn the_default_is_development_on_loopback() {
    let settings = load(&[]).unwrap();
    assert_eq!(settings.app.environment, Environment::Development);
    assert_eq!((settings.server.host.as_str(), settings.server.port), ("127.0.0.1", 8000));
    assert_eq!(settings.database.url, DatabaseUrl::SqliteFile("./keepstone.db".into()));
    assert_eq!(settings.app.api_prefix, "/api/v1");
    assert_eq!(settings.app.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(settings.jwt.access_ttl.as_secs(), 30 * 60);
    assert_eq!(settings.jwt.refresh_ttl.as_secs(), 30 * 86_400);
    assert_eq!((settings.password.hasher, settings.password.bcrypt_cost), (PasswordHasher::Bcrypt, 12));
    assert_eq!(settings.password.hash_concurrency, 4, "as many as cores");
    assert_eq!(settings.sessions.refresh_idle_ttl, None);
    assert_eq!(settings.registration.default_role.as_str(), "user");
    let month = std::time::Duration::from_hours(30 * 24);
    assert_eq!(settings.users.purge_after, Some(month));
    assert_eq!(load(&[("PURGE_AFTER", "")]).unwrap().users.purge_after, Some(month));
    assert_eq!(load(&[("PURGE_AFTER", "0")]).unwrap().users.purge_after, None, "never");
    assert!(settings.docs.enabled && settings.rate_limit.enabled && !settings.password.blocklist);
    assert_eq!(settings.roles.scope("viewer"), Some("items:read"));
    assert!(settings.warnings.is_empty() && settings.without_effect().is_empty());
}

#[test]
fn every_key_is_in_the_defaults_with_its_variables_in_a_comment() {
    let text = include_str!("../../../../config/default.toml");
    assert!(from_toml(text, "default").problems.is_empty());
    let mut section = String::new();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if let Some((key, rest)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            let path = format!("{section}.{key}");
            let (_, comment) = rest.rsplit_once(" # ").unwrap_or_else(|| panic!("{path} has no comment"));
            if let Some(key) = KEYS.iter().find(|key| key.path == path) {
                let alias = key.alias.map_or_else(String::new, |alias| format!(", {alias}"));
                assert!(comment.starts_with(&format!("[{}{alias}] ", key.name)), "{path}: {comment}");
            }
            seen.insert(path);
        }
    }
    for key in KEYS {
        assert!(seen.contains(key.path), "{} is not in default.toml", key.path);
    }
    for environment in [Environment::Development, Environment::Production, Environment::Test] {
        assert_eq!(from_toml(environment.embedded(), "built-in").problems, [], "{environment}");
    }
}

#[test]
fn the_example_file_sets_nothing_until_uncommented_and_then_only_what_exists() {
    let example = include_str!("../../../../.env.example");
    let names = example.lines().filter_map(|line| line.strip_prefix('#')?.split_once('=')).map(|(name, _)| name);
    for name in names.filter(|name| !name.contains(' ')) {
        let is_role = name.starts_with("KEEPSTONE__ROLES__");
        let known = KEYS.iter().any(|key| key.name == name || format!("{}_FILE", key.name) == name) || is_role;
        let known = known || composed::names().any(|part| part == name);
        assert!(known, "{name}");
    }
    assert!(example.lines().all(|line| line.is_empty() || line.starts_with('#')));
}

#[test]
fn later_layers_take_precedence() {
    let folder = folder(&[("config/development.toml", "[server]\nport = 2\n[app]\nname = \"file\""), (".env", "")]);
    let port = |variables: &[(&str, &str)], flag| {
        load_with(folder.path(), variables, Overrides { port: flag, ..Overrides::default() }).unwrap().server.port
    };
    assert_eq!(port(&[], None), 2);
    fs::write(folder.path().join(".env"), "PORT=3").unwrap();
    assert_eq!(port(&[], None), 3);
    assert_eq!(port(&[("PORT", "4")], None), 4);
    assert_eq!(port(&[("PORT", "4")], Some(5)), 5);
    let settings = load_in(folder.path(), &[("PORT", "4")]).unwrap();
    assert_eq!(settings.app.name, "file");
    assert_eq!(settings.cors.origins, Origins::Listed(Vec::new()), "the file replaces the built-in profile");
    for line in
        ["PORT  4  environment variable PORT", "APP_NAME file config/development.toml", "HOST 127.0.0.1 default"]
    {
        let line: Vec<&str> = line.split_whitespace().collect();
        assert!(show(&settings).lines().any(|shown| shown.split_whitespace().collect::<Vec<_>>() == line), "{line:?}");
    }
}

#[test]
fn the_long_name_precedes_the_bare_name_and_that_its_alias() {
    let name = |variables: &[(&str, &str)]| load(variables).unwrap().app.name;
    assert_eq!(name(&[("PROJECT_NAME", "alias")]), "alias");
    assert_eq!(name(&[("PROJECT_NAME", "alias"), ("APP_NAME", "bare")]), "bare");
    assert_eq!(name(&[("APP_NAME", "bare"), ("KEEPSTONE__APP__NAME", "long")]), "long");
    assert_eq!(name(&[("APP_NAME", ""), ("PROJECT_NAME", "alias")]), "alias", "an empty variable is unset");
    let folder = folder(&[(".env", "APP_NAME=bare")]);
    let settings = load_in(folder.path(), &[("PROJECT_NAME", "alias")]).unwrap();
    assert_eq!(settings.app.name, "alias", "a later layer's alias precedes an earlier layer's bare name");
}

#[test]
fn every_bare_name_and_alias_is_read() {
    for key in KEYS {
        for name in key.variables() {
            // A control character or an unknown word: every parser rejects it, except those of free text.
            let (value, free) = match key.path {
                "app.version" | "jwt.keys_dir" | "mail.ca_file" | "database.ca_file" | "cors.origin_regex" => {
                    ("1", true)
                }
                "users.first_superuser_password" => ("short", false),
                _ if key.kind == Kind::Secret => ("short", true),
                "app.name" | "jwt.issuer" | "jwt.audience" => ("a\u{7}b", false),
                "roles" => continue,
                _ => ("\u{7}://nonsense:nonsense", false),
            };
            let result = load(&[(&name, value)]);
            if free {
                assert!(show(&result.unwrap()).contains(&format!("environment variable {name}\n")), "{name}");
            } else {
                let problems = result.unwrap_err();
                assert!(
                    problems.list.iter().any(|problem| problem.key == key.name && problem.origin.ends_with(&*name)),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn an_existing_env_file_of_a_template_works() {
    let folder = folder(&[(
        ".env",
        "PROJECT_NAME=Full Stack FastAPI Project\nENVIRONMENT=local\nDEBUG=True\n\
         POSTGRES_USER=app\nPOSTGRES_PASSWORD=s3cr$t\nDATABASE_URL=postgresql+asyncpg://${POSTGRES_USER}:${POSTGRES_PASSWORD}@db:5432/app\n\
         BACKEND_CORS_ORIGINS=[\"http://localhost:3000\", \"https://app.example.com/\"] # front ends\n\
         SECRET_KEY=changethis\nALGORITHM=HS256\nACCESS_TOKEN_EXPIRE_MINUTES=60\nLOG_LEVEL=WARNING\nSENTRY_DSN=\nAPI_V1_STR=/api/v2/\n",
    )]);
    let settings = load_in(folder.path(), &[]).unwrap();
    assert_eq!(settings.app.name, "Full Stack FastAPI Project");
    assert_eq!(settings.database.url.server().unwrap().as_str(), "postgres://app:s3cr$t@db:5432/app");
    assert_eq!(
        settings.cors.origins,
        Origins::Listed(vec!["http://localhost:3000".into(), "https://app.example.com".into()])
    );
    assert_eq!((settings.log.level, settings.app.api_prefix.as_str()), (LogLevel::Warn, "/api/v2"));
    assert!(settings.warnings.iter().any(|warning| warning.key == "SECRET_KEY"), "{:?}", settings.warnings);
}

#[test]
fn only_unknown_variables_with_the_prefix_are_a_problem() {
    let problems =
        load(&[("KEEPSTONE__SERVER__PROT", "1"), ("PROT", "1"), ("KEEPSTONE_SERVICE_HOST", "1")]).unwrap_err();
    assert_eq!(problems.list.len(), 1);
    assert_eq!(problems.list[0].key, "KEEPSTONE__SERVER__PROT");
    assert_eq!(problems.list[0].fix, "did you mean KEEPSTONE__SERVER__PORT?");
    assert_eq!(wrong(&[("keepstone__server__port", "1")]), ["keepstone__server__port"]);
    assert_eq!(wrong(&[("KEEPSTONE__X", "")]), ["KEEPSTONE__X"]);
}

#[test]
fn an_unknown_key_in_a_file_is_a_problem() {
    let folder = folder(&[("config/test.toml", "stray = 1\n[server]\nprot = 1\nport = [1]\n[srever]\nport = 1")]);
    let problems = load_in(folder.path(), &[("ENVIRONMENT", "test")]).unwrap_err();
    let keys: Vec<&str> = problems.list.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["server.prot", "srever.port", "stray", "PORT"]);
    assert!(problems.list[0].fix.contains("`server.port`"));
}

#[test]
fn an_invalid_file_is_named_but_never_quoted() {
    let folder = folder(&[("config/development.toml", "[jwt]\nsecret_key = canary\n")]);
    let text = load_in(folder.path(), &[]).unwrap_err().to_string();
    assert!(text.contains("config/development.toml") && text.contains("line 2"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn a_profile_file_cannot_choose_the_profile() {
    let folder = folder(&[("config/development.toml", "[app]\nenvironment = \"production\"")]);
    assert!(load_in(folder.path(), &[]).unwrap_err().list.iter().any(|problem| problem.key == "ENVIRONMENT"));
}

#[test]
fn a_secret_is_read_from_the_file_that_its_variable_names() {
    let database = "postgres://u:s3same-0pen@h/d";
    let folder = folder(&[("jwt", &format!("{STRONG}\n")), ("db", database)]);
    let settings = load_in(folder.path(), &[("JWT_SECRET_KEY_FILE", "jwt"), ("DATABASE_URL_FILE", "db")]).unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(settings.signing_key().unwrap()), STRONG);
    assert_eq!(settings.database.url.server().unwrap().as_str(), database);
    let problems =
        load_in(folder.path(), &[("SECRET_KEY_FILE", "none"), ("JWT_SECRET", "x"), ("JWT_SECRET_FILE", "jwt")])
            .unwrap_err();
    let text = problems.to_string();
    assert_eq!(problems.list.len(), 2, "{text}");
    assert!(
        text.contains("file named by environment variable SECRET_KEY_FILE")
            && text.contains("JWT_SECRET_FILE is set as well"),
        "{text}"
    );
}

#[test]
fn a_value_that_is_not_utf8_is_a_problem_only_for_known_variables() {
    let bytes = || OsString::from_vec(vec![0xff]);
    let inputs = Inputs::new(
        [("PORT".into(), bytes()), ("OTHER".into(), bytes()), (bytes(), "x".into())],
        "/nonexistent",
        Overrides::default(),
        1,
    );
    let problems = Settings::load(&inputs).unwrap_err();
    assert_eq!(problems.list.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>(), ["PORT"]);
}

#[test]
fn keys_without_effect_are_reported_only_if_configured() {
    let settings = load(&[
        ("REDIS_URL", "redis://localhost"),
        ("METRICS_ADDR", "127.0.0.1:9090"),
        ("PORT", "0"),
        ("ENVIRONMENT", "test"),
    ])
    .unwrap();
    assert_eq!(settings.without_effect(), ["REDIS_URL", "METRICS_ADDR"]);
    assert!(check(&Ok(settings)).contains("without effect in this version: REDIS_URL, METRICS_ADDR"));
}

#[test]
fn show_and_check_print_the_profile_and_every_key() {
    let settings = load(&[("ENVIRONMENT", "prod"), ("JWT_SECRET", STRONG), ("DATABASE_URL", DATABASE)]).unwrap();
    assert_eq!(settings.log.format, LogFormat::Json);
    let text = show(&settings);
    assert!(KEYS.iter().all(|key| text.lines().any(|line| line.starts_with(&format!("{} ", key.name)))));
    assert!(
        text.contains("(set, 44 bytes)")
            && text.contains("environment variable JWT_SECRET\n")
            && !text.contains(STRONG)
    );
    assert!(
        text.lines().any(|line| line.starts_with("LOG_FORMAT") && line.ends_with("built-in config/production.toml"))
    );
    let list: serde_json::Value = serde_json::from_str(&show_json(&settings)).unwrap();
    let entry = list.as_array().unwrap().iter().find(|entry| entry["name"] == "ENVIRONMENT").unwrap();
    assert_eq!(entry["value"], "production");
    assert_eq!(entry["origin"], "environment variable ENVIRONMENT");
    let checked = check(&Ok(settings));
    assert!(checked.starts_with("ok: production (environment variable ENVIRONMENT)\n"), "{checked}");
    assert!(check(&load(&[("PORT", "x")])).starts_with("the configuration has 1 problem:"));
}
