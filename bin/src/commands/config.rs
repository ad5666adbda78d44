//! `config check` and `config show`.

use std::process::ExitCode;

use crate::{
    cli::Config,
    failure::Failure,
    output,
    settings::{self, Inputs, Overrides, Settings},
};

pub fn run(command: &Config) -> Result<ExitCode, Failure> {
    let loaded = Settings::load(&Inputs::of_process(Overrides::default()));
    match command {
        Config::Check => {
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
