//! Secrets are never printed, and the generated one is stored safely.

use std::os::unix::fs::PermissionsExt;
use std::thread;

use secrecy::ExposeSecret;

use super::super::secret::{SecretError, load_or_generate};
use super::super::{check, show, show_json};
use super::*;

#[test]
fn no_secret_is_ever_printed() {
    let variables = [
        ("JWT_SECRET_KEY", "canary-1-kT3vX9qLw2RzB7nYc5HdJ8mFs1PgUeA0"),
        ("SECRET_KEY", "canary-2-Zb4nQ8sLw2RzB7nYc5HdJ8mFs1PgUeA0"),
        ("JWT_REFRESH_SECRET", "canary-3-Yc5pR9tLw2RzB7nYc5HdJ8mFs1PgUeA0"),
        ("DATABASE_URL", "postgres://canary-u:canary-4@db/app?password=canary-5"),
        ("DATABASE_REPLICA_URL", "mysql+aiomysql://canary-u:canary@6@db/app"),
        ("REDIS_URL", "redis://:canary-7@cache:6379/0?password=canary"),
        ("MAIL_URL", "smtps://canary-u:canary@8@mail.example.com:465"),
        ("FILES_URL", "s3://canary-u:canary-9@bucket/folder"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.example.com/#canary"),
    ];
    for environment in ["development", "production"] {
        let allowed = [
            ("ENVIRONMENT", environment),
            ("ALLOW_INSECURE_BACKEND", "true"),
            ("PUBLIC_URL", "https://api.example.com"),
            ("MAIL_FROM", "noreply@example.com"),
        ];
        let good: Vec<_> = variables.iter().copied().chain(allowed).collect();
        let settings = load(&good).unwrap();
        let mut printed = format!("{settings:?}{settings:#?}{}{}", show(&settings), show_json(&settings));
        printed.push_str(&check(&Ok(settings)));
        assert!(!printed.contains("canary"), "{printed}");
        assert!(printed.contains("postgres://db/app") && printed.contains("redis://cache:6379/0"));

        assert!(printed.contains("smtps://mail.example.com:465"));

        // Also with another problem, and with both a value and a file.
        for (name, value) in variables {
            for broken in [
                value.replacen("://", ":/", 1),
                format!("canary {value}"),
                format!("{value}\u{0}"),
                value.replace(['@', ':'], "/"),
            ] {
                let file = format!("{name}_FILE");
                for extra in [("PORT", "x"), (file.as_str(), "/nonexistent")] {
                    let bad = [
                        (name, broken.as_str()),
                        extra,
                        ("CORS_ORIGINS", "https://canary-u:canary@h.test"),
                        ("ENVIRONMENT", environment),
                    ];
                    let problems = load(&bad).unwrap_err();
                    let printed = format!("{problems}{problems:?}{}", check(&Err(problems.clone())));
                    assert!(!printed.contains("canary"), "{name}: {printed}");
                }
            }
        }
    }
    for (name, value) in [
        ("PUBLIC_URL", "https://canary-u:canary-10@api.example.com/"),
        ("MAIL_URL", "smtp://canary-u:canary-11@mail.example.com?tls=none"),
        ("MAIL_URL", "smtps://canary-u:canary-12/@mail.example.com"),
        ("MAIL_URL", "smtps://canary-12@mail.example.com"),
    ] {
        let problems = load(&[(name, value)]).unwrap_err();
        assert!(!format!("{problems}{problems:?}").contains("canary"), "{problems}");
    }
    let unknown = load(&[("KEEPSTONE__JWT__SECRETKEY", "canary")]).unwrap_err();
    assert!(!format!("{unknown}{unknown:?}").contains("canary"));
}

#[test]
fn a_password_split_by_an_unescaped_slash_is_not_shown() {
    for url in ["redis://u:123/canary@cache:6379", "redis://u:123?canary@cache", "redis://u:123#canary@cache"] {
        let settings = load(&[("REDIS_URL", url)]).unwrap();
        assert!(show(&settings).contains(" redis://*** "), "{url}");
        assert_eq!(format!("{:?}", settings.redis.url.unwrap()), "ServiceUrl(redis://***)", "{url}");
    }
}

#[test]
fn a_configured_secret_is_used_unchanged_and_jwt_secret_takes_precedence() {
    let folder = folder(&[]);
    let both = load_in(folder.path(), &[("SECRET_KEY", " raw "), ("JWT_SECRET", "first")]).unwrap();
    assert_eq!(load_or_generate(&both).unwrap().secret.expose_secret(), "first");
    let one = load_in(folder.path(), &[("SECRET_KEY", " raw ")]).unwrap();
    assert_eq!(load_or_generate(&one).unwrap().secret.expose_secret(), " raw ");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn development_generates_a_secret_once_and_stores_it_next_to_its_database() {
    for (url, name) in [("sqlite:///./data.db", "data.db.secret"), ("postgres://h/d", "keepstone.secret")] {
        let folder = folder(&[]);
        let settings = load_in(folder.path(), &[("DATABASE_URL", url)]).unwrap();
        let made = load_or_generate(&settings).unwrap();
        let path = folder.path().join(name);
        assert_eq!(made.secret.expose_secret().len(), 43);
        assert!(made.notice.unwrap().contains(name));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = load_or_generate(&settings).unwrap();
        assert_eq!(again.secret.expose_secret(), made.secret.expose_secret());
        assert_eq!(again.notice, None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file remains");
        set_mode(&path, 0o644);
        assert!(load_or_generate(&settings).unwrap().notice.unwrap().contains("chmod 600"));
        fs::write(&path, "short\n").unwrap();
        assert!(matches!(load_or_generate(&settings), Err(SecretError::TooShort { .. })));
    }
}

#[test]
fn concurrent_starts_use_the_same_secret() {
    let folder = folder(&[]);
    let settings = load_in(folder.path(), &[]).unwrap();
    let start = || load_or_generate(&settings).unwrap().secret.expose_secret().to_owned();
    let secrets: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(start)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(secrets.iter().all(|secret| *secret == secrets[0]));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_secret_of_a_database_in_memory_is_not_stored() {
    let folder = folder(&[]);
    let settings = load_in(folder.path(), &[("ENVIRONMENT", "test")]).unwrap();
    let (one, other) = (load_or_generate(&settings).unwrap(), load_or_generate(&settings).unwrap());
    assert_ne!(one.secret.expose_secret(), other.secret.expose_secret());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_secret_that_cannot_be_stored_is_an_error_with_the_path() {
    let settings = load_in(folder(&[]).path(), &[("DATABASE_URL", "sqlite:///no/such/folder/x.db")]).unwrap();
    let error = load_or_generate(&settings).unwrap_err();
    assert!(matches!(error, SecretError::Unwritable { .. }) && error.to_string().contains("x.db.secret"), "{error}");
}
