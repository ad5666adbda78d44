//! `cleanup-tokens`.

use std::process::ExitCode;

use serde_json::json;

use crate::{cli::CleanupTokens, compose, failure::Failure, output, settings::Settings};

pub async fn clean_up(settings: &Settings, arguments: &CleanupTokens) -> Result<ExitCode, Failure> {
    let services = compose::services(settings, compose::open_migrated(settings).await?)?;
    let deleted = services.sessions.clean_up().await?;
    output::line(if arguments.json {
        json!({ "deleted_sessions": deleted }).to_string()
    } else {
        format!("deleted {deleted} expired sessions")
    })?;
    Ok(ExitCode::SUCCESS)
}
