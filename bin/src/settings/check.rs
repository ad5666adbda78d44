//! `config check`: the problems, or the effective settings beside the defaults of each profile. The table leaves out
//! keys without effect in this version.

use std::fmt::Write;

use super::addresses::Origins;
use super::model::{Password, Settings};
use super::problems::{Problem, Problems};
use super::profile::Environment;
use super::values::{PasswordHasher, RegistrationMode, shown};
use keepstone_adapters::{Encryption, MailUrl};
use keepstone_persistence::TlsMode;
use keepstone_service::{Limit, Quotas};
use serde_json::{Value, json};

/// A setting, its effective value, and the defaults of development and production.
type Row = [String; 4];

/// Returns the problems, or "ok" with the effective settings, the defaults of each profile, and the warnings.
#[must_use]
pub fn check(result: &Result<Settings, Problems>) -> String {
    let settings = match result {
        Ok(settings) => settings,
        Err(problems) => return problems.to_string(),
    };
    let entry = settings.entries.iter().find(|entry| entry.path == "app.environment");
    let origin = entry.map_or("", |entry| &entry.origin);
    let mut text = format!("ok: {} ({origin})\n\n{}", settings.app.environment, table(&matrix(settings)));
    // Writing to a string cannot fail.
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

/// Returns the same as JSON, from the settings that could be read (`None` if none could) and the problems.
#[must_use]
pub fn check_json(settings: Option<&Settings>, problems: Option<&Problems>) -> String {
    let object = |problem: &Problem| {
        json!({
            "key": problem.key, "origin": problem.origin, "message": problem.message, "fix": problem.fix,
        })
    };
    let objects = |list: &[Problem]| list.iter().map(object).collect::<Value>();
    let report = json!({
        "ok": problems.is_none(),
        "environment": settings.map(|settings| settings.app.environment.to_string()),
        "problems": objects(problems.map_or(&[], |problems| &problems.list)),
        "note": problems.and_then(|problems| problems.note.as_ref()),
        "warnings": objects(settings.map_or(&[], |settings| &settings.warnings)),
        "without_effect": settings.map_or_else(Vec::new, Settings::without_effect),
    });
    report.to_string()
}

/// Formats a table with columns as wide as their widest text.
fn table(rows: &[Row]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..4).map(width).collect();
    let line = |row: &Row| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(text, width)| format!("{text:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn matrix(settings: &Settings) -> Vec<Row> {
    let mut rows = vec![row("setting", "here", "development", "production")];
    rows.extend(secrets(settings));
    rows.extend(passwords(settings));
    rows.extend(clients(settings));
    rows.extend(database(settings));
    rows.push(mail(settings));
    rows
}

fn secrets(settings: &Settings) -> Vec<Row> {
    let production = settings.app.environment == Environment::Production;
    let policy = either(production, "refused", "warned of");
    let secret = either(settings.signing_key().is_some(), "configured", "generated at start, mode 0600");
    let debug = if production { "refused" } else { either(settings.app.debug, "on", "off") };
    vec![
        row("signing secret", secret, "generated, mode 0600", "required"),
        row("weak secret", policy, "warned of", "refused, exit code 2"),
        row("open secret files", policy, "warned of", "refused, exit code 2"),
        row("DEBUG=true", debug, "allowed", "refused, exit code 2"),
    ]
}

fn passwords(settings: &Settings) -> Vec<Row> {
    let Settings { password, registration, .. } = settings;
    let length = format!("at least {}", password.min_length);
    let sign_up = match registration.mode {
        RegistrationMode::Open => format!("open, as {}", registration.default_role),
        RegistrationMode::Closed => "closed".to_owned(),
    };
    vec![
        row("password blocklist", either(password.blocklist, "on", "off"), "off", "on"),
        row("password length", &length, "at least 8", "at least 8"),
        row("password hash", &hasher(password), "bcrypt, cost 12", "bcrypt, cost 12, 10 at least"),
        row("registration", &sign_up, "open, as user", "open, as user"),
        row("refresh grace", &shown(settings.sessions.refresh_grace), "10s", "10s"),
    ]
}

fn clients(settings: &Settings) -> Vec<Row> {
    let limit = |name: &str, limit: Limit, of: &str| {
        let here = settings.quotas().map_or_else(|| "off".to_owned(), |quotas| rate(&quotas, limit, of));
        row(name, &here, &rate(&Quotas::generous(), limit, of), &rate(&Quotas::strict(), limit, of))
    };
    let proxies = match settings.server.trusted_proxies.len() {
        0 => "none".to_owned(),
        count => format!("{count} listed"),
    };
    vec![
        row("documentation", either(settings.docs.enabled, "on", "off"), "on", "off"),
        row("CORS origins", &origins(&settings.cors.origins), "local ones; * allowed", "none; * refused"),
        limit("logins", Limit::Login, "address"),
        limit("sign-ups", Limit::Register, "address"),
        limit("refreshes", Limit::Refresh, "session"),
        row("trusted proxies", &proxies, "none", "none"),
    ]
}

fn database(settings: &Settings) -> Vec<Row> {
    let server = settings.database.url.server().filter(|server| server.is_remote());
    let traffic = match server.map(|server| server.tls().mode()) {
        None => "on this machine",
        Some(TlsMode::Disable) => "over a network, not encrypted",
        Some(TlsMode::Prefer) => "over a network, encrypted if the server can",
        Some(TlsMode::Require) => "over a network, encrypted, server not verified",
        Some(TlsMode::VerifyCa) => "over a network, encrypted, authority verified",
        Some(TlsMode::VerifyFull) => "over a network, encrypted, server verified",
    };
    vec![
        row("database", &settings.database.url.to_string(), "sqlite:///./keepstone.db", "as configured"),
        row("database traffic", traffic, "as configured", "encrypted, server verified; less is warned of"),
    ]
}

fn mail(settings: &Settings) -> Row {
    let here = match &settings.mail.url {
        Some(MailUrl::Smtp(url)) if url.encryption() == Encryption::Never => format!("{url}, not encrypted"),
        Some(url) => url.to_string(),
        None if settings.app.environment == Environment::Development => "written to the log".to_owned(),
        None => "off".to_owned(),
    };
    row("e-mail", &here, "written to the log", "as configured, or off")
}

fn row(setting: &str, here: &str, development: &str, production: &str) -> Row {
    [setting, here, development, production].map(str::to_owned)
}

const fn either(on: bool, yes: &'static str, no: &'static str) -> &'static str {
    if on { yes } else { no }
}

/// Such as `10/min per address`.
fn rate(quotas: &Quotas, limit: Limit, of: &str) -> String {
    let Some(quota) = quotas.of(limit) else { return "off".to_owned() };
    let period = match quota.period.as_secs() {
        60 => "min".to_owned(),
        3_600 => "h".to_owned(),
        _ => shown(quota.period),
    };
    format!("{}/{period} per {of}", quota.amount)
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
