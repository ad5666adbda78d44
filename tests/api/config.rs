//! Configuration errors are reported all at once and without secrets.

use crate::harness::{Home, PASSWORD, Server};

const BAD: [(&str, &str); 8] = [
    ("DATABASE_URL", "oracle://scott:tiger4711@host/db"),
    ("PORT", "eighty"),
    ("JWT_ALGORITHM", "none"),
    ("PASSWORD_HASHER", "md5"),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "soon"),
    ("REGISTRATION", "maybe"),
    ("TOKEN_RESPONSE_CASE", "kebab"),
    ("LOG_FORMAT", "xml"),
];

fn bad() -> Home {
    BAD.into_iter().fold(Home::new().env("JWT_SECRET_KEY", "canary"), |home, (name, value)| home.env(name, value))
}

#[test]
fn every_mistake_is_reported_at_once() {
    for command in [["config", "check"], ["serve", "--announce"], ["migrate", "check"]] {
        let run = bad().cli(command).exits(2);
        for (name, _value) in BAD {
            assert!(run.stderr.contains(name), "{name} is not in {run:#?}");
        }
        assert!(!run.output().contains("canary") && !run.output().contains("tiger4711"), "{run:#?}");
    }
}

#[test]
fn an_unknown_database_is_rejected_with_the_supported_ones() {
    for url in ["oracle://host/db", "host/db", "keepstone.db"] {
        let run = Home::new().env("DATABASE_URL", url).cli(["config", "check"]).exits(2);
        for known in ["sqlite", "postgres", "mysql"] {
            assert!(run.stderr.contains(known), "{run:#?}");
        }
    }
}

#[test]
fn a_valid_configuration_passes_and_is_shown_without_secrets() {
    let home = Home::new();
    home.cli(["config", "check"]).exits(0);
    let shown = home.cli(["config", "show"]).exits(0).output();
    assert!(!shown.contains("k3Zp-9vQw_2LrTn8") && !shown.contains("keepstone:keepstone@"), "{shown}");
}

#[test]
fn production_rejects_development_settings() {
    let production = || Home::new().env("ENVIRONMENT", "production").env("DATABASE_URL", "sqlite::memory:");
    production().cli(["config", "check"]).exits(0);
    for secret in ["", "too-short", "changeme", "supersecretkey", "your-secret-key", &"a".repeat(64)] {
        let run = production().env("JWT_SECRET_KEY", secret).cli(["config", "check"]).exits(2);
        assert!(run.stderr.contains("JWT_SECRET_KEY"), "{run:#?}");
    }
    production().without("JWT_SECRET_KEY").cli(["serve", "--announce"]).exits(2);
    let bad = [("CORS_ORIGINS", "*"), ("DEBUG", "true"), ("BCRYPT_COST", "9"), ("JWT_SECRET_KEY", "changeme")];
    let run = bad.into_iter().fold(production(), |home, (name, value)| home.env(name, value));
    let run = run.cli(["config", "check"]).exits(2);
    for (name, _value) in bad {
        assert!(run.stderr.contains(name), "{name} is not in {run:#?}");
    }
}

#[test]
fn check_and_serve_report_the_same_five_problems() {
    let bad = [
        ("JWT_SECRET_KEY", "changeme"),
        ("DEBUG", "true"),
        ("CORS_ORIGINS", "*"),
        ("DATABASE_URL", "postgres://postgres:p%6Fstgres@127.0.0.1/app"),
        ("KEEPSTONE__ROLES__EDITOR", "items:raed"),
    ];
    let home =
        bad.into_iter().fold(Home::new().env("ENVIRONMENT", "production"), |home, (name, value)| home.env(name, value));
    for command in [["config", "check"], ["serve", "--announce"]] {
        let run = home.cli(command).exits(2);
        assert_eq!(run.stderr.matches("fix: ").count(), 5, "{run:#?}");
        for (name, _value) in bad {
            assert!(run.stderr.contains(&format!("{name} ")), "{name} is not in {run:#?}");
        }
        assert!(run.stderr.contains("did you mean items:read?"), "{run:#?}");
        assert!(run.stdout.is_empty(), "{run:#?}");
    }
}

#[tokio::test]
async fn a_configured_role_has_the_permissions_it_lists() {
    let server = Server::with()
        .env("KEEPSTONE__ROLES__AUDITOR", "audit:read,users:read")
        .env("DEFAULT_ROLE", "auditor")
        .start()
        .await;
    let ada = server.user("ada").await;
    ada.get("/api/v1/audit").await.is(200);
    assert_eq!(ada.tokens["scope"], "audit:read users:read");
    assert_eq!(ada.get("/api/v1/users/me").await.is(200).json()["role"], "auditor");
    let plain = Server::start().await;
    plain.user("ada").await.get("/api/v1/audit").await.is(403);
}

#[test]
fn a_public_listen_address_counts_as_production() {
    let home = Home::new().without("ENVIRONMENT").without("JWT_SECRET_KEY").env("HOST", "0.0.0.0");
    let run = home.cli(["config", "check"]).exits(2);
    assert!(run.stderr.contains("JWT_SECRET_KEY"), "{run:#?}");
}

#[tokio::test]
async fn the_environment_overrides_a_dotenv_file() {
    let dotenv =
        "# from an older project\nTOKEN_RESPONSE_CASE=camel\nexport APP_VERSION=\"1.2.3\"\nREGISTRATION=closed\n";
    let server = Server::with().file(".env", dotenv).env("REGISTRATION", "open").start().await;
    let ada = server.anonymous().register("ada").await;
    assert!(ada.try_log_in(PASSWORD).await.is(200).json()["accessToken"].is_string());
    assert_eq!(server.anonymous().get("/health").await.is(200).json()["version"], "1.2.3");
}

#[tokio::test]
async fn older_names_of_settings_still_work() {
    let server = Server::with().env("VERSION", "4.5.6").env("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", "5").start().await;
    assert_eq!(server.anonymous().get("/health").await.is(200).json()["version"], "4.5.6");
    assert_eq!(server.user("ada").await.tokens["expires_in"], 300);
    let server = Server::with().env("KEEPSTONE__JWT__ACCESS_TOKEN_EXPIRE_MINUTES", "6").start().await;
    assert_eq!(server.user("ada").await.tokens["expires_in"], 360);
}

#[tokio::test]
async fn a_sqlalchemy_driver_in_the_database_url_is_ignored() {
    let home = Home::new();
    let url = home.database.url().to_owned();
    let (scheme, rest) = url.split_once("://").unwrap();
    let driver = match scheme {
        "sqlite" => "aiosqlite",
        "postgres" => "asyncpg",
        _ => "aiomysql",
    };
    let url = format!("{scheme}+{driver}://{rest}").replace("postgres+", "postgresql+");
    home.env("DATABASE_URL", &url).start().await.user("ada").await;
}
