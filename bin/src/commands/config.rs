//! `config check` and `config show`.

use std::process::ExitCode;

use crate::{
    cli::Config,
    failure::Failure,
    output,
    settings::{self, Inputs, Settings},
};

pub fn run(inputs: &Inputs, command: &Config) -> Result<ExitCode, Failure> {
    if matches!(command, Config::Check { json: true }) {
        return check_json(inputs);
    }
    let loaded = Settings::load(inputs);
    match command {
        Config::Check { .. } => {
            let report = settings::check(&loaded);
            if loaded.is_err() {
                return Err(Failure::Usage(report));
            }
            output::line(report)?;
        }
        Config::Show { json: false } => output::line(settings::show(&loaded?))?,
        Config::Show { json: true } => output::line(settings::show_json(&loaded?))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn check_json(inputs: &Inputs) -> Result<ExitCode, Failure> {
    let (settings, problems) = match Settings::examine(inputs) {
        Ok((settings, problems)) => (Some(settings), problems),
        Err(problems) => (None, Some(problems)),
    };
    output::line(settings::check_json(settings.as_ref(), problems.as_ref()))?;
    Ok(ExitCode::from(if problems.is_none() { 0 } else { 2 }))
}
