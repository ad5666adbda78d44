//! `migrate downgrade`, which asks for confirmation because it deletes data.

use std::{
    io::{IsTerminal, stdin},
    process::ExitCode,
};

use keepstone_persistence::{Migrator, Target};

use super::report;
use crate::{
    commands::user::read_line,
    compose,
    failure::Failure,
    output,
    settings::{Environment, Settings},
};

pub async fn run(settings: &Settings, target: Target, is_agreed: bool) -> Result<ExitCode, Failure> {
    let losses = Migrator::of(&settings.database.url).downgrade_losses(target.clone()).await?;
    if losses.is_empty() {
        output::line("nothing to revert")?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_production = settings.app.environment == Environment::Production;
    if !is_agreed && (is_production || stdin().is_terminal()) {
        agree(settings, &losses)?;
    }
    let reverted = compose::open(settings).await?.migrator().downgrade(target).await?;
    report("reverted", &reverted, "nothing to revert")?;
    Ok(ExitCode::SUCCESS)
}

/// Lists the data that will be deleted, and asks for confirmation.
fn agree(settings: &Settings, losses: &[(String, Vec<String>)]) -> Result<(), Failure> {
    output::error(format!("{}: this reverts, newest first:", settings.database.url));
    for (migration, lost) in losses {
        let lost = if lost.is_empty() { "no data".to_owned() } else { format!("all data in {}", lost.join(", ")) };
        output::error(format!("  {migration}: deletes {lost}"));
    }
    if !stdin().is_terminal() {
        return Err(Failure::Usage("nothing was reverted: create a backup, then run it again with --yes".to_owned()));
    }
    output::prompt("Is there a backup, and may this data be deleted? [y/N] ");
    let answer = read_line()?.trim().to_lowercase();
    if ["y", "yes"].contains(&answer.as_str()) {
        Ok(())
    } else {
        Err(Failure::Failed("nothing was reverted".to_owned()))
    }
}
