//! Values that common templates set in parts.

use super::super::{LogFormat, Origins, show};
use super::*;

const POSTGRES: [(&str, &str); 4] = [
    ("POSTGRES_SERVER", "localhost"),
    ("POSTGRES_USER", "app"),
    ("POSTGRES_PASSWORD", "s3same-0pen"),
    ("POSTGRES_DB", "shop"),
];

fn with(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let kept = POSTGRES.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    kept.chain(changes).copied().collect()
}

/// Returns the URL of the database as it was written, including the password.
fn database(settings: &Settings) -> String {
    let url = &settings.database.url;
    url.server().map_or_else(|| url.to_string(), |server| server.as_str().to_owned())
}

#[test]
fn a_database_can_be_configured_in_parts() {
    let postgres = |url: &str| format!("postgres://{url}");
    for (variables, url) in [
        (with(&[]), postgres("app:s3same-0pen@localhost/shop")),
        (with(&[("POSTGRES_PORT", "5433")]), postgres("app:s3same-0pen@localhost:5433/shop")),
        (with(&[("POSTGRES_SERVER", ""), ("POSTGRES_HOST", "db")]), postgres("app:s3same-0pen@db/shop")),
        (with(&[("POSTGRES_SERVER", "::1")]), postgres("app:s3same-0pen@[::1]/shop")),
        (with(&[("POSTGRES_SERVER", "/run/pg")]), postgres("app:s3same-0pen@/shop?host=%2Frun%2Fpg")),
        (with(&[("POSTGRES_PASSWORD", "")]), postgres("app@localhost/shop")),
        (
            with(&[("POSTGRES_PASSWORD", "p@s:s/w?o#r%d é")]),
            postgres("app:p%40s%3As%2Fw%3Fo%23r%25d%20%C3%A9@localhost/shop"),
        ),
        (with(&[("POSTGRES_USER", "a:b"), ("POSTGRES_DB", "my/db")]), postgres("a%3Ab:s3same-0pen@localhost/my%2Fdb")),
        (with(&[("DATABASE_URL", "sqlite:///./x.db")]), "sqlite:///./x.db".to_owned()),
        (with(&[("KEEPSTONE__DATABASE__URL", "sqlite:///./x.db")]), "sqlite:///./x.db".to_owned()),
        (with(&[("ENVIRONMENT", "test")]), postgres("app:s3same-0pen@localhost/shop")),
    ] {
        assert_eq!(database(&load(&variables).unwrap()), url, "{variables:?}");
    }
    let mysql = [
        ("MYSQL_HOST", "db.example.com"),
        ("MYSQL_PORT", "3307"),
        ("MYSQL_USER", "app"),
        ("MYSQL_PASSWORD", "p@ss"),
        ("MYSQL_DATABASE", "shop"),
    ];
    assert_eq!(database(&load(&mysql).unwrap()), "mysql://app:p%40ss@db.example.com:3307/shop");
}

#[test]
fn parts_are_read_from_every_place_and_a_url_takes_precedence() {
    let dotenv = POSTGRES.map(|(name, value)| format!("{name}={value}\n")).concat();
    let folder = folder(&[(".env", &dotenv), ("password", "fr0m-a-file\n")]);
    let url = |variables: &[(&str, &str)]| database(&load_in(folder.path(), variables).unwrap());
    let postgres = |url: &str| format!("postgres://{url}");
    assert_eq!(
        url(&[("POSTGRES_SERVER", "db")]),
        postgres("app:s3same-0pen@db/shop"),
        "the environment takes precedence"
    );
    assert_eq!(url(&[("DATABASE_URL", "sqlite::memory:")]), "sqlite::memory:");
    let empty = [("POSTGRES_SERVER", ""), ("POSTGRES_PASSWORD", "")];
    assert_eq!(url(&empty), postgres("app:s3same-0pen@localhost/shop"), "an empty variable is unset");
    let settings = load_in(folder.path(), &[]).unwrap();
    let shown = show(&settings);
    assert!(shown.contains(".env variable POSTGRES_*") && !shown.contains("s3same-0pen"), "{shown}");
    fs::write(folder.path().join(".env"), dotenv.replace("POSTGRES_PASSWORD=", "#")).unwrap();
    assert_eq!(url(&[("POSTGRES_PASSWORD_FILE", "password")]), postgres("app:fr0m-a-file@localhost/shop"));
    fs::write(folder.path().join(".env"), format!("{dotenv}DATABASE_URL=sqlite:///./x.db\n")).unwrap();
    assert_eq!(url(&[("POSTGRES_SERVER", "db")]), "sqlite:///./x.db");
    fs::write(folder.path().join(".env"), dotenv.replace("POSTGRES_DB", "OTHER")).unwrap();
    fs::create_dir(folder.path().join("config")).unwrap();
    fs::write(folder.path().join("config/development.toml"), "[database]\nurl = \"sqlite:///./y.db\"").unwrap();
    assert_eq!(url(&[]), "sqlite:///./y.db", "of a file, too");
}

#[test]
fn missing_invalid_or_ambiguous_parts_are_reported() {
    let all = ["POSTGRES_SERVER", "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"];
    for missing in all {
        let rest: Vec<_> = POSTGRES.into_iter().filter(|(name, _)| *name != missing).collect();
        assert_eq!(wrong(&rest), [missing]);
        let problems = load(&rest).unwrap_err().to_string();
        assert!(problems.contains("DATABASE_URL") && !problems.contains("s3same-0pen"), "{problems}");
    }
    assert_eq!(
        wrong(&[("POSTGRES_PORT", "5432")]),
        ["POSTGRES_SERVER", "POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"]
    );
    assert_eq!(wrong(&with(&[("POSTGRES_PORT", "port")])), ["POSTGRES_PORT"]);
    assert_eq!(wrong(&with(&[("POSTGRES_SERVER", "localhost:5432")])), ["POSTGRES_SERVER"]);
    assert_eq!(wrong(&with(&[("POSTGRES_SERVER", "user@host")])), ["POSTGRES_SERVER"]);
    assert_eq!(wrong(&with(&[("POSTGRES_PASSWORD_FILE", "x")])), ["POSTGRES_PASSWORD"], "twice");
    assert_eq!(wrong(&with(&[("POSTGRES_PASSWORD", ""), ("POSTGRES_PASSWORD_FILE", "/none")])), ["POSTGRES_PASSWORD"]);
    assert_eq!(wrong(&with(&[("MYSQL_HOST", "db")])), ["DATABASE_URL"]);
    assert_eq!(wrong(&with(&[("MYSQL_HOST", "db"), ("DATABASE_URL", "sqlite::memory:")])), [""; 0]);
    assert_eq!(wrong(&[("POSTGRES_SERVER", ""), ("POSTGRES_PASSWORD", "")]), [""; 0], "empty variables are unset");
}

#[test]
fn a_mail_server_can_be_configured_in_parts() {
    let host = ("SMTP_HOST", "mail.example.com");
    let login = [("SMTP_USER", "ada@example.com"), ("SMTP_PASSWORD", "p@ss:w/rd")];
    for (variables, url) in [
        (vec![host], "smtp://mail.example.com:587"),
        (vec![host, ("SMTP_PORT", "2525"), ("SMTP_TLS", "True"), login[0], login[1]], "smtp://mail.example.com:2525"),
        (vec![host, ("SMTP_SSL", "true"), ("SMTP_TLS", "false"), login[0], login[1]], "smtps://mail.example.com:465"),
        (vec![("SMTP_HOST", "mailcatcher"), ("SMTP_PORT", "1025"), ("SMTP_TLS", "false")], "smtp://mailcatcher:1025"),
        (vec![host, ("MAIL_URL", "file:mails")], "file:mails"),
    ] {
        assert_eq!(load(&variables).unwrap().mail.url.unwrap().to_string(), url, "{variables:?}");
    }
    let template =
        [("SMTP_HOST", ""), ("SMTP_USER", ""), ("SMTP_TLS", "True"), ("SMTP_SSL", "False"), ("SMTP_PORT", "587")];
    let settings = load(&template).unwrap();
    assert!(settings.mail.url.is_none() && settings.warnings.is_empty());
    let warnings = load(&[("SMTP_USER", "ada")]).unwrap().warnings;
    assert!(matches!(warnings.as_slice(), [warning] if warning.key == "SMTP_HOST"), "{warnings:?}");
    for (variables, key) in [
        (vec![host, ("SMTP_TLS", "true"), ("SMTP_SSL", "true")], "SMTP_SSL"),
        (vec![host, ("SMTP_TLS", "perhaps")], "SMTP_TLS"),
        (vec![host, ("SMTP_PORT", "0")], "SMTP_PORT"),
        (vec![("SMTP_HOST", "a b")], "SMTP_HOST"),
        (vec![host, login[0]], "MAIL_URL"),
        (vec![host, login[0], login[1], ("SMTP_TLS", "false")], "MAIL_URL"),
    ] {
        assert_eq!(wrong(&variables), [key], "{variables:?}");
        assert!(!load(&variables).unwrap_err().to_string().contains("p@ss"), "{variables:?}");
    }
}

#[test]
fn the_sender_has_an_address_and_a_name() {
    let from = |variables: &[(&str, &str)]| load(variables).unwrap().mail.from.to_string();
    let email = ("EMAILS_FROM_EMAIL", "info@example.com");
    assert_eq!(from(&[email]), "info@example.com");
    assert!(from(&[email, ("EMAILS_FROM_NAME", "Acme, Inc.")]).contains("Acme, Inc."));
    assert_eq!(from(&[email, ("MAIL_FROM", "a@example.com")]), "a@example.com");
    assert_eq!(wrong(&[("EMAILS_FROM_EMAIL", "no-address")]), ["MAIL_FROM"]);
}

#[test]
fn a_flag_chooses_the_format_of_the_log() {
    let format = |variables: &[(&str, &str)]| load(variables).unwrap().log.format;
    assert_eq!(format(&[("LOG_JSON", "1")]), LogFormat::Json);
    assert_eq!(format(&[("LOG_JSON", "false")]), LogFormat::Text);
    assert_eq!(format(&[("LOG_JSON", "true"), ("LOG_FORMAT", "text")]), LogFormat::Text);
    assert_eq!(wrong(&[("LOG_JSON", "maybe")]), ["LOG_JSON"]);
}

#[test]
fn the_front_end_is_an_allowed_origin() {
    let settings =
        load(&[("FRONTEND_HOST", "https://app.example.com:8443/shop/"), ("CORS_ORIGINS", "https://a.test")]).unwrap();
    assert_eq!(settings.app.frontend_url.as_deref(), Some("https://app.example.com:8443/shop"));
    let origins = vec!["https://a.test".to_owned(), "https://app.example.com:8443".to_owned()];
    assert_eq!(settings.cors.origins, Origins::Listed(origins));
    let twice = load(&[("FRONTEND_URL", "http://localhost:5173"), ("CORS_ORIGINS", "http://localhost:5173")]).unwrap();
    assert_eq!(twice.cors.origins, Origins::Listed(vec!["http://localhost:5173".to_owned()]));
    let any = load(&[("FRONTEND_URL", "http://localhost:5173"), ("CORS_ORIGINS", "*")]).unwrap();
    assert_eq!(any.cors.origins, Origins::Any);
    assert_eq!(wrong(&[("FRONTEND_URL", "app.example.com")]), ["FRONTEND_URL"]);
}

#[test]
fn the_first_superuser_has_an_address_and_an_acceptable_password() {
    let email = ("FIRST_SUPERUSER", "Admin@Example.com");
    let password = ("FIRST_SUPERUSER_PASSWORD", "a long river to Rome");
    let first = load(&[email, password]).unwrap().users.first_superuser.unwrap();
    assert_eq!(first.email.as_str(), "Admin@Example.com");
    assert!(load(&[]).unwrap().users.first_superuser.is_none());
    let key = "FIRST_SUPERUSER_PASSWORD";
    assert_eq!(wrong(&[email]), [key]);
    assert_eq!(wrong(&[password]), ["FIRST_SUPERUSER"]);
    assert_eq!(wrong(&[("FIRST_SUPERUSER", "admin"), password]), ["FIRST_SUPERUSER"]);
    assert_eq!(wrong(&[email, (key, "short")]), [key]);
    assert_eq!(wrong(&[email, password, ("PASSWORD_MIN_LENGTH", "30")]), [key]);
    assert_eq!(wrong(&[email, (key, "example.com"), ("PASSWORD_BLOCKLIST", "true")]), [key], "resembles the address");
    let placeholder = [email, (key, "changethis")];
    let warnings = load(&placeholder).unwrap().warnings;
    assert!(matches!(warnings.as_slice(), [warning] if warning.key == key), "{warnings:?}");
    let production = [("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", STRONG), ("DATABASE_URL", "sqlite:///./x.db")];
    for bad in ["changethis", "changeme", "password123", "admin@example.com"] {
        let problems = load(&[&production[..], &[email, (key, bad)]].concat()).unwrap_err();
        assert!(problems.list.iter().all(|problem| problem.key == key), "{problems}");
        assert!(!problems.to_string().contains(bad), "{problems}");
    }
    assert_eq!(wrong(&[&production[..], &[email, password]].concat()), [""; 0]);
}
