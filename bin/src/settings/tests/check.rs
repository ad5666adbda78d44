//! The output of `config check` without problems.

use std::collections::BTreeMap;

use super::super::check;
use super::*;

const PRODUCTION: [(&str, &str); 3] =
    [("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", STRONG), ("DATABASE_URL", "sqlite:///./keepstone.db")];

/// Returns the rows of the table by their first column: the effective value, then the defaults of development and
/// production.
fn rows(variables: &[(&str, &str)]) -> BTreeMap<String, [String; 3]> {
    let text = check(&load(variables));
    let table: Vec<&str> = text.lines().skip(2).take_while(|line| !line.is_empty()).collect();
    let head = table.first().unwrap_or_else(|| panic!("{text}"));
    let starts = ["here", "development", "production"].map(|column| head.find(column).unwrap());
    let cell = |line: &str, column: usize| {
        let end = starts.get(column + 1).copied().unwrap_or(line.len()).min(line.len());
        line.get(starts[column]..end).unwrap_or_else(|| panic!("{text}")).trim_end().to_owned()
    };
    table[1..]
        .iter()
        .map(|line| (line[..starts[0]].trim_end().to_owned(), [cell(line, 0), cell(line, 1), cell(line, 2)]))
        .collect()
}

#[test]
fn check_shows_the_effective_values_beside_the_defaults_of_the_profiles() {
    let production = rows(&PRODUCTION);
    for (setting, values) in [
        ("signing secret", ["configured", "generated, mode 0600", "required"]),
        ("weak secret", ["refused", "warned of", "refused, exit code 2"]),
        ("open secret files", ["refused", "warned of", "refused, exit code 2"]),
        ("DEBUG=true", ["refused", "allowed", "refused, exit code 2"]),
        ("password blocklist", ["on", "off", "on"]),
        ("password length", ["at least 8"; 3]),
        ("password hash", ["bcrypt, cost 12", "bcrypt, cost 12", "bcrypt, cost 12, 10 at least"]),
        ("registration", ["open, as user"; 3]),
        ("refresh grace", ["10s"; 3]),
        ("documentation", ["off", "on", "off"]),
        ("CORS origins", ["none", "local ones; * allowed", "none; * refused"]),
        ("logins", ["10/min per address", "600/min per address", "10/min per address"]),
        ("sign-ups", ["5/h per address", "600/min per address", "5/h per address"]),
        ("refreshes", ["60/min per session", "600/min per session", "60/min per session"]),
        ("trusted proxies", ["none"; 3]),
        ("database", ["sqlite:///./keepstone.db", "sqlite:///./keepstone.db", "as configured"]),
        ("database traffic", ["on this machine", "as configured", "encrypted, server verified; less is warned of"]),
        ("e-mail", ["off", "written to the log", "as configured, or off"]),
    ] {
        assert_eq!(production.get(setting).map(|row| row.each_ref().map(String::as_str)), Some(values), "{setting}");
    }
    assert_eq!(production.len(), 18, "{production:?}");
}

#[test]
fn check_shows_configured_values() {
    let changed = rows(&[
        ("ENVIRONMENT", "development"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("DEBUG", "true"),
        ("REGISTRATION", "closed"),
        ("REFRESH_GRACE", "30"),
        ("PASSWORD_HASHER", "argon2id"),
        ("PASSWORD_MIN_LENGTH", "15"),
        ("CORS_ORIGINS", "*"),
        ("DATABASE_URL", "mysql://app:s3same-0pen@database.example.com/a-rather-long-name-of-a-database"),
        ("MAIL_URL", "smtp://app:s3same-0pen@localhost:1025"),
    ]);
    for (setting, value) in [
        ("signing secret", "generated at start, mode 0600"),
        ("trusted proxies", "2 listed"),
        ("DEBUG=true", "on"),
        ("registration", "closed"),
        ("refresh grace", "30s"),
        ("password hash", "argon2id, m=19456 t=2 p=1"),
        ("password length", "at least 15"),
        ("CORS origins", "any, without credentials"),
        ("logins", "600/min per address"),
        ("database", "mysql://database.example.com/a-rather-long-name-of-a-database"),
        ("database traffic", "over a network, encrypted if the server can"),
        ("e-mail", "smtp://localhost:1025, not encrypted"),
    ] {
        assert_eq!(changed[setting][0], value, "{setting}");
    }
    let test = rows(&[("ENVIRONMENT", "test")]);
    assert_eq!((test["e-mail"][0].as_str(), rows(&[])["e-mail"][0].as_str()), ("off", "written to the log"));
    assert!(["logins", "sign-ups", "refreshes"].iter().all(|limit| test[*limit][0] == "off"), "{test:?}");
}
