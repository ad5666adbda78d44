//! What is wrong with a configuration, all of it at once. No text here ever holds a secret's value: quote a value only
//! through [`quoted`], and never that of a key whose kind is not plain.

use std::fmt;

use super::keys;

/// One thing that is wrong, or that is warned of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key's bare name, such as `JWT_SECRET_KEY`, or the file or variable that is wrong as a whole.
    pub key: String,
    /// Where the value came from.
    pub origin: String,
    /// What is wrong with it.
    pub message: String,
    /// How to fix it.
    pub fix: String,
}

/// Everything that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    /// At least one.
    pub list: Vec<Problem>,
    /// Variables of `.env` that may have been meant for one of these keys.
    pub hints: Vec<Problem>,
    /// Why this counts as production, when nobody said so.
    pub note: Option<String>,
}

impl Problem {
    /// It in one line, for the log.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("{} {}; to fix it, {}", self.key, self.message, self.fix)
    }

    pub(super) fn is_of(&self, path: &str) -> bool {
        self.key == keys::display_name(path)
    }
}

impl Problems {
    /// Whether anything is wrong with the key of this bare name, so that what was read of it is not what was meant.
    #[must_use]
    pub fn concern(&self, key: &str) -> bool {
        self.list.iter().any(|problem| problem.key == key)
    }
}

/// What a parser has to say about a value; the key and the origin are the reader's to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub message: String,
    pub fix: String,
}

impl Wrong {
    pub(super) fn new(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { message: message.into(), fix: fix.into() }
    }

    /// The problem of the key at this path.
    pub(super) fn at(self, path: &str, origin: impl Into<String>) -> Problem {
        self.of(keys::display_name(path), origin)
    }

    /// The problem of something that is not a key: a file, or a variable nobody knows.
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

/// A plain value as a message may show it: short, on one line, and without what looks like `user:password@`.
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
