//! Reads typed values from the merged tree. An invalid value becomes a problem and a placeholder, and reading
//! continues,
//! so all problems are reported at once. Placeholders never leave `load`.

use config::{Value, ValueKind};
use secrecy::SecretString;

use super::layers::Tree;
use super::problems::{Problem, Wrong};

pub(super) struct Reader<'t> {
    tree: &'t Tree,
    problems: Vec<Problem>,
}

impl<'t> Reader<'t> {
    pub(super) const fn new(tree: &'t Tree) -> Self {
        Self::after(tree, Vec::new())
    }

    /// Creates a reader that already has these problems.
    pub(super) const fn after(tree: &'t Tree, problems: Vec<Problem>) -> Self {
        Self { tree, problems }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Returns the number of problems so far.
    pub(super) fn count(&self) -> usize {
        self.problems.len()
    }

    /// Returns whether this key has a problem so far.
    pub(super) fn has_refused(&self, path: &str) -> bool {
        self.problems.iter().any(|problem| problem.is_of(path))
    }

    /// Reports a problem of a key.
    pub(super) fn refuse(&mut self, path: &str, wrong: Wrong) {
        let problem = wrong.at(path, self.tree.origin(path));
        self.problems.push(problem);
    }

    /// Returns the trimmed text of a key; `None` if it is empty.
    pub(super) fn text(&mut self, path: &str) -> Option<String> {
        let text = self.raw(path)?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    /// Reads an optional key.
    pub(super) fn parse<T>(&mut self, path: &str, parse: impl FnOnce(&str) -> Result<T, Wrong>) -> Option<T> {
        let text = self.text(path)?;
        parse(&text).map_err(|wrong| self.refuse(path, wrong)).ok()
    }

    /// Reads a required key.
    pub(super) fn need<T: Default>(&mut self, path: &str, parse: impl FnOnce(&str) -> Result<T, Wrong>) -> T {
        let before = self.problems.len();
        let Some(text) = self.text(path) else {
            if self.problems.len() == before {
                self.refuse(path, Wrong::new("is empty", "set a value, or remove it to use the default"));
            }
            return T::default();
        };
        parse(&text).unwrap_or_else(|wrong| {
            self.refuse(path, wrong);
            T::default()
        })
    }

    /// Reads a secret, byte for byte.
    pub(super) fn secret(&mut self, path: &str) -> Option<SecretString> {
        self.raw(path).filter(|text| !text.is_empty()).map(SecretString::from)
    }

    /// Reads a comma-separated list, a JSON list or a TOML array.
    pub(super) fn list(&mut self, path: &str) -> Vec<String> {
        let array = match self.tree.value(path).map(|value| &value.kind) {
            Some(ValueKind::Array(values)) => Some(values.iter().map(scalar).collect::<Option<Vec<_>>>()),
            _ => None,
        };
        let items = array.unwrap_or_else(|| {
            let text = self.text(path).unwrap_or_default();
            if text.starts_with('[') {
                return serde_json::from_str(&text).ok();
            }
            Some(text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect())
        });
        items.unwrap_or_else(|| {
            self.refuse(path, Wrong::new("is not a list of strings", "write a,b or [\"a\", \"b\"]"));
            Vec::new()
        })
    }

    fn raw(&mut self, path: &str) -> Option<String> {
        let value = self.tree.value(path)?;
        let text = scalar(value);
        if text.is_none() && value.kind != ValueKind::Nil {
            self.refuse(path, Wrong::new("is a list or a table", "write a single value"));
        }
        text
    }
}

/// Returns a scalar value as text.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::Nil | ValueKind::Table(_) | ValueKind::Array(_) => None,
        kind => Some(kind.to_string()),
    }
}
