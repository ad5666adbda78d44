//! The valid values of each type.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::time::Duration;

use super::super::addresses::Network;
use super::super::keys::display_name;
use super::super::rate_limits::{RATE_LIMITS, quota};
use super::super::values::ResponseCase;
use super::super::values::{LogLevel, Unit, duration, shown};
use super::super::{Environment, Origins, PasswordHasher};
use super::*;
use keepstone_service::{Limit, Quota, Quotas};

fn listed(origins: &[&str]) -> Origins {
    Origins::Listed(origins.iter().map(|origin| (*origin).to_owned()).collect())
}

#[test]
fn a_duration_without_a_unit_has_that_of_its_key() {
    let read = |text, unit| duration(text, unit, Duration::ZERO..=Duration::from_hours(24 * 3_650)).ok();
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (text, unit, value) in [
        ("30", Unit::Minute, seconds(1_800)),
        ("30", Unit::Day, seconds(30 * 86_400)),
        ("30", Unit::Second, seconds(30)),
        ("0", Unit::Second, seconds(0)),
        ("500ms", Unit::Minute, Some(Duration::from_millis(500))),
        ("15s", Unit::Minute, seconds(15)),
        ("30m", Unit::Day, seconds(1_800)),
        ("24h", Unit::Day, seconds(86_400)),
        ("30d", Unit::Minute, seconds(30 * 86_400)),
        ("15 S", Unit::Minute, seconds(15)),
    ] {
        assert_eq!(read(text, unit), value, "{text}");
    }
    for text in [
        "",
        "m",
        "-1",
        "+1",
        "1.5",
        "1.5h",
        "5y",
        "1h30m",
        "30 minutes",
        "99999999999999999999",
        "18446744073709551615d",
    ] {
        assert_eq!(read(text, Unit::Second), None, "{text}");
    }
    for text in ["0", "500ms", "15s", "30m", "24h", "30d"] {
        let expected = if text == "24h" { "1d" } else { text };
        assert_eq!(shown(read(text, Unit::Second).unwrap()), expected);
    }
}

#[test]
fn a_rate_limit_is_a_number_and_a_period_or_off() {
    let read = |text: &str| quota(text).map(|quota| quota.map(|quota| (quota.amount.get(), quota.period.as_secs())));
    for (text, expected) in [
        ("10/m", Some((10, 60))),
        ("10/minute", Some((10, 60))),
        ("10 / min", Some((10, 60))),
        ("5/H", Some((5, 3_600))),
        ("1/s", Some((1, 1))),
        ("1000/day", Some((1_000, 86_400))),
        ("5/15m", Some((5, 900))),
        ("5/15 minutes", Some((5, 900))),
        ("100 per hour", Some((100, 3_600))),
        ("off", None),
        ("OFF", None),
    ] {
        assert_eq!(read(text), Ok(expected), "{text}");
    }
    for text in [
        "10",
        "0/m",
        "-1/m",
        "1.5/m",
        "/m",
        "10/",
        "10/0s",
        "10/5",
        "10/y",
        "10/m/h",
        "m/10",
        "no",
        "10/31d",
        "1000001/s",
        "10/99999999999999999999d",
    ] {
        let wrong = read(text).unwrap_err();
        assert!(wrong.message.contains(text) && wrong.fix.contains("10/m"), "{wrong:?}");
    }
}

#[test]
fn every_rate_limit_has_a_key_and_a_default_of_the_profile() {
    assert!(RATE_LIMITS.iter().map(|(_, limit)| *limit).collect::<HashSet<_>>() == HashSet::from(Limit::ALL));
    for (path, limit) in RATE_LIMITS {
        let name = display_name(path);
        let quotas = |environment, value| {
            let variables = [
                ("ENVIRONMENT", environment),
                ("DATABASE_URL", "sqlite:////srv/app.db"),
                ("JWT_SECRET_KEY", STRONG),
                ("RATE_LIMIT_ENABLED", "true"),
                (&*name, value),
            ];
            load(&variables).unwrap().quotas().unwrap()
        };
        for (environment, profile) in
            [("development", Quotas::generous()), ("production", Quotas::strict()), ("test", Quotas::strict())]
        {
            assert_eq!(quotas(environment, ""), profile);
            let quota = Quota { amount: NonZeroU32::new(7).unwrap(), period: Duration::from_mins(15) };
            assert_eq!(quotas(environment, "7/15m"), profile.clone().with(limit, Some(quota)));
            assert_eq!(quotas(environment, "off"), profile.with(limit, None));
        }
        let name: &str = &name;
        assert_eq!(wrong(&[(name, "often")]), [name]);
    }
}

#[test]
fn a_pattern_of_origins_matches_whole_origins() {
    let pattern =
        load(&[("CORS_ORIGIN_REGEX", r"https://a\.example|https://b\.example")]).unwrap().cors.origin_regex.unwrap();
    for (origin, matches) in [
        ("https://a.example", true),
        ("https://b.example", true),
        ("https://a.example.evil.test", false),
        ("xhttps://b.example", false),
        ("https://a.example\n", false),
    ] {
        assert_eq!(pattern.is_match(origin), matches, "{origin}");
    }
    assert!(load(&[]).unwrap().cors.origin_regex.is_none());
}

#[test]
fn the_base_path_is_that_of_the_public_address() {
    for (url, path) in [
        ("", ""),
        ("https://host.example", ""),
        ("https://host.example/", ""),
        ("https://host.example/svc", "/svc"),
        ("https://host.example:8443/a/b/", "/a/b"),
        ("https://host.example/\u{e4} b", "/%C3%A4%20b"),
    ] {
        assert_eq!(load(&[("PUBLIC_URL", url)]).unwrap().base_path(), path, "{url}");
    }
}

#[test]
fn cors_origins_are_a_comma_list_a_json_list_or_a_star() {
    let origins = |text| load(&[("CORS_ORIGINS", text)]).unwrap().cors.origins;
    let two = listed(&["https://a.example.com", "http://localhost:3000"]);
    assert_eq!(origins("https://a.example.com,http://localhost:3000"), two);
    assert_eq!(origins(" https://a.example.com , http://localhost:3000 ,"), two);
    assert_eq!(origins(r#"["https://a.example.com", "http://localhost:3000"]"#), two);
    assert_eq!(origins("[]"), listed(&[]));
    assert_eq!(origins("*"), Origins::Any);
    assert_eq!(origins(r#"["*"]"#), Origins::Any);
    assert_eq!(origins("HTTPS://A.Example.com:443/,https://a.example.com"), listed(&["https://a.example.com"]));
    assert_eq!(
        origins("http://[::1]:3000,capacitor://localhost"),
        listed(&["http://[::1]:3000", "capacitor://localhost"])
    );
    let folder = folder(&[("config/test.toml", "[cors]\norigins = [\"https://a.example.com\"]")]);
    assert_eq!(
        load_in(folder.path(), &[("ENVIRONMENT", "test")]).unwrap().cors.origins,
        listed(&["https://a.example.com"])
    );
}

#[test]
fn every_invalid_origin_is_rejected_with_its_reason() {
    for text in [
        "app.example.com",
        "localhost:3000",
        "https://",
        "null",
        "https://*.example.com",
        "*,https://a.test",
        "https://a.test/path",
        "https://a.test?x",
        "https://a.test#x",
        "https://user:pass@a.test",
        "[\"https://a.test\"",
        "[1]",
        "{}",
        "https://a.test:99999",
        "https://a b.test",
    ] {
        assert_eq!(wrong(&[("CORS_ORIGINS", text)]), ["CORS_ORIGINS"], "{text}");
    }
    assert_eq!(wrong(&[("CORS_ORIGINS", "a,b,c")]).len(), 3);
}

#[test]
fn words_are_read_in_any_case() {
    let settings = load(&[
        ("ENVIRONMENT", "TEST"),
        ("LOG_LEVEL", "CRITICAL"),
        ("LOG_FORMAT", "JSON"),
        ("PASSWORD_HASHER", "Argon2ID"),
        ("TOKEN_RESPONSE_CASE", "Camel"),
        ("JWT_ALGORITHM", "hs256"),
        ("REGISTRATION", "Closed"),
        ("DEFAULT_ROLE", "VIEWER"),
    ])
    .unwrap();
    assert_eq!(settings.app.environment, Environment::Test);
    assert_eq!(settings.log.level, LogLevel::Error);
    assert_eq!(settings.password.hasher, PasswordHasher::Argon2id);
    assert_eq!(settings.sessions.token_response_case, ResponseCase::Camel);
    assert_eq!(settings.registration.default_role.as_str(), "viewer");
}

#[test]
fn flags_have_four_words_each() {
    for (texts, value) in [(["true", "1", "YES", "on"], true), (["False", "0", "no", "OFF"], false)] {
        for text in texts {
            assert_eq!(load(&[("DOCS_ENABLED", text)]).unwrap().docs.enabled, value, "{text}");
        }
    }
    assert_eq!(wrong(&[("DOCS_ENABLED", "maybe")]), ["DOCS_ENABLED"]);
}

#[test]
fn a_script_is_a_path_of_this_host_or_has_a_hash() {
    let hash = format!("sha384-{}", "A".repeat(64));
    let remote = format!("https://cdn.example.com/redoc.js#{hash}");
    let script = |text: &str| load(&[("REDOC_SCRIPT", text)]).unwrap().docs.redoc_script;
    assert_eq!(script(&remote).url, "https://cdn.example.com/redoc.js");
    assert_eq!(script(&remote).integrity, Some(hash.clone()));
    assert_eq!(script("/redoc.js").integrity, None);
    assert_eq!(script(&format!("/redoc.js#{hash}")).integrity, Some(hash.clone()));
    for bad in [
        "redoc.js",
        "//cdn.example.com/redoc.js",
        "https://cdn.example.com/redoc.js",
        "https://cdn.example.com/redoc.js#",
        "https://cdn.example.com/redoc.js#sha384-AAAA",
        &format!("https://cdn.example.com/redoc.js#md5-{}", "A".repeat(64)),
        &format!("javascript:alert(1)#{hash}"),
        &format!("https://cdn.example.com/a;script-src *#{hash}"),
        &format!("https://cdn.example.com/\"><script>#{hash}"),
    ] {
        assert_eq!(wrong(&[("REDOC_SCRIPT", bad)]), ["REDOC_SCRIPT"], "{bad}");
    }
}

#[test]
fn invalid_values_are_rejected_in_every_environment() {
    for (name, value) in [
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "tcp://10.0.0.1:80"),
        ("SHUTDOWN_DELAY", "11"),
        ("SHUTDOWN_DELAY", "1m"),
        ("HOST", "localhost:8000"),
        ("HOST", "http://localhost"),
        ("HOST", "a b"),
        ("API_V1_PREFIX", "api"),
        ("API_V1_PREFIX", "/"),
        ("API_V1_PREFIX", "/a//b"),
        ("API_V1_PREFIX", "/{x}"),
        ("DB_POOL_SIZE", "0"),
        ("DATABASE_URL", "keepstone.db"),
        ("DATABASE_URL", "oracle://h/d"),
        ("DATABASE_REPLICA_URL", "sqlite:///x.db"),
        ("JWT_ALGORITHM", "none"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "31d"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "soon"),
        ("REFRESH_GRACE", "61"),
        ("PRINCIPAL_CACHE_TTL", "2m"),
        ("TOKEN_RESPONSE_CASE", "kebab"),
        ("PASSWORD_HASHER", "md5"),
        ("BCRYPT_COST", "3"),
        ("BCRYPT_ROUNDS", "16"),
        ("ARGON2_MEMORY_KIB", "19455"),
        ("ARGON2_MEMORY_KIB", "8"),
        ("ARGON2_ITERATIONS", "1"),
        ("ARGON2_PARALLELISM", "0"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("HASH_CONCURRENCY", "many"),
        ("REGISTRATION", "maybe"),
        ("DEFAULT_ROLE", "superuser"),
        ("DEFAULT_ROLE", "admin"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("MAIL_URL", "http://h"),
        ("MAIL_URL", "file:"),
        ("MAIL_FROM", "no-address"),
        ("MAIL_URL", "smtp://h/path"),
        ("MAIL_URL", "smtp://h?tls=opportunistic"),
        ("MAIL_FROM", "a\nb <a@b.test>"),
        ("MAIL_FROM", "a@b.test, c@d.test"),
        ("FILES_URL", "ftp://h"),
        ("REDIS_URL", "localhost:6379"),
        ("PUBLIC_URL", "api.example.com"),
        ("PUBLIC_URL", "ftp://api.example.com"),
        ("PUBLIC_URL", "https://api.example.com?x"),
        ("PUBLIC_URL", "https://api.example.com/#x"),
        ("METRICS_ADDR", "9090"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "*"),
        ("ENVIRONMENT", "prodution"),
        ("RATE_LIMIT_ENABLED", "2"),
        ("APP_NAME", "a\rb"),
    ] {
        let keys = wrong(&[(name, value)]);
        let key = if name == "BCRYPT_ROUNDS" {
            "BCRYPT_COST"
        } else if name == "ARGON2_ITERATIONS" {
            "ARGON2_MEMORY_KIB"
        } else {
            name
        };
        assert_eq!(keys, [key], "{name}={value}");
    }
}

#[test]
fn argon2_requires_less_memory_with_more_iterations() {
    for (memory, iterations, fine) in [
        ("47104", "1", true),
        ("47103", "1", false),
        ("19456", "2", true),
        ("19455", "2", false),
        ("12288", "3", true),
        ("12287", "3", false),
    ] {
        let problems = wrong(&[("ARGON2_MEMORY_KIB", memory), ("ARGON2_ITERATIONS", iterations)]);
        assert_eq!(problems.is_empty(), fine, "{memory} {iterations}");
    }
}

#[test]
fn proxies_are_addresses_and_networks() {
    let proxies = load(&[("TRUSTED_PROXIES", "10.0.0.0/8, ::1")]).unwrap().server.trusted_proxies;
    assert_eq!(
        proxies,
        [
            Network { address: [10, 0, 0, 0].into(), prefix: 8 },
            Network { address: "::1".parse().unwrap(), prefix: 128 }
        ]
    );
    assert_eq!(proxies[0].to_string(), "10.0.0.0/8");
}

#[test]
fn the_public_address_defaults_to_that_of_this_machine() {
    let url = |variables: &[(&str, &str)]| load(variables).unwrap().public_url();
    for (configured, url_without_slash) in [
        ("https://api.example.com", "https://api.example.com"),
        ("HTTPS://API.example.com:443/", "https://api.example.com"),
        ("http://bücher.example:8080/base//", "http://xn--bcher-kva.example:8080/base"),
    ] {
        assert_eq!(url(&[("PUBLIC_URL", configured)]), url_without_slash);
    }
    for (host, expected) in [
        ("127.0.0.1", "http://localhost:80"),
        ("::1", "http://localhost:80"),
        ("localhost", "http://localhost:80"),
        ("127.0.0.2", "http://127.0.0.2:80"),
        ("0.0.0.0", "http://localhost:80"),
        ("::", "http://localhost:80"),
        ("192.0.2.7", "http://192.0.2.7:80"),
        ("2001:db8::7", "http://[2001:db8::7]:80"),
        ("api.internal", "http://api.internal:80"),
    ] {
        assert_eq!(url(&[("ENVIRONMENT", "development"), ("HOST", host), ("PORT", "80")]), expected);
    }
}

#[test]
fn an_access_token_does_not_outlive_its_session() {
    assert_eq!(
        wrong(&[("ACCESS_TOKEN_EXPIRE_MINUTES", "2d"), ("REFRESH_TOKEN_EXPIRE_DAYS", "1")]),
        ["ACCESS_TOKEN_EXPIRE_MINUTES"]
    );
}

#[test]
fn all_problems_are_reported_at_once_with_origin_and_fix() {
    let folder = folder(&[(".env", "LOG_LEVEL=loud"), ("config/development.toml", "[docs]\nenabled = 3")]);
    let problems = load_in(folder.path(), &[("PORT", "x"), ("DATABASE_URL", "y"), ("JWT_EXPIRE", "z")]).unwrap_err();
    let text = problems.to_string();
    assert!(text.starts_with("the configuration has 4 problems:\n"), "{text}");
    for part in [
        "LOG_LEVEL [log.level] (.env variable LOG_LEVEL)",
        "DOCS_ENABLED [docs.enabled] (config/development.toml)",
        "PORT [server.port] (environment variable PORT)",
        "DATABASE_URL [database.url] (environment variable DATABASE_URL)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.matches("fix: ").count(), 4, "{text}");
    assert!(text.contains("sqlite, postgres, postgresql, mysql, mariadb"), "{text}");
}
