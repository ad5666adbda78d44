//! The settings: layered, typed, and refused as a whole with every reason. The only module that reads the environment
//! and `.env`. A new key is a line in `config/default.toml`, one in `keys`, a field in `model` and its parser in
//! `read`.

mod addresses;
mod check;
mod composed;
mod dotenv;
mod keys;
mod layers;
#[expect(dead_code, reason = "keys that have no effect yet are read and validated already")]
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
    /// Reads every layer: built-in defaults, the profile, `.env`, the environment, the command line; later ones win.
    ///
    /// # Errors
    /// Every problem of the configuration, not only the first. None of them shows a secret.
    pub fn load(inputs: &Inputs) -> Result<Self, Problems> {
        match Self::examine(inputs)? {
            (settings, None) => Ok(settings),
            (_, Some(problems)) => Err(problems),
        }
    }

    /// The same, and beside the problems everything that could be read all the same. What could not is as if it was
    /// unset.
    ///
    /// # Errors
    /// If nothing at all can be read.
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

    /// What holds wherever nothing is configured.
    ///
    /// # Errors
    /// What is wrong with the defaults.
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
