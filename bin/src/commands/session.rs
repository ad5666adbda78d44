//! `cleanup-tokens`.

use std::process::ExitCode;

use crate::{compose, failure::Failure, output, settings::Settings};

pub async fn clean_up(settings: &Settings) -> Result<ExitCode, Failure> {
    let services = compose::services(settings, compose::open_migrated(settings).await?)?;
    let deleted = services.sessions.clean_up().await?;
    output::line(format!("deleted {deleted} expired sessions"))?;
    Ok(ExitCode::SUCCESS)
}
