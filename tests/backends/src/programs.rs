//! Finds the programs of the database servers: on the PATH, and in the folders that Debian does not add to the PATH.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

/// Returns the value of an environment variable, if it is set and not empty.
#[expect(clippy::disallowed_methods, reason = "tests do not read their environment through the settings")]
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the PATH, followed by Debian's folders of server programs.
pub(crate) fn path() -> OsString {
    let on_path = variable("PATH").unwrap_or_default();
    let mut postgres: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql").map_or_else(
        |_none| Vec::new(),
        |versions| versions.flatten().map(|version| version.path().join("bin")).collect(),
    );
    postgres.sort_by_key(|folder| folder.to_string_lossy().into_owned());
    let folders = env::split_paths(&on_path).chain(postgres.into_iter().rev()).chain([PathBuf::from("/usr/sbin")]);
    env::join_paths(folders).expect("the folders come from a PATH")
}

/// Returns a message about the first of these programs that is missing.
pub(crate) fn missing(programs: &[&str]) -> Option<String> {
    let path = path();
    let absent = |program: &&&str| !env::split_paths(&path).any(|folder| folder.join(program).is_file());
    programs.iter().find(absent).map(|program| format!("no {program} on the PATH"))
}
