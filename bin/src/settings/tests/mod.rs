//! Tests of the settings. No test reads or changes the environment of the process: each passes its own variables and
//! folder.

mod check;
mod composed;
mod dotenv;
mod layering;
mod names;
mod production;
mod properties;
mod refused;
mod roles;
mod secrets;
mod values;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::{Inputs, Overrides, Problems, Settings};

/// A secret that is strong enough for production.
const STRONG: &str = "kT3vX9qLw2RzB7nYc5HdJ8mFs1PgUeA0iQo6VtKxMh4=";

/// A database that production accepts.
const DATABASE: &str = "sqlite:////var/lib/keepstone/keepstone.db";

/// Loads the settings from these variables, in an empty folder.
fn load(variables: &[(&str, &str)]) -> Result<Settings, Problems> {
    load_in(tempfile::tempdir().unwrap().path(), variables)
}

fn load_in(folder: &Path, variables: &[(&str, &str)]) -> Result<Settings, Problems> {
    load_with(folder, variables, Overrides::default())
}

fn load_with(folder: &Path, variables: &[(&str, &str)], overrides: Overrides) -> Result<Settings, Problems> {
    Settings::load(&Inputs::new(variables.iter().copied(), folder, overrides, 4))
}

/// Returns the bare names of the keys with problems.
fn wrong(variables: &[(&str, &str)]) -> Vec<String> {
    load(variables)
        .map_or_else(|problems| problems.list.into_iter().map(|problem| problem.key).collect(), |_| Vec::new())
}

/// Creates a folder with these files, readable by their owner only.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        set_mode(&path, 0o600);
    }
    folder
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
