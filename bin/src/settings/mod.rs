//! The settings: layered, typed, and rejected as a whole with every problem. The only module that reads the environment
//! and `.env`. A new key needs a line in `config/default.toml` and in `keys`, a field in `model` and a parser in
//! `read`.

mod addresses;
mod check;
mod composed;
mod dotenv;
mod keys;
mod layers;
#[expect(dead_code, reason = "keys without effect in this version are read and validated")]
mod model;
mod problems;
mod production;
mod profile;
mod rate_limits;
mod read;
mod reader;
mod roles;
pub mod secret;
mod show;
mod sources;
mod strength;
#[cfg(test)]
mod tests;
mod unknown;
mod values;
mod variables;

pub use addresses::Origins;
pub use check::{check, check_json};
pub use model::{FirstSuperuser, Settings};
pub use problems::{Problem, Problems};
pub use profile::Environment;
pub use show::{show, show_json};
pub use sources::{Inputs, Overrides};
pub use values::{Algorithm, LogFormat, LogLevel, PasswordHasher, RegistrationMode};

use reader::Reader;

impl Settings {
    /// Reads every layer: built-in defaults, the profile, `.env`, the environment, the command line. Later layers take
    /// precedence.
    ///
    /// # Errors
    /// Returns every problem of the configuration. No problem shows a secret.
    pub fn load(inputs: &Inputs) -> Result<Self, Problems> {
        match Self::examine(inputs)? {
            (settings, None) => Ok(settings),
            (_, Some(problems)) => Err(problems),
        }
    }

    /// Reads every layer, and returns the settings also if there are problems. Values that could not be read are as if
    /// unset.
    ///
    /// # Errors
    /// Returns the problems if no settings can be read at all.
    pub fn examine(inputs: &Inputs) -> Result<(Self, Option<Problems>), Problems> {
        let mut sources = sources::collect(inputs).map_err(|problem| Problems {
            list: vec![problem],
            hints: Vec::new(),
            note: None,
        })?;
        let mut reader = Reader::after(&sources.tree, std::mem::take(&mut sources.problems));
        let mut settings = read::settings(&mut reader, &sources.tree, sources.profile.environment, inputs.cores);
        let mut list = reader.into_problems();
        if settings.app.environment == Environment::Production {
            sources.exposed.extend(production::exposed_keys(&settings, &inputs.directory));
            let refusals = production::refusals(&settings, &sources.tree, &sources.exposed, &list);
            list.extend(refusals);
            settings.warnings = production::reminders(&settings, &sources.tree, &list);
        } else {
            settings.warnings = production::warnings(&settings, &sources.tree, &sources.exposed);
        }
        settings.warnings.splice(..0, sources.warnings.iter().cloned());
        settings.entries = show::entries(&sources.tree, &settings, &sources.profile);
        settings.directory.clone_from(&inputs.directory);
        let problems =
            (!list.is_empty()).then_some(Problems { list, hints: sources.warnings, note: sources.profile.note });
        Ok((settings, problems))
    }

    /// Returns the built-in defaults.
    ///
    /// # Errors
    /// Returns the problems of the defaults.
    pub fn built_in() -> Result<Self, Problems> {
        let tree =
            sources::built_in().map_err(|problem| Problems { list: vec![problem], hints: Vec::new(), note: None })?;
        let mut reader = Reader::new(&tree);
        let settings = read::settings(&mut reader, &tree, Environment::Development, 1);
        match reader.into_problems() {
            list if list.is_empty() => Ok(settings),
            list => Err(Problems { list, hints: Vec::new(), note: None }),
        }
    }
}
