//! A table of settings that production rejects, with the keys that it reports. Some rows are valid in development, some
//! are invalid everywhere; in production, the start fails with the reason.

use super::*;

/// Changes to a valid configuration of production, and the keys of all problems in their order.
type BadRow = (&'static [(&'static str, &'static str)], &'static [&'static str]);

const ROWS: &[BadRow] = &[
    // Secrets
    (&[("JWT_SECRET_KEY", "")], &["JWT_SECRET_KEY"]),
    (&[("JWT_SECRET_KEY", "supersecretkey")], &["JWT_SECRET_KEY"]),
    (&[("JWT_SECRET_KEY", "your-super-secret-key-change-in-production")], &["JWT_SECRET_KEY"]),
    (&[("JWT_SECRET_KEY", "kT3vX9qLw2RzB7nYc5HdJ8mFs1PgUeA")], &["JWT_SECRET_KEY"]),
    (&[("JWT_SECRET_KEY", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")], &["JWT_SECRET_KEY"]),
    (&[("JWT_SECRET_KEY", ""), ("SECRET_KEY", "changethis")], &["SECRET_KEY"]),
    (&[("JWT_SECRET_KEY", ""), ("JWT_SECRET_KEY_FILE", "/nonexistent")], &["JWT_SECRET_KEY"]),
    (&[("JWT_SECRET_KEY", ""), ("SECRET_KEY_FILE", "/nonexistent")], &["SECRET_KEY"]),
    (&[("JWT_REFRESH_SECRET", "refresh")], &["JWT_REFRESH_SECRET"]),
    (&[("JWT_REFRESH_SECRET", STRONG)], &["JWT_REFRESH_SECRET"]),
    (&[("SECRET_KEY", STRONG), ("JWT_REFRESH_SECRET", STRONG)], &["JWT_REFRESH_SECRET", "SECRET_KEY"]),
    // Tokens
    (&[("JWT_ISSUER", "")], &["JWT_ISSUER"]),
    (&[("JWT_AUDIENCE", "")], &["JWT_AUDIENCE"]),
    (&[("JWT_ALGORITHM", "none")], &["JWT_ALGORITHM"]),
    (&[("JWT_ALGORITHM", "EdDSA")], &["JWT_KEYS_DIR"]),
    // Passwords
    (&[("BCRYPT_COST", "9")], &["BCRYPT_COST"]),
    (&[("BCRYPT_COST", "16")], &["BCRYPT_COST"]),
    (&[("PASSWORD_MIN_LENGTH", "6")], &["PASSWORD_MIN_LENGTH"]),
    (&[("ARGON2_MEMORY_KIB", "12288")], &["ARGON2_MEMORY_KIB"]),
    // Browsers and sign-up
    (&[("CORS_ORIGINS", "*")], &["CORS_ORIGINS"]),
    (&[("CORS_ORIGINS", "https://app.example.com,*")], &["CORS_ORIGINS"]),
    (&[("CORS_ORIGINS", "null")], &["CORS_ORIGINS"]),
    (&[("CORS_ORIGIN_REGEX", ".*")], &["CORS_ORIGIN_REGEX"]),
    (&[("CORS_ORIGIN_REGEX", "https?://.+")], &["CORS_ORIGIN_REGEX"]),
    (&[("CORS_ORIGIN_REGEX", "https://(app")], &["CORS_ORIGIN_REGEX"]),
    (&[("CORS_ORIGIN_REGEX", "https://a)|(.*")], &["CORS_ORIGIN_REGEX"]),
    (&[("RATE_LIMIT_LOGIN", "10")], &["RATE_LIMIT_LOGIN"]),
    (&[("DEBUG", "true")], &["DEBUG"]),
    (&[("DEFAULT_ROLE", "admin")], &["DEFAULT_ROLE"]),
    (&[("KEEPSTONE__ROLES__ADMIN", "users:read")], &["KEEPSTONE__ROLES__ADMIN"]),
    // The password of the database
    (&[("DATABASE_URL", "postgres://postgres:postgres@localhost/app")], &["DATABASE_URL"]),
    (&[("DATABASE_URL", "postgres://postgres:%70ostgres@localhost/app")], &["DATABASE_URL"]),
    (&[("DATABASE_URL", "postgresql+asyncpg://us%65r:p%61ssw%6Frd@127.0.0.1/app")], &["DATABASE_URL"]),
    (&[("DATABASE_URL", "postgres://%61pp:app@localhost/app")], &["DATABASE_URL"]),
    (&[("DATABASE_URL", "postgres://app:app@/app?host=/run/postgresql")], &["DATABASE_URL"]),
    (&[("DATABASE_URL", "postgres://app:app@localhost:5432,localhost:5433/app")], &["DATABASE_URL"]),
    (&[("DATABASE_URL", "postgres:///app?user=app&password=p%61ss")], &["DATABASE_URL"]),
    (&[("DATABASE_URL", "mysql://root:@127.0.0.1/app")], &["DATABASE_URL"]),
    (&[("DATABASE_URL", "mariadb://root:change%74his@[::1]/app")], &["DATABASE_URL"]),
    (&[("DATABASE_REPLICA_URL", "postgres://postgres:postgres@localhost/app")], &["DATABASE_REPLICA_URL"]),
    // Certificate files
    (&[("DATABASE_URL", "postgres://app@db/app"), ("DATABASE_CA_FILE", "missing.pem")], &["DATABASE_CA_FILE"]),
    (&[("DATABASE_URL", "postgres://app@db/app?sslrootcert=missing.pem")], &["DATABASE_URL"]),
    (&[("DATABASE_URL", "mysql://app@db/app?ssl_cert=missing.pem&ssl_key=missing.pem")], &["DATABASE_URL"]),
    // URL parameters
    (&[("DATABASE_URL", "postgres://app@db/app?sslmode=none")], &["DATABASE_URL"]),
    (&[("DATABASE_URL", "mysql+aiomysql://app@db/app?charset=latin1")], &["DATABASE_URL"]),
    (&[("DATABASE_URL", "postgresql+asyncpg://app@db/app?prepared_statement_cache_size=0")], &["DATABASE_URL"]),
];

fn problems(changes: &[(&'static str, &'static str)]) -> Vec<String> {
    let mut variables = vec![("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", STRONG), ("DATABASE_URL", DATABASE)];
    variables.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    variables.extend(changes);
    wrong(&variables)
}

#[test]
fn production_rejects_every_row_and_reports_the_keys() {
    for (changes, keys) in ROWS {
        assert_eq!(problems(changes), *keys, "{changes:?}");
    }
}

#[test]
fn five_faults_are_five_problems() {
    let names = problems(&[
        ("JWT_SECRET_KEY", "changeme"),
        ("DEBUG", "true"),
        ("CORS_ORIGINS", "*"),
        ("DATABASE_URL", "postgres://postgres:p%6Fstgres@localhost/app"),
        ("KEEPSTONE__ROLES__EDITOR", "items:raed"),
    ]);
    assert_eq!(names, ["KEEPSTONE__ROLES__EDITOR", "JWT_SECRET_KEY", "CORS_ORIGINS", "DEBUG", "DATABASE_URL"]);
}

#[test]
fn a_database_on_this_machine_needs_no_encryption() {
    for url in [
        "postgres://app:s3same-0pen@localhost/app",
        "postgres://app:s3same-0pen@127.0.0.1:5432/app",
        "mysql://app:s3same-0pen@[::1]:3306/app",
        "postgres://app:s3same-0pen@%2Frun%2Fpostgresql/app",
        "postgres:///app?host=/run/postgresql",
        "postgres://app@/app",
        "sqlite:////var/lib/keepstone.db",
    ] {
        assert_eq!(problems(&[("DATABASE_URL", url)]), [""; 0], "{url}");
    }
}

#[test]
fn production_verifies_a_remote_database_unless_configured_otherwise() {
    let mode = |url: &'static str, others: &[(&'static str, &'static str)]| {
        let production = [("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", STRONG), ("DATABASE_URL", url)];
        let mut settings = load(&[&production, others].concat()).unwrap();
        settings.warnings.retain(|warning| warning.key != "MAIL_URL");
        let keys: Vec<_> = settings.warnings.iter().map(|warning| warning.key.clone()).collect();
        assert!(settings.warnings.iter().all(|warning| warning.fix.contains("verify-full")), "{:?}", settings.warnings);
        (settings.database.url.server().unwrap().tls().mode().to_string(), keys)
    };
    let allowed = [("ALLOW_INSECURE_BACKEND", "true")];
    for url in [
        "postgres://app:s3same-0pen@db/app",
        "postgres://app:s3same-0pen@10.0.0.5/app",
        "postgres://app:s3same-0pen@localhost,db/app",
        "postgres://app:s3same-0pen@localhost/app?hostaddr=10.0.0.5",
        "mysql://app:s3same-0pen@[2001:db8::5]:3306/app",
    ] {
        assert_eq!(mode(url, &[]), ("verify-full".to_owned(), vec![]), "{url}");
        assert_eq!(mode(url, &allowed), ("prefer".to_owned(), vec!["DATABASE_URL".to_owned()]), "{url}");
    }
    for (url, asked, warns) in [
        ("postgres://app:s3same-0pen@db/app?sslmode=disable", "disable", true),
        ("postgres://app:s3same-0pen@db/app?sslmode=prefer", "prefer", true),
        ("postgres://app:s3same-0pen@db/app?ssl=require", "require", true),
        ("postgres://app:s3same-0pen@db/app?sslmode=verify-ca", "verify-ca", false),
        ("mysql://app:s3same-0pen@db/app?ssl-mode=REQUIRED", "require", true),
        ("postgres://app:s3same-0pen@localhost/app", "prefer", false),
    ] {
        let (mode, warnings) = mode(url, &[]);
        assert_eq!((mode.as_str(), !warnings.is_empty()), (asked, warns), "{url}");
    }
    assert_eq!(
        problems(&[("DATABASE_URL", "postgres://app:app@db/app"), allowed[0]]),
        ["DATABASE_URL"],
        "a bad password"
    );
    let development = load(&[("DATABASE_URL", "postgres://app:s3same-0pen@db/app")]).unwrap();
    assert!(development.warnings.is_empty(), "development accepts it without a warning");
}

#[test]
fn production_requires_a_sender_a_public_url_and_encryption_for_e_mails() {
    let good = [("MAIL_FROM", "Ada <ada@example.com>"), ("PUBLIC_URL", "https://api.example.com")];
    let refused = |changes: &[(&'static str, &'static str)]| problems(&[changes, &good].concat());
    for url in ["smtps://u:s3same-0pen@mail.example.com", "smtp://mail.example.com", "smtp://localhost", "file:mails"] {
        assert_eq!(refused(&[("MAIL_URL", url)]), [""; 0], "{url}");
        assert_eq!(problems(&[("MAIL_URL", url)]), ["MAIL_FROM", "PUBLIC_URL"], "{url}");
    }
    let clear = ("MAIL_URL", "smtp://mail.example.com:25?tls=none");
    assert_eq!(refused(&[clear]), ["MAIL_URL"]);
    let allowed = ("ALLOW_INSECURE_BACKEND", "true");
    assert_eq!(refused(&[clear, allowed]), [""; 0]);
    let production = [("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", STRONG), ("DATABASE_URL", DATABASE)];
    let production = [&production[..], &[clear, allowed], &good].concat();
    let warnings = load(&production).unwrap().warnings;
    assert!(matches!(warnings.as_slice(), [warning] if warning.key == "MAIL_URL"), "{warnings:?}");
    assert!(warnings[0].fix.contains("tls=none"), "{warnings:?}");
    assert!(load(&[clear]).unwrap().warnings.is_empty(), "development accepts it without a warning");
    assert!(load(&[("MAIL_URL", "smtp://u:s3same-0pen@mail.example.com?tls=none"), allowed]).is_err(), "a password");
}

#[test]
fn an_invalid_mail_url_causes_no_further_problems() {
    let bad = ("MAIL_URL", "ftp://mail.example.com");
    let conceal = ("REGISTRATION_CONCEAL", "true");
    assert_eq!(problems(&[conceal]), ["REGISTRATION_CONCEAL"]);
    assert_eq!(problems(&[bad, conceal]), ["MAIL_URL"]);
    let variables = [("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", STRONG), ("DATABASE_URL", DATABASE), bad];
    let inputs = Inputs::new(variables, tempfile::tempdir().unwrap().path(), Overrides::default(), 1);
    let (settings, problems) = Settings::examine(&inputs).unwrap();
    assert!(problems.unwrap().concern("MAIL_URL") && settings.warnings.is_empty(), "{:?}", settings.warnings);
}

#[test]
fn readable_signing_keys_are_rejected_in_production() {
    let folder = folder(&[
        ("keys/1.pem", "-----BEGIN PRIVATE KEY-----\n"),
        ("keys/2.pem", "-----BEGIN PRIVATE KEY-----\n"),
        ("keys/3.pem", "-----BEGIN PUBLIC KEY-----\n"),
    ]);
    let variables = [
        ("ENVIRONMENT", "production"),
        ("JWT_SECRET_KEY", STRONG),
        ("DATABASE_URL", DATABASE),
        ("JWT_ALGORITHM", "EdDSA"),
        ("JWT_KEYS_DIR", "keys"),
    ];
    assert!(load_in(folder.path(), &variables).is_ok());
    for name in ["keys/1.pem", "keys/2.pem", "keys/3.pem"] {
        set_mode(&folder.path().join(name), 0o640);
    }
    let problems = load_in(folder.path(), &variables).unwrap_err();
    let keys: Vec<&str> = problems.list.iter().map(|problem| problem.key.as_str()).collect();
    assert!(matches!(keys.as_slice(), [a, b] if a.ends_with("keys/1.pem") && b.ends_with("keys/2.pem")), "{problems}");
}

#[test]
fn a_profile_with_the_database_password_is_a_secret_file() {
    for (url, is_secret) in [("postgres://app:s3same-0pen@localhost/app", true), ("sqlite:///./app.db", false)] {
        let folder = folder(&[("config/production.toml", &format!("[database]\nurl = \"{url}\""))]);
        set_mode(&folder.path().join("config/production.toml"), 0o644);
        let loaded = load_in(folder.path(), &[("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", STRONG)]);
        assert_eq!(loaded.is_err(), is_secret, "{url}");
    }
}
