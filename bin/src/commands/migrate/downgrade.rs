//! `migrate downgrade`, which deletes data, and so asks first.

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
        output::line("nothing to take back")?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_production = settings.app.environment == Environment::Production;
    if !is_agreed && (is_production || stdin().is_terminal()) {
        agree(settings, &losses)?;
    }
    let reverted = compose::open(settings).await?.migrator().downgrade(target).await?;
    report("took back", &reverted, "nothing to take back")?;
    Ok(ExitCode::SUCCESS)
}

/// Says what is lost, and asks whether it may be.
fn agree(settings: &Settings, losses: &[(String, Vec<String>)]) -> Result<(), Failure> {
    output::error(format!("{}: this takes back, newest first:", settings.database.url));
    for (migration, lost) in losses {
        let lost = if lost.is_empty() { "no data".to_owned() } else { format!("all data in {}", lost.join(", ")) };
        output::error(format!("  {migration}: deletes {lost}"));
    }
    if !stdin().is_terminal() {
        return Err(Failure::Usage("nothing was taken back: make a backup, then run it again with --yes".to_owned()));
    }
    output::prompt("Is there a backup, and may this data be deleted? [y/N] ");
    let answer = read_line()?.trim().to_lowercase();
    if ["y", "yes"].contains(&answer.as_str()) {
        Ok(())
    } else {
        Err(Failure::Failed("nothing was taken back".to_owned()))
    }
}
