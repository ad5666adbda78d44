//! Collects each source of settings into a layer of the `config` crate, every value with its origin. A layer holds
//! known keys only: what is unknown, unreadable or ambiguous becomes a problem here.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use config::{Config, ConfigError, FileFormat, Format, Map, Source, Value, ValueKind};

use super::keys::{self, KEYS, Key, Kind};
use super::problems::{Problem, Wrong};

/// Values by section and key. An empty one takes a lower layer's value away.
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

    /// Whether the operator configured this key here.
    pub(super) fn is_configured(&self, path: &str) -> bool {
        self.get(path).is_some_and(|value| is_configured(value.origin().unwrap_or(DEFAULT)))
    }

    fn get(&self, path: &str) -> Option<&Value> {
        let (section, key) = path.split_once('.')?;
        self.0.get(section)?.get(key)
    }

    /// Whether a secret is in it, or an address that may have a password.
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

/// A layer in the making.
#[derive(Debug, Clone, Default)]
pub(super) struct Collected {
    pub layer: Layer,
    pub problems: Vec<Problem>,
    /// What is wrong and no reason not to start.
    pub warnings: Vec<Problem>,
    /// Files with secrets in them that others than their owner may read.
    pub exposed: Vec<PathBuf>,
}

impl Collected {
    /// Notes a file that should be its owner's alone.
    pub(super) fn watch(&mut self, path: &Path) {
        if readable_by_others(path) {
            self.exposed.push(path.to_owned());
        }
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}

/// Whether anyone but the owner may read, write or run this file.
pub(super) fn readable_by_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// The layers merged, the later ones winning.
#[derive(Debug, Clone)]
pub(super) struct Tree(Config);

impl Tree {
    pub(super) fn merge<'l>(layers: impl IntoIterator<Item = &'l Layer>) -> Result<Self, Problem> {
        let builder = layers.into_iter().fold(Config::builder(), |builder, layer| builder.add_source(layer.clone()));
        let unbuilt =
            |_| Wrong::new("cannot be put together", "this is a bug: please report it").of("configuration", "");
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

    /// Whether the operator configured this key: its value is neither a default nor that of a built-in profile.
    pub(super) fn is_configured(&self, path: &str) -> bool {
        is_configured(self.origin(path))
    }

    /// The names of the roles, in alphabetical order.
    pub(super) fn roles(&self) -> Vec<String> {
        let ValueKind::Table(sections) = &self.0.cache.kind else { return Vec::new() };
        let Some(ValueKind::Table(roles)) = sections.get(keys::ROLES).map(|section| &section.kind) else {
            return Vec::new();
        };
        roles.keys().cloned().collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }
}

/// The origin of what nobody set.
pub(super) const DEFAULT: &str = "default";
/// How the origin of what a profile of the program sets begins.
pub(super) const BUILT_IN: &str = "built-in ";

/// Whether a value of this origin was set by the operator.
pub(super) fn is_configured(origin: &str) -> bool {
    origin != DEFAULT && !origin.starts_with(BUILT_IN)
}

/// A file of sections. Anything in it that is no key is a problem.
pub(super) fn from_toml(text: &str, origin: &str) -> Collected {
    let mut collected = Collected::default();
    let sections = match FileFormat::Toml.parse(Some(&origin.to_owned()), text) {
        Ok(sections) => sections,
        Err(error) => {
            // Only the first line: the others quote the file.
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

/// What is wrong with a role that is called otherwise.
pub(super) fn no_role_name() -> Wrong {
    Wrong::new("is not how a role can be called", "use 1 to 32 of a-z 0-9 _ -, such as night_shift")
}

fn unknown_key(path: &str, origin: &str) -> Problem {
    let nearest = keys::nearest(path, KEYS.iter().map(|key| key.path.to_owned()));
    let fix = nearest.map_or_else(
        || "remove it; `keepstone config show` lists every key".to_owned(),
        |nearest| format!("did you mean `{nearest}`?"),
    );
    Wrong::new("is not a key", fix).of(path, origin)
}
