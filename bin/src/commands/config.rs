//! `config check` and `config show`.

use std::process::ExitCode;

use crate::{
    cli::Config,
    failure::Failure,
    keys, output,
    settings::{self, Inputs, Problems, Settings},
};

pub fn run(inputs: &Inputs, command: &Config) -> Result<ExitCode, Failure> {
    if matches!(command, Config::Check { json: true }) {
        return check_json(inputs);
    }
    match command {
        Config::Check { .. } => {
            let loaded = examine(inputs).and_then(|(settings, problems)| problems.map_or(Ok(settings), Err));
            let report = settings::check(&loaded);
            if loaded.is_err() {
                return Err(Failure::Usage(report));
            }
            output::line(report)?;
        }
        Config::Show { json: false } => output::line(settings::show(&Settings::load(inputs)?))?,
        Config::Show { json: true } => output::line(settings::show_json(&Settings::load(inputs)?))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Collects the problems of the settings and of the configured signing keys. Only `serve` requires valid keys, so they
/// are not checked when settings are loaded: `generate-keys` must be able to fix them.
fn examine(inputs: &Inputs) -> Result<(Settings, Option<Problems>), Problems> {
    let (settings, mut problems) = Settings::examine(inputs)?;
    let is_wrong = |key| problems.as_ref().is_some_and(|problems| problems.concern(key));
    if !is_wrong("JWT_ALGORITHM") && !is_wrong("JWT_KEYS_DIR") {
        let of_keys = keys::problems(&settings);
        if !of_keys.is_empty() {
            problems.get_or_insert(Problems { list: Vec::new(), hints: Vec::new(), note: None }).list.extend(of_keys);
        }
    }
    Ok((settings, problems))
}

fn check_json(inputs: &Inputs) -> Result<ExitCode, Failure> {
    let (settings, problems) = match examine(inputs) {
        Ok((settings, problems)) => (Some(settings), problems),
        Err(problems) => (None, Some(problems)),
    };
    output::line(settings::check_json(settings.as_ref(), problems.as_ref()))?;
    Ok(ExitCode::from(if problems.is_none() { 0 } else { 2 }))
}
