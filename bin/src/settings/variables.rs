//! Reads the environment and `.env` into a layer. `KEEPSTONE__SECTION__KEY` takes precedence over the bare name, and
//! that
//! over its alias. Secrets are also read from `<NAME>_FILE`. Unknown `KEEPSTONE__…` names are problems; other unknown
//! names may belong to other programs, see `unknown`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::keys::{self, KEYS, Key, PREFIX};
use super::layers::{Collected, no_role_name};
use super::problems::Wrong;

/// The variables of the environment or of `.env`.
pub(super) struct Variables<'a> {
    /// The values by name; `None` if a value is not UTF-8.
    pub values: BTreeMap<String, Option<String>>,
    /// The name of the place: "environment variable" or ".env variable".
    pub place: &'a str,
    /// The directory that the paths of `<NAME>_FILE` are relative to.
    pub directory: &'a Path,
}

impl Variables<'_> {
    /// Returns the value of a variable, if it is set and UTF-8.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_deref()
    }

    /// Adds these variables to a layer.
    pub(super) fn collect(&self, into: &mut Collected) {
        for key in KEYS {
            for name in key.variables() {
                if self.collect_name(key, &name, into) {
                    break;
                }
            }
        }
        self.collect_roles(into);
        self.refuse_unknown(into);
    }

    /// Adds the value of this variable, or of the file that it names. Returns whether it sets the key.
    fn collect_name(&self, key: &Key, name: &str, into: &mut Collected) -> bool {
        let origin = format!("{} {name}", self.place);
        let file_name = format!("{name}_FILE");
        let file =
            self.values.get(&file_name).and_then(Option::as_deref).filter(|path| key.may_be_file() && !path.is_empty());
        match (self.values.get(name).map(Option::as_deref), file) {
            (Some(None), _) => {
                let wrong = Wrong::new("is not UTF-8", "write it in UTF-8, or in base64 if it is a key");
                into.problem(wrong.at(key.path, origin));
            }
            (Some(Some(value)), Some(_)) if !value.is_empty() => {
                let wrong = Wrong::new(format!("{file_name} is set as well"), format!("unset {name} or {file_name}"));
                into.problem(wrong.at(key.path, origin));
            }
            (_, Some(path)) => self.collect_file(key, &file_name, path, into),
            (Some(Some(value)), None) if !value.is_empty() || key.keeps_empty => {
                into.layer.set(key.path, &origin, value);
            }
            _ => return false,
        }
        true
    }

    fn collect_file(&self, key: &Key, name: &str, path: &str, into: &mut Collected) {
        if let Some(value) = self.read_file(key.name, name, path, into) {
            into.layer.set(key.path, &format!("file named by {} {name}", self.place), value);
        }
    }

    /// Reads a file, without the line break at its end. `subject` is the variable that it is the value of, `name` the
    /// variable with its path.
    pub(super) fn read_file(&self, subject: &str, name: &str, path: &str, into: &mut Collected) -> Option<String> {
        let path = self.directory.join(path);
        match fs::read_to_string(&path) {
            Ok(text) => {
                into.watch(&path);
                let value = text.strip_suffix('\n').unwrap_or(&text);
                Some(value.strip_suffix('\r').unwrap_or(value).to_owned())
            }
            Err(error) => {
                let wrong = Wrong::new(
                    format!("cannot be read: {error}"),
                    format!("set {name} to a file that this process can read"),
                );
                into.problem(wrong.of(subject, format!("file named by {} {name}", self.place)));
                None
            }
        }
    }

    fn collect_roles(&self, into: &mut Collected) {
        for (name, value) in &self.values {
            let (Some(role), Some(value)) = (role_of(name), value.as_ref().filter(|value| !value.is_empty())) else {
                continue;
            };
            let path = format!("{}.{role}", keys::ROLES);
            if !keys::is_role_name(&role) {
                into.problem(no_role_name().of(name, self.place));
            } else if into.layer.has(&path) {
                let wrong = Wrong::new("is set twice, in two spellings", "keep only the name in upper case");
                into.problem(wrong.of(name, self.place));
            } else {
                into.layer.set(&path, &format!("{} {name}", self.place), value.as_str());
            }
        }
    }

    fn refuse_unknown(&self, into: &mut Collected) {
        let file = |key: &Key| key.may_be_file().then(|| format!("{}_FILE", key.long_name()));
        let known: BTreeSet<String> =
            KEYS.iter().flat_map(|key| [Some(key.long_name()), file(key)]).flatten().collect();
        for name in self.values.keys() {
            let upper = name.to_ascii_uppercase();
            if !upper.starts_with(PREFIX) || known.contains(name) || role_of(name).is_some() {
                continue;
            }
            let fix = keys::nearest(&upper, known.iter().cloned()).map_or_else(
                || "unset it; `keepstone config show` lists every key".to_owned(),
                |nearest| format!("did you mean {nearest}?"),
            );
            into.problem(Wrong::new("is not a setting", fix).of(name, self.place));
        }
    }
}

/// Returns the role of a variable: `editor` for `KEEPSTONE__ROLES__EDITOR`.
fn role_of(variable: &str) -> Option<String> {
    Some(variable.strip_prefix(PREFIX)?.strip_prefix("ROLES__")?.to_ascii_lowercase())
}
