//! `config check` and `config show`.

use std::process::ExitCode;

use crate::{
    cli::Config,
    failure::Failure,
    output,
    settings::{self, Inputs, Settings},
};

pub fn run(inputs: &Inputs, command: &Config) -> Result<ExitCode, Failure> {
    let loaded = Settings::load(inputs);
    match command {
        Config::Check { json: true } => {
            output::line(settings::check_json(&loaded))?;
            return Ok(ExitCode::from(if loaded.is_ok() { 0 } else { 2 }));
        }
        Config::Check { json: false } => {
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
