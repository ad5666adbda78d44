//! The problems of a configuration, reported all at once. No text contains the value of a secret: quote values only
//! through [`quoted`], and only those of keys whose kind is plain.

use std::fmt;

use super::keys;

/// A problem or a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The bare name of the key, such as `JWT_SECRET_KEY`, or the file or variable if it concerns the whole of it.
    pub key: String,
    /// The origin of the value.
    pub origin: String,
    /// The problem itself.
    pub message: String,
    /// How to fix it.
    pub fix: String,
}

/// All problems of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    /// The problems; at least one.
    pub list: Vec<Problem>,
    /// Warnings of variables in `.env` that may be misspelt names of these keys.
    pub hints: Vec<Problem>,
    /// Why this counts as production although `ENVIRONMENT` is not set.
    pub note: Option<String>,
}

impl Problem {
    /// Returns the problem in one line, for the log.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("{} {}; to fix it, {}", self.key, self.message, self.fix)
    }

    pub(super) fn is_of(&self, path: &str) -> bool {
        self.key == keys::display_name(path)
    }
}

impl Problems {
    /// Returns whether the key of this bare name has a problem. Its value in the settings is then not the configured
    /// one.
    #[must_use]
    pub fn concern(&self, key: &str) -> bool {
        self.list.iter().any(|problem| problem.key == key)
    }
}

/// The error of a parser. The reader adds the key and the origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub message: String,
    pub fix: String,
}

impl Wrong {
    pub(super) fn new(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { message: message.into(), fix: fix.into() }
    }

    /// Returns the problem of the key at this path.
    pub(super) fn at(self, path: &str, origin: impl Into<String>) -> Problem {
        self.of(keys::display_name(path), origin)
    }

    /// Returns the problem of a subject that is not a key: a file, or an unknown variable.
    pub(super) fn of(self, subject: impl Into<String>, origin: impl Into<String>) -> Problem {
        Problem { key: subject.into(), origin: origin.into(), message: self.message, fix: self.fix }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = keys::path_of(&self.key).map_or_else(String::new, |path| format!(" [{path}]"));
        write!(f, "{}{path} ({}): {}\n      fix: {}", self.key, self.origin, self.message, self.fix)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        writeln!(f, "the configuration has {count} {noun}:")?;
        for problem in &self.list {
            writeln!(f, "\n  - {problem}")?;
        }
        for hint in &self.hints {
            writeln!(f, "\n  - warning: {hint}")?;
        }
        if let Some(note) = &self.note {
            writeln!(f, "\n{note}")?;
        }
        Ok(())
    }
}

/// Quotes a plain value for a message: short, on one line, and without a part like `user:password@`.
pub(super) fn quoted(value: &str) -> String {
    const LONGEST: usize = 60;
    let shown = match value.rsplit_once('@') {
        Some((_, host)) if value.contains(':') => format!("…@{host}"),
        _ => value.to_owned(),
    };
    let mut text: String = shown.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if shown.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    format!("\"{text}\"")
}
