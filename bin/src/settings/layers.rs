//! Collects each source of settings into a layer of the `config` crate, with the origin of every value. A layer has
//! known keys only: unknown, unreadable or ambiguous entries become problems.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use config::{Config, ConfigError, FileFormat, Format, Map, Source, Value, ValueKind};

use super::keys::{self, KEYS, Key, Kind};
use super::problems::{Problem, Wrong};

/// Values by section and key. An empty value unsets that of a lower layer.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer(BTreeMap<String, BTreeMap<String, Value>>);

impl Layer {
    pub(super) fn set(&mut self, path: &str, origin: &str, value: impl Into<ValueKind>) {
        let (section, key) = path.split_once('.').unwrap_or((path, ""));
        let value = Value::new(Some(&origin.to_owned()), value);
        self.0.entry(section.to_owned()).or_default().insert(key.to_owned(), value);
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.get(path).is_some()
    }

    /// Returns whether the operator configured this key in this layer.
    pub(super) fn is_configured(&self, path: &str) -> bool {
        self.get(path).is_some_and(|value| is_configured(value.origin().unwrap_or(DEFAULT)))
    }

    fn get(&self, path: &str) -> Option<&Value> {
        let (section, key) = path.split_once('.')?;
        self.0.get(section)?.get(key)
    }

    /// Returns whether it contains a secret, or an address that may contain a password.
    pub(super) fn has_secrets(&self) -> bool {
        let is_secret = |key: &&Key| match key.kind {
            Kind::Plain => false,
            Kind::Secret => self.has(key.path),
            Kind::Address => self.get(key.path).is_some_and(|value| value.to_string().contains(['@', '?'])),
        };
        KEYS.iter().any(|key| is_secret(&key))
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let table = |keys: &BTreeMap<String, Value>| Value::from(keys.clone().into_iter().collect::<Map<_, _>>());
        Ok(self.0.iter().map(|(section, keys)| (section.clone(), table(keys))).collect())
    }
}

/// A layer that is being collected.
#[derive(Debug, Clone, Default)]
pub(super) struct Collected {
    pub layer: Layer,
    pub problems: Vec<Problem>,
    /// The problems that do not prevent the start.
    pub warnings: Vec<Problem>,
    /// The files with secrets that users other than their owner can read.
    pub exposed: Vec<PathBuf>,
}

impl Collected {
    /// Records a file that only its owner should be able to access.
    pub(super) fn watch(&mut self, path: &Path) {
        if readable_by_others(path) {
            self.exposed.push(path.to_owned());
        }
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}

/// Returns whether users other than the owner may read, write or execute this file.
pub(super) fn readable_by_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// The merged layers. Later layers take precedence.
#[derive(Debug, Clone)]
pub(super) struct Tree(Config);

impl Tree {
    pub(super) fn merge<'l>(layers: impl IntoIterator<Item = &'l Layer>) -> Result<Self, Problem> {
        let builder = layers.into_iter().fold(Config::builder(), |builder, layer| builder.add_source(layer.clone()));
        let unbuilt = |_| Wrong::new("cannot be merged", "this is a bug: please report it").of("configuration", "");
        builder.build().map(Self).map_err(unbuilt)
    }

    pub(super) fn value(&self, path: &str) -> Option<&Value> {
        let (section, key) = path.split_once('.')?;
        let ValueKind::Table(sections) = &self.0.cache.kind else { return None };
        let ValueKind::Table(values) = &sections.get(section)?.kind else { return None };
        values.get(key)
    }

    pub(super) fn origin(&self, path: &str) -> &str {
        self.value(path).and_then(Value::origin).unwrap_or(DEFAULT)
    }

    /// Returns whether the operator configured this key: its value is neither a default nor from a built-in profile.
    pub(super) fn is_configured(&self, path: &str) -> bool {
        is_configured(self.origin(path))
    }

    /// Returns the names of the roles in alphabetical order.
    pub(super) fn roles(&self) -> Vec<String> {
        let ValueKind::Table(sections) = &self.0.cache.kind else { return Vec::new() };
        let Some(ValueKind::Table(roles)) = sections.get(keys::ROLES).map(|section| &section.kind) else {
            return Vec::new();
        };
        roles.keys().cloned().collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }
}

/// The origin of values that are not configured.
pub(super) const DEFAULT: &str = "default";
/// The prefix of the origin of values from a built-in profile.
pub(super) const BUILT_IN: &str = "built-in ";

/// Returns whether the operator set a value of this origin.
pub(super) fn is_configured(origin: &str) -> bool {
    origin != DEFAULT && !origin.starts_with(BUILT_IN)
}

/// Collects a TOML file. Every entry that is not a key is a problem.
pub(super) fn from_toml(text: &str, origin: &str) -> Collected {
    let mut collected = Collected::default();
    let sections = match FileFormat::Toml.parse(Some(&origin.to_owned()), text) {
        Ok(sections) => sections,
        Err(error) => {
            // Only the first line, because the others quote the file, which may contain secrets.
            let place = error.to_string().lines().next().unwrap_or_default().to_owned();
            collected.problem(Wrong::new(format!("is not TOML: {place}"), "fix that line").of(origin, origin));
            return collected;
        }
    };
    for (section, value) in sections.into_iter().collect::<BTreeMap<_, _>>() {
        let ValueKind::Table(values) = value.kind else {
            collected.problem(unknown_key(&section, origin));
            continue;
        };
        for (key, value) in values.into_iter().collect::<BTreeMap<_, _>>() {
            let path = format!("{section}.{key}");
            if keys::find(&path).is_some() || (section == keys::ROLES && keys::is_role_name(&key)) {
                collected.layer.set(&path, origin, value.kind);
            } else if section == keys::ROLES {
                collected.problem(no_role_name().of(path, origin));
            } else {
                collected.problem(unknown_key(&path, origin));
            }
        }
    }
    collected
}

/// Returns the error for an invalid role name.
pub(super) fn no_role_name() -> Wrong {
    Wrong::new("is not a valid role name", "use 1 to 32 of a-z 0-9 _ -, such as night_shift")
}

fn unknown_key(path: &str, origin: &str) -> Problem {
    let nearest = keys::nearest(path, KEYS.iter().map(|key| key.path.to_owned()));
    let fix = nearest.map_or_else(
        || "remove it; `keepstone config show` lists every key".to_owned(),
        |nearest| format!("did you mean `{nearest}`?"),
    );
    Wrong::new("is not a key", fix).of(path, origin)
}
