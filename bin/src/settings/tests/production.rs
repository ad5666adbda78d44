//! Settings that production rejects and other environments accept.

use super::super::Environment;
use super::*;

/// Returns the keys that production rejects in valid settings with these changes.
fn refused(changes: &[(&str, &str)]) -> Vec<String> {
    let mut variables = vec![("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", STRONG), ("DATABASE_URL", DATABASE)];
    variables.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    variables.extend(changes);
    wrong(&variables)
}

#[test]
fn production_starts_with_a_strong_secret_and_a_database() {
    let settings =
        load(&[("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", STRONG), ("DATABASE_URL", DATABASE)]).unwrap();
    assert!(settings.password.blocklist && !settings.docs.enabled && !settings.app.debug);
    let [warning] = settings.warnings.as_slice() else { panic!("{:?}", settings.warnings) };
    assert_eq!((warning.key.as_str(), warning.message.as_str()), ("MAIL_URL", "is not set, so no e-mail is sent"));
    assert!(warning.fix.contains("smtps://"), "{warning}");
    assert_eq!(refused(&[("JWT_SECRET_KEY", ""), ("SECRET_KEY", STRONG)]), [""; 0]);
}

#[test]
fn a_warning_reports_access_tokens_that_other_services_reject() {
    for environment in ["development", "production"] {
        let warned = |lifetime| {
            let variables = [
                ("ENVIRONMENT", environment),
                ("DATABASE_URL", "sqlite:////srv/app.db"),
                ("JWT_SECRET_KEY", STRONG),
                ("ACCESS_TOKEN_EXPIRE_MINUTES", lifetime),
            ];
            let warnings = load(&variables).unwrap().warnings;
            warnings.into_iter().find(|warning| warning.key == "ACCESS_TOKEN_EXPIRE_MINUTES")
        };
        for accepted in ["30", "1440", "24h", "1d"] {
            assert_eq!(warned(accepted), None, "{accepted}");
        }
        for (lifetime, shown) in [("11520", "8d"), ("1441", "1441m"), ("7d", "7d"), ("86401s", "86401s")] {
            let warning = warned(lifetime).unwrap();
            assert!(warning.message.contains(shown) && warning.message.contains("1d"), "{warning}");
            assert!(warning.fix.contains("with_max_lifetime"), "{warning}");
        }
    }
}

#[test]
fn weak_secrets_are_rejected_and_never_shown() {
    for value in [
        "",
        "short",
        "kT3vX9qLw2RzB7nYc5HdJ8mFs1PgUeA",
        "changeme",
        "changethis",
        "secret",
        "supersecretkey",
        "your-secret-key",
        "your-super-secret-key-change-in-production",
        "your-secret-key-here-at-least-32-characters-long",
        "CHANGE_ME_please_this_is_not_a_real_1234_key",
        "django-insecure-9#kq$w7x!m2v@p5z&t8r*c3b^n6l(j1h)g4f",
        "a-string-secret-at-least-256-bits-long",
        "your-256-bit-secret-your-256-bit-secret",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "$(openssl rand -hex 32) plus something more",
        "<put the secret of thirty-two bytes here>",
        "${JWT_SECRET_KEY_FROM_THE_VAULT_OF_PRODUCTION}",
        "secretsecretsecretsecretsecretsecret1234",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "abababababababababababababababababababab",
        "qZ8$rT2!qZ8$rT2!qZ8$rT2!qZ8$rT2!qZ8$rT2!",
        "aB3$dE6&hJ9(lM2)aB3$dE6&hJ9(lM2)",
        "kwpzvmtrkwzpvtmrwkpzvmrtkpwzvtrmkpzwvmtr",
        "00000000000000000000000000000000000000000000000000000000000000ff",
        "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF",
        "12345678901234567890123456789012",
        "replace_me_with_a_random_string_of_64_chars",
        "my-super-secret-jwt-key-for-production-2024",
        "development-only-Xq7!vR2@zT9#",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ] {
        for name in ["JWT_SECRET_KEY", "SECRET_KEY", "JWT_REFRESH_SECRET"] {
            let missing = value.is_empty();
            let names = refused(&[(name, value)]);
            if missing && name != "JWT_SECRET_KEY" {
                assert_eq!(names, [""; 0]);
                continue;
            }
            assert_eq!(names, [name], "{value}");
            if !missing && value.len() > 6 {
                let problems =
                    load(&[("ENVIRONMENT", "production"), ("DATABASE_URL", DATABASE), (name, value)]).unwrap_err();
                assert!(!format!("{problems} {problems:?}").contains(value), "{value}");
            }
        }
    }
}

#[test]
fn other_insecure_settings_are_rejected() {
    for (name, value) in [
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "[\"*\"]"),
        ("DEBUG", "true"),
        ("DEBUG", "1"),
        ("JWT_ISSUER", ""),
        ("JWT_AUDIENCE", ""),
        ("BCRYPT_COST", "9"),
        ("BCRYPT_COST", "16"),
        ("JWT_REFRESH_SECRET", STRONG),
        ("SECRET_KEY", STRONG),
        ("DATABASE_URL", "postgres://postgres:postgres@localhost/app"),
        ("DATABASE_URL", "postgresql+asyncpg://user:password@localhost/app"),
        ("DATABASE_URL", "mysql://root:root@localhost/app"),
        ("DATABASE_URL", "mysql://root:@localhost/app"),
        ("DATABASE_URL", "postgres://app:app@localhost/app"),
        ("DATABASE_URL", "postgres://app:changethis@localhost/app"),
        ("DATABASE_URL", "postgres://localhost/app?user=app&password=postgres"),
        ("DATABASE_REPLICA_URL", "postgres://postgres:postgres@localhost/app"),
        ("DEFAULT_ROLE", "admin"),
    ] {
        assert_eq!(refused(&[(name, value)]), [name], "{name}={value}");
    }
    for url in [
        "postgres://app:s3same-0pen@localhost/app",
        "postgres://app@localhost/app",
        "postgres:///app?host=/run",
        "sqlite:///x.db",
    ] {
        assert_eq!(refused(&[("DATABASE_URL", url)]), [""; 0], "{url}");
    }
}

#[test]
fn all_problems_of_production_are_reported_at_once() {
    let names = refused(&[
        ("JWT_SECRET_KEY", "changeme"),
        ("CORS_ORIGINS", "*"),
        ("DEBUG", "true"),
        ("DATABASE_URL", "postgres://postgres:postgres@localhost/app"),
        ("BCRYPT_COST", "4"),
        ("PORT", "x"),
        ("KEEPSTONE__NO__SUCH", "1"),
    ]);
    assert_eq!(
        names,
        ["KEEPSTONE__NO__SUCH", "PORT", "JWT_SECRET_KEY", "CORS_ORIGINS", "DEBUG", "BCRYPT_COST", "DATABASE_URL"]
    );
}

#[test]
fn development_only_warns_of_the_same() {
    let settings = load(&[
        ("JWT_SECRET_KEY", "changeme"),
        ("CORS_ORIGINS", "*"),
        ("DEBUG", "true"),
        ("DATABASE_URL", "postgres://postgres:postgres@localhost/app"),
        ("BCRYPT_COST", "4"),
    ])
    .unwrap();
    let [warning] = settings.warnings.as_slice() else { panic!("{:?}", settings.warnings) };
    assert!(warning.key == "JWT_SECRET_KEY" && warning.fix.contains("openssl rand"), "{warning}");
    assert!(!format!("{warning} {warning:?}").contains("changeme"));
}

#[test]
fn an_unset_environment_is_production_if_other_machines_can_reach_the_server() {
    for host in ["0.0.0.0", "::", "[::]", "192.168.1.5", "example.com", "localhost.example.com", "::ffff:10.0.0.1"] {
        let problems = load(&[("HOST", host), ("DATABASE_URL", DATABASE)]).unwrap_err();
        assert_eq!(
            problems.list.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>(),
            ["JWT_SECRET_KEY"],
            "{host}"
        );
        assert!(
            problems
                .to_string()
                .contains(&format!("ENVIRONMENT is not set, and HOST={host} (environment variable HOST)")),
            "{problems}"
        );
        let settings = load(&[("HOST", host), ("JWT_SECRET_KEY", STRONG), ("DATABASE_URL", DATABASE)]).unwrap();
        assert_eq!(settings.app.environment, Environment::Production);
        assert!(settings.password.blocklist && !settings.docs.enabled, "production's profile is loaded");
        let explicit = load(&[("HOST", host), ("ENVIRONMENT", "development")]).unwrap();
        assert_eq!(explicit.app.environment, Environment::Development);
    }
    for host in ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LOCALHOST", "::ffff:127.0.0.1"] {
        assert_eq!(load(&[("HOST", host)]).unwrap().app.environment, Environment::Development, "{host}");
    }
}

#[test]
fn the_host_that_implies_production_may_be_set_in_any_layer() {
    let flag = Overrides { host: Some("0.0.0.0".to_owned()), ..Overrides::default() };
    let empty = folder(&[]);
    assert!(load_with(empty.path(), &[], flag).unwrap_err().to_string().contains("HOST=0.0.0.0 (--host)"));
    let dotenv = folder(&[(".env", "HOST=0.0.0.0")]);
    assert!(load_in(dotenv.path(), &[]).unwrap_err().to_string().contains("(.env variable HOST)"));
    let profile = folder(&[("config/development.toml", "[server]\nhost = \"0.0.0.0\"")]);
    assert!(load_in(profile.path(), &[]).unwrap_err().to_string().contains("(config/development.toml)"));
    assert!(load_in(dotenv.path(), &[("HOST", "127.0.0.1")]).is_ok());
}

#[test]
fn a_mistyped_environment_is_the_only_problem_reported() {
    assert_eq!(wrong(&[("ENVIRONMENT", "prodution"), ("HOST", "0.0.0.0")]), ["ENVIRONMENT"]);
}

#[test]
fn readable_secret_files_are_rejected_in_production_and_a_warning_elsewhere() {
    let folder =
        folder(&[(".env", "APP_NAME=x"), ("jwt", STRONG), ("config/production.toml", "[jwt]\nrefresh_secret = \"\"")]);
    let variables = [("ENVIRONMENT", "production"), ("JWT_SECRET_KEY_FILE", "jwt"), ("DATABASE_URL", DATABASE)];
    assert!(load_in(folder.path(), &variables).is_ok());
    for mode in [0o644, 0o640, 0o604, 0o660, 0o444] {
        for name in [".env", "jwt", "config/production.toml"] {
            set_mode(&folder.path().join(name), mode);
        }
        let problems = load_in(folder.path(), &variables).unwrap_err();
        assert_eq!(problems.list.len(), 3, "{problems}");
        assert!(problems.list.iter().all(|problem| problem.fix.starts_with("chmod 600 ")), "{problems}");
        let warned = load_in(folder.path(), &[("ENVIRONMENT", "test"), ("JWT_SECRET_KEY_FILE", "jwt")]).unwrap();
        assert_eq!(warned.warnings.len(), 2, "{:?}", warned.warnings);
    }
}

#[test]
fn production_needs_a_database() {
    for environment in ["production", "prod", "staging"] {
        let variables = [("ENVIRONMENT", environment), ("JWT_SECRET_KEY", STRONG)];
        assert_eq!(wrong(&variables), ["DATABASE_URL"], "{environment}");
    }
    assert_eq!(wrong(&[("HOST", "0.0.0.0"), ("JWT_SECRET_KEY", STRONG)]), ["DATABASE_URL"], "implied");
    assert_eq!(refused(&[("DATABASE_URL", "")]), ["DATABASE_URL"]);
    let file = folder(&[("config/production.toml", "[database]\nurl = \"sqlite:///./app.db\"")]);
    assert!(load_in(file.path(), &[("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", STRONG)]).is_ok());
    for environment in ["development", "local", "dev", "test", ""] {
        assert!(load(&[("ENVIRONMENT", environment)]).is_ok(), "{environment}");
    }
}
