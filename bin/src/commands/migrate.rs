//! `migrate …` and `init-db`, with the command names of alembic.

mod downgrade;
mod revision;

use std::process::ExitCode;

use keepstone_persistence::{MigrationState, Migrator, Target};
use serde_json::json;

use crate::{cli::Migrate, compose, failure::Failure, output, settings::Settings};

/// The remark about a migration that exists only in the database.
const UNKNOWN: &str = "which this program does not know";

pub async fn run(settings: &Settings, command: Migrate) -> Result<ExitCode, Failure> {
    match command {
        Migrate::Upgrade { to, sql: false } => upgrade(settings, to).await,
        Migrate::Upgrade { to, sql: true } => printed(Migrator::of(&settings.database.url).upgrade_script(to).await?),
        Migrate::Downgrade { to, sql: true, .. } => {
            printed(Migrator::of(&settings.database.url).downgrade_script(to).await?)
        }
        Migrate::Downgrade { to, yes, sql: false } => downgrade::run(settings, to, yes).await,
        Migrate::Current { json } => current(&history(settings).await?, json),
        Migrate::History { json } => {
            let mut list = output::List::new(json);
            list.rows(&history(settings).await?, as_json, as_text)?;
            list.end("no migrations")?;
            Ok(ExitCode::SUCCESS)
        }
        Migrate::Check { json } => check(&history(settings).await?, json),
        Migrate::Revision { message } => revision::run(&message),
    }
}

fn as_json(migration: &MigrationState) -> serde_json::Value {
    json!({ "name": migration.name, "applied": migration.is_applied, "known": migration.is_known })
}

fn as_text(migration: &MigrationState) -> String {
    match migration {
        MigrationState { name, is_known: false, .. } => format!("unknown  {name}, {UNKNOWN}"),
        MigrationState { name, is_applied: true, .. } => format!("applied  {name}"),
        MigrationState { name, .. } => format!("pending  {name}"),
    }
}

fn current(history: &[MigrationState], as_json: bool) -> Result<ExitCode, Failure> {
    let newest = history.iter().rev().find(|migration| migration.is_applied);
    if as_json {
        let name = newest.map(|migration| &migration.name);
        return printed(json!({ "current": name, "unknown": unknown(history) }).to_string());
    }
    printed(match newest {
        None => "base: no migration is applied".to_owned(),
        Some(MigrationState { name, is_known: true, .. }) => name.clone(),
        Some(MigrationState { name, .. }) => format!("{name}, {UNKNOWN}"),
    })?;
    // Standard output has only the newest migration; other unknown ones are warnings.
    for name in unknown(history).iter().filter(|name| newest.is_none_or(|newest| newest.name != **name)) {
        output::error(format!("the database also has {name}, {UNKNOWN}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn unknown(history: &[MigrationState]) -> Vec<&str> {
    history.iter().filter(|migration| !migration.is_known).map(|migration| &*migration.name).collect()
}

/// Fails if migrations are missing. A newer schema counts as up to date: a server works with it.
fn check(history: &[MigrationState], as_json: bool) -> Result<ExitCode, Failure> {
    let missing: Vec<_> =
        history.iter().filter(|migration| !migration.is_applied).map(|migration| &migration.name).collect();
    let unknown = unknown(history);
    if as_json {
        let report = json!({ "up_to_date": missing.is_empty(), "missing": missing, "unknown": unknown });
        output::line(report.to_string())?;
        return Ok(ExitCode::from(u8::from(!missing.is_empty())));
    }
    for name in unknown {
        output::line(format!("the database has {name}, {UNKNOWN}"))?;
    }
    if !missing.is_empty() {
        return Err(Failure::Failed(format!("{} to apply: run keepstone migrate upgrade", missing.len())));
    }
    printed("up to date")
}

fn printed(text: impl AsRef<str>) -> Result<ExitCode, Failure> {
    output::line(text)?;
    Ok(ExitCode::SUCCESS)
}

pub async fn upgrade(settings: &Settings, target: Target) -> Result<ExitCode, Failure> {
    // Checked before `open`, which would create a SQLite file even for an invalid target.
    Migrator::of(&settings.database.url).upgrade_steps(target.clone()).await?;
    let applied = compose::open(settings).await?.migrator().upgrade(target).await?;
    report("applied", &applied, "up to date")?;
    Ok(ExitCode::SUCCESS)
}

async fn history(settings: &Settings) -> Result<Vec<MigrationState>, Failure> {
    Ok(Migrator::of(&settings.database.url).look().await?)
}

fn report(verb: &str, migrations: &[MigrationState], nothing: &str) -> Result<(), Failure> {
    for migration in migrations {
        output::line(format!("{verb} {}", migration.name))?;
    }
    if migrations.is_empty() {
        output::line(nothing)?;
    }
    Ok(())
}
