//! `config check`: the problems, or what the chosen profile means. It says nothing about a key that
//! nothing acts on yet: that would be a promise.

use std::fmt::Write;

use super::addresses::Origins;
use super::keys;
use super::model::{Password, Settings};
use super::problems::Problems;
use super::profile::Environment;
use super::values::{PasswordHasher, shown};

/// What `Quotas` are called here.
const GENEROUS: &str = "600/min per address";
const STRICT: &str = "login 10/min, register 5/h";

/// The problems, or "ok", what holds here beside what each profile starts from, and the warnings.
#[must_use]
pub fn check(result: &Result<Settings, Problems>) -> String {
    let settings = match result {
        Ok(settings) => settings,
        Err(problems) => return problems.to_string(),
    };
    let entry = settings.entries.iter().find(|entry| entry.path == "app.environment");
    let origin = entry.map_or("", |entry| &entry.origin);
    let mut text = format!("ok: {} ({origin})\n\n", settings.app.environment);
    for [setting, here, development, production] in matrix(settings) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{setting:24}  {here:32}  {development:24}  {production}");
    }
    for warning in &settings.warnings {
        let _ = write!(text, "\nwarning: {warning}");
    }
    let idle = settings.without_effect();
    if !idle.is_empty() {
        let _ = write!(text, "\nwarning: configured, but without effect in this version: {}", idle.join(", "));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn matrix(settings: &Settings) -> Vec<[String; 4]> {
    let production = settings.app.environment == Environment::Production;
    let policy = either(production, "refused", "warned of");
    let secret = either(settings.signing_key().is_some(), "configured", "generated at start, mode 0600");
    let debug = if production { "refused".to_owned() } else { either(settings.app.debug, "on", "off") };
    let built = |path: &str, row: [String; 4]| keys::find(path).filter(|key| !key.later).map(|_| row);
    let blocklist = either(settings.password.blocklist, "on", "off");
    let grace = shown(settings.sessions.refresh_grace);
    let limits = match (settings.rate_limit.enabled, settings.app.environment) {
        (false, _) => "off",
        (true, Environment::Development) => GENEROUS,
        (true, Environment::Production | Environment::Test) => STRICT,
    };
    let proxies = match settings.server.trusted_proxies.len() {
        0 => "none".to_owned(),
        count => format!("{count} listed"),
    };
    let rows = [
        Some(row("setting", "here", "development", "production")),
        Some(row("signing secret", &secret, "generated, mode 0600", "required")),
        Some(row("weak secret", &policy, "warned of", "refused, exit code 2")),
        Some(row("open secret files", &policy, "warned of", "refused, exit code 2")),
        Some(row("DEBUG=true", &debug, "allowed", "refused, exit code 2")),
        built("password.blocklist", row("password blocklist", &blocklist, "off", "on")),
        Some(row("password length", &format!("at least {}", settings.password.min_length), "at least 8", "at least 8")),
        Some(row("password hash", &hasher(&settings.password), "bcrypt, cost 12", "bcrypt, cost 12, 10 at least")),
        Some(row("documentation", &either(settings.docs.enabled, "on", "off"), "on", "off")),
        Some(row("CORS origins", &origins(&settings.cors.origins), "local ones; * allowed", "none; * refused")),
        Some(row("rate limits", limits, GENEROUS, STRICT)),
        Some(row("trusted proxies", &proxies, "none", "none")),
        built("sessions.refresh_grace", row("refresh grace", &grace, "0", "0")),
        Some(row("database", &settings.database.url.to_string(), "sqlite:///./keepstone.db", "as configured")),
    ];
    rows.into_iter().flatten().collect()
}

fn row(setting: &str, here: &str, development: &str, production: &str) -> [String; 4] {
    [setting, here, development, production].map(str::to_owned)
}

fn either(on: bool, yes: &str, no: &str) -> String {
    if on { yes.to_owned() } else { no.to_owned() }
}

fn origins(origins: &Origins) -> String {
    match origins {
        Origins::Any => "any, without credentials".to_owned(),
        Origins::Listed(origins) if origins.is_empty() => "none".to_owned(),
        Origins::Listed(origins) => format!("{} listed, with credentials", origins.len()),
    }
}

fn hasher(password: &Password) -> String {
    let argon2 = password.argon2;
    match password.hasher {
        PasswordHasher::Bcrypt => format!("bcrypt, cost {}", password.bcrypt_cost),
        PasswordHasher::Argon2id => {
            format!("argon2id, m={} t={} p={}", argon2.memory_kib, argon2.iterations, argon2.parallelism)
        }
    }
}
