//! `cleanup-tokens` and `purge-users`: run the hourly clean-up of a server now.

use std::process::ExitCode;

use serde_json::json;

use crate::{
    cli::{CleanupTokens, PurgeUsers},
    compose,
    failure::Failure,
    output,
    settings::Settings,
};

pub async fn clean_up(settings: &Settings, arguments: &CleanupTokens) -> Result<ExitCode, Failure> {
    let services = compose::services(settings, compose::open_migrated(settings).await?)?;
    let deleted = services.sessions.clean_up().await?;
    let text = || format!("deleted {deleted} expired sessions");
    output::line(if arguments.json { json!({"deleted_sessions": deleted}).to_string() } else { text() })?;
    Ok(ExitCode::SUCCESS)
}

pub async fn purge(settings: &Settings, arguments: &PurgeUsers) -> Result<ExitCode, Failure> {
    let users = compose::purge(settings, compose::open_migrated(settings).await?).run().await?;
    let text = || format!("removed {users} deleted users");
    output::line(if arguments.json { json!({"removed_users": users}).to_string() } else { text() })?;
    Ok(ExitCode::SUCCESS)
}
