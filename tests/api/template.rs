//! The `.env` files of well-known templates (`tests/templates`): each starts unchanged in development, and production
//! reports its problems.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use keepstone_test_backends::Database;
use reqwest::Method;
use serde_json::Value;

use crate::harness::Home;

/// A file, the warnings of `config check` in development, and the keys that production rejects.
struct Template {
    name: &'static str,
    warned: &'static [&'static str],
    refused: &'static [&'static str],
}

const TEMPLATES: [Template; 6] = [
    Template {
        name: "full-stack-fastapi-template",
        warned: &[".env", "FIRST_SUPERUSER_PASSWORD", "SECRET_KEY"],
        refused: &["DATABASE_URL", "FIRST_SUPERUSER_PASSWORD", "SECRET_KEY"],
    },
    Template {
        name: "full-stack-fastapi-postgresql",
        warned: &[".env", "FIRST_SUPERUSER_PASSWORD", "SECRET_KEY", "USERS_OPEN_REGISTRATION"],
        refused: &["DATABASE_URL", "FIRST_SUPERUSER_PASSWORD", "SECRET_KEY"],
    },
    Template {
        name: "fastapi-boilerplate",
        warned: &[".env", "ADMIN_EMAIL", "ADMIN_PASSWORD", "REDIS_CACHE_HOST", "REDIS_CACHE_PORT"],
        refused: &["DATABASE_URL", "JWT_SECRET_KEY"],
    },
    Template {
        name: "fastapi-realworld-example-app",
        warned: &["APP_ENV", "SECRET_KEY"],
        refused: &["DATABASE_URL", "DEBUG", "SECRET_KEY"],
    },
    Template {
        name: "fastapi-production-template",
        warned: &["JWT_ALG", "JWT_EXP", "JWT_SECRET_KEY"],
        refused: &["DATABASE_URL", "JWT_SECRET_KEY"],
    },
    Template {
        name: "minimal-fastapi-postgres-template",
        warned: &[
            "DATABASE__DB",
            "DATABASE__HOSTNAME",
            "DATABASE__PASSWORD",
            "DATABASE__PORT",
            "DATABASE__USERNAME",
            "SECURITY__BACKEND_CORS_ORIGINS",
            "SECURITY__JWT_SECRET_KEY",
        ],
        refused: &["DATABASE_URL", "JWT_SECRET_KEY"],
    },
];
/// The secrets in these files.
const SECRETS: [&str; 5] =
    ["changethis", "DVnFmhwvjEhJZpuhndxjhlez", "XsPQhCoEfOQZueDjsILet", "Str1ngst!", "myStrongPassword"];

impl Template {
    /// Returns a folder with this file and an empty environment.
    fn home(&self) -> Home {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/templates").join(format!("{}.env", self.name));
        let home = ["ENVIRONMENT", "DATABASE_URL", "AUTO_MIGRATE", "JWT_SECRET_KEY", "LOG_LEVEL"]
            .into_iter()
            .fold(Home::new(), Home::without)
            .file(".env", &fs::read_to_string(path).unwrap());
        fs::set_permissions(home.path().join(".env"), fs::Permissions::from_mode(0o600)).unwrap();
        home
    }
}

/// Returns the keys in this list of `config check --json`.
fn keys(report: &Value, list: &str) -> Vec<String> {
    let mut keys: Vec<String> =
        report[list].as_array().unwrap().iter().map(|problem| problem["key"].as_str().unwrap().to_owned()).collect();
    keys.sort();
    keys.dedup();
    keys
}

#[test]
fn development_accepts_each_file_and_names_settings_without_effect() {
    for template in TEMPLATES {
        let run = template.home().cli(["config", "check", "--json"]).exits(0);
        let report = run.json();
        assert_eq!(report["environment"], "development", "{}", template.name);
        assert_eq!(keys(&report, "warnings"), template.warned, "{}: {report:#}", template.name);
        assert!(SECRETS.iter().all(|secret| !run.output().contains(secret)), "{run:#?}");
    }
}

#[test]
fn production_rejects_each_file_and_names_the_keys() {
    for template in TEMPLATES {
        for environment in ["production", "staging"] {
            let home = template.home().env("ENVIRONMENT", environment);
            let run = home.cli(["config", "check", "--json"]).exits(2);
            assert_eq!(keys(&run.json(), "problems"), template.refused, "{}: {run:#?}", template.name);
            assert!(SECRETS.iter().all(|secret| !run.output().contains(secret)), "{run:#?}");
            home.cli(["serve", "--announce"]).exits(2);
        }
    }
}

#[tokio::test]
async fn each_file_starts_a_development_server_on_its_own_database() {
    for template in TEMPLATES {
        let home = template.home();
        let url = home.database.url().to_owned();
        let server = home.env("DATABASE_URL", &url).env("AUTO_MIGRATE", "true").start().await;
        server.anonymous().get("/health/ready").await.is(200);
        let log = server.log();
        for name in template.warned {
            let is_named = |line: &&str| line.contains("WARN") && line.contains(&format!("{name} "));
            assert_eq!(log.lines().filter(is_named).count(), 1, "{name}: {log}");
        }
        assert!(SECRETS.iter().all(|secret| !log.contains(secret)), "{log}");
    }
}

#[tokio::test]
async fn the_administrator_of_the_full_stack_template_logs_in() {
    let home = TEMPLATES[0].home();
    let url = home.database.url().to_owned();
    let server = home.env("DATABASE_URL", &url).env("AUTO_MIGRATE", "true").start().await;
    let admin = server.anonymous().named("admin@example.com");
    let tokens = admin.try_log_in("changethis").await.is(200).json();
    assert!(tokens["scope"].as_str().unwrap().contains("users:manage"), "{tokens}");
    let preflight =
        server.anonymous().request(Method::OPTIONS, "/api/v1/auth/login").header("origin", "http://localhost:5173");
    let preflight = preflight.header("access-control-request-method", "POST").await.is(200);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("http://localhost:5173"));
}

/// Returns the parts of a URL such as `postgres://user:password@host:port/name`.
fn parts(url: &str) -> [String; 5] {
    let url = url.split_once("://").unwrap().1;
    let (login, place) = url.rsplit_once('@').unwrap();
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, name) = place.split_once('/').unwrap();
    let (host, port) = host.split_once(':').unwrap();
    let name = name.split('?').next().unwrap();
    [host, port, user, password, name].map(str::to_owned)
}

#[tokio::test]
async fn a_database_configured_in_parts_is_connected_to() {
    let prefix = match Database::chosen() {
        Database::Sqlite => return,
        Database::Postgres => "POSTGRES",
        Database::Mariadb => "MYSQL",
    };
    let home = Home::new().without("DATABASE_URL");
    let [host, port, user, password, name] = parts(home.database.url());
    let dotenv = format!(
        "{prefix}_HOST={host}\n{prefix}_PORT={port}\n{prefix}_DB={name}\n{prefix}_USER={user}\n{prefix}_PASSWORD='{password}'\n"
    );
    let server = home.file(".env", &dotenv).start().await;
    server.user("ada").await.get("/api/v1/users/me").await.is(200);
}

#[test]
fn production_does_not_create_a_new_sqlite_file() {
    let home = Home::new().without("DATABASE_URL").env("ENVIRONMENT", "production");
    for command in [["config", "check"], ["serve", "--announce"], ["migrate", "upgrade"]] {
        let run = home.cli(command).exits(2);
        assert!(run.stderr.contains("DATABASE_URL"), "{run:#?}");
    }
    assert!(!home.path().join("keepstone.db").exists());
}
