//! `config show`. Values are masked when they are read: an [`Entry`] never contains a secret.

use serde_json::{Value, json};

use super::addresses::ServiceUrl;
use super::keys::{self, KEYS, Kind};
use super::layers::{self, Tree};
use super::model::Settings;
use super::profile::Profile;
use super::reader::scalar;
use keepstone_persistence::DatabaseUrl;

/// A key as shown to the operator.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub path: String,
    name: String,
    value: String,
    pub origin: String,
    /// Whether the operator configured it: its value is neither a default nor from a built-in profile.
    pub explicit: bool,
    /// Whether it has no effect in this version.
    pub later: bool,
    /// Its name in warnings.
    pub warned_as: &'static str,
}

/// Returns every key in the order of `config/default.toml`, roles last.
pub(super) fn entries(tree: &Tree, settings: &Settings, profile: &Profile) -> Vec<Entry> {
    let keys = KEYS.iter().map(|key| {
        let mut entry = entry(tree, key.path, key.kind, key.later, key.name);
        match key.path {
            "app.environment" => {
                entry.value = profile.environment.to_string();
                entry.origin.clone_from(&profile.origin);
            }
            "app.version" => entry.value.clone_from(&settings.app.version),
            "password.hash_concurrency" => entry.value = settings.password.hash_concurrency.to_string(),
            _ => {}
        }
        entry
    });
    let roles = tree
        .roles()
        .into_iter()
        .map(|role| entry(tree, &format!("{}.{role}", keys::ROLES), Kind::Plain, false, keys::ROLES));
    keys.chain(roles).collect()
}

fn entry(tree: &Tree, path: &str, kind: Kind, later: bool, warned_as: &'static str) -> Entry {
    let origin = tree.origin(path).to_owned();
    let explicit = layers::is_configured(&origin);
    Entry {
        path: path.to_owned(),
        name: keys::display_name(path),
        value: masked(tree, path, kind),
        origin,
        explicit,
        later,
        warned_as,
    }
}

fn masked(tree: &Tree, path: &str, kind: Kind) -> String {
    let Some(value) = tree.value(path) else { return "(unset)".to_owned() };
    let text = match &value.kind {
        config::ValueKind::Array(items) => items.iter().filter_map(scalar).collect::<Vec<_>>().join(", "),
        _ => scalar(value).unwrap_or_default(),
    };
    match kind {
        _ if text.is_empty() => "(unset)".to_owned(),
        Kind::Plain => text,
        Kind::Secret => format!("(set, {} bytes)", text.len()),
        Kind::Address if path.starts_with("database.") => {
            text.parse::<DatabaseUrl>().map_or_else(|_| "(set)".to_owned(), |url| url.to_string())
        }
        Kind::Address => {
            let scheme = text.split(':').next().unwrap_or_default().to_ascii_lowercase();
            ServiceUrl::read(text.trim(), &[scheme.trim()]).map_or_else(|_| "(set)".to_owned(), |url| url.to_string())
        }
    }
}

/// Formats every key with its value and its origin.
#[must_use]
pub fn show(settings: &Settings) -> String {
    let width = |length: fn(&Entry) -> usize| {
        settings.entries.iter().map(length).filter(|length| *length <= 48).max().unwrap_or(0)
    };
    let (names, values) = (width(|entry| entry.name.chars().count()), width(|entry| entry.value.chars().count()));
    let line = |entry: &Entry| {
        format!("{:names$}  {:values$}  {}\n", entry.name, entry.value.escape_debug().to_string(), entry.origin)
    };
    settings.entries.iter().map(line).collect()
}

/// Formats every key as JSON: a list of `{"name", "key", "value", "origin"}`.
#[must_use]
pub fn show_json(settings: &Settings) -> String {
    let object =
        |entry: &Entry| json!({"name": entry.name, "key": entry.path, "value": entry.value, "origin": entry.origin});
    format!("{:#}\n", settings.entries.iter().map(object).collect::<Value>())
}
