//! Parses `.env` with the grammar of python-dotenv. A line may contain a secret, so only its number is reported.
//!
//! Two differences are intentional, as in a shell: `${NAME:-default}` also applies to an empty variable, and
//! `${NAME-default}` is supported.

use std::collections::{BTreeMap, BTreeSet};

/// The parsed content of a file.
#[derive(Debug, Default)]
pub(super) struct Dotenv {
    /// The last value of each variable.
    pub values: BTreeMap<String, String>,
    /// The variables that `${…}` refers to.
    pub referenced: BTreeSet<String>,
    /// The numbers of the lines that were skipped because they are not `NAME=value`.
    pub skipped: Vec<usize>,
}

/// Parses a file. As in python-dotenv, `${NAME}` is the variable of the environment if it is set, else that of an
/// earlier
/// line.
pub(super) fn parse<'e>(text: &str, environment: impl Fn(&str) -> Option<&'e str>) -> Dotenv {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let mut reader = Reader { rest: &text, line: 1 };
    let mut file = Dotenv::default();
    while let Some(line) = reader.next_statement() {
        match reader.assignment() {
            Ok(Statement::Comment) => {}
            Ok(Statement::Assignment(name, value)) => {
                let lookup = |name: &str| environment(name).or_else(|| file.values.get(name).map(String::as_str));
                let value = expand(&value, lookup, &mut file.referenced);
                file.values.insert(name, value);
            }
            Ok(Statement::Name(name)) => {
                file.values.remove(&name);
                file.skipped.push(line);
            }
            Err(NotAStatement) => {
                reader.take_while(|c| c != '\n');
                file.skipped.push(line);
            }
        }
    }
    file
}

enum Statement {
    Comment,
    Assignment(String, String),
    /// A name without `=`, which unsets an earlier one.
    Name(String),
}

struct NotAStatement;

struct Reader<'t> {
    rest: &'t str,
    line: usize,
}

impl<'t> Reader<'t> {
    /// Skips to the next statement and returns the number of its line; `None` at the end.
    fn next_statement(&mut self) -> Option<usize> {
        self.take_while(is_space);
        (!self.rest.is_empty()).then_some(self.line)
    }

    fn assignment(&mut self) -> Result<Statement, NotAStatement> {
        if let Some(after) = self.rest.strip_prefix("export")
            && after.starts_with(is_blank)
        {
            self.rest = after;
            self.take_while(is_blank);
        }
        let name = match self.peek() {
            Some('#') => None,
            Some('\'') => Some(self.quoted_name()?),
            _ => Some(self.take_while(|c| !is_space(c) && c != '=' && c != '#')),
        };
        if name.is_some_and(str::is_empty) {
            return Err(NotAStatement);
        }
        self.take_while(is_blank);
        let value = if self.take('=') { Some(self.value()?) } else { None };
        self.end_of_line()?;
        Ok(match (name, value) {
            (None, _) => Statement::Comment,
            (Some(name), Some(value)) => Statement::Assignment(name.to_owned(), value),
            (Some(name), None) => Statement::Name(name.to_owned()),
        })
    }

    fn quoted_name(&mut self) -> Result<&'t str, NotAStatement> {
        let (name, _) = self.rest.get(1..).and_then(|rest| rest.split_once('\'')).ok_or(NotAStatement)?;
        self.advance(name.len() + 2);
        Ok(name)
    }

    fn value(&mut self) -> Result<String, NotAStatement> {
        let spaces = self.take_while(is_blank);
        match self.peek() {
            None | Some('\n') => Ok(String::new()),
            Some('#') if !spaces.is_empty() => Ok(String::new()),
            Some('\'') => self.quoted('\''),
            Some('"') => self.quoted('"'),
            Some(_) => Ok(without_comment(self.take_while(|c| c != '\n')).to_owned()),
        }
    }

    /// Returns the text between this quote and the next, which may be on a later line.
    fn quoted(&mut self, quote: char) -> Result<String, NotAStatement> {
        let mut value = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some((_, escaped)) => push_escaped(&mut value, quote, escaped),
                    None => return Err(NotAStatement),
                },
                _ if character == quote => {
                    self.advance(at + 1);
                    return Ok(value);
                }
                _ => value.push(character),
            }
        }
        Err(NotAStatement)
    }

    /// Skips spaces and a comment; anything else in this line is an error.
    fn end_of_line(&mut self) -> Result<(), NotAStatement> {
        let rest = self.rest.trim_start_matches(is_blank);
        if rest.starts_with('#') {
            self.take_while(|c| c != '\n');
        } else if !(rest.is_empty() || rest.starts_with('\n')) {
            return Err(NotAStatement);
        }
        Ok(())
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self, character: char) -> bool {
        let is_next = self.rest.starts_with(character);
        if is_next {
            self.advance(character.len_utf8());
        }
        is_next
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let length = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        self.advance(length)
    }

    fn advance(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.line += taken.matches('\n').count();
        taken
    }
}

/// Returns whether Python's `\s` matches.
fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

fn is_blank(character: char) -> bool {
    is_space(character) && character != '\n'
}

/// Decodes an escape: single quotes have two, double quotes those of C. Any other backslash is literal.
fn push_escaped(value: &mut String, quote: char, escaped: char) {
    let replacement = match escaped {
        '\\' | '\'' => Some(escaped),
        _ if quote == '\'' => None,
        '"' => Some('"'),
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        _ => None,
    };
    if let Some(replacement) = replacement {
        value.push(replacement);
    } else {
        value.extend(['\\', escaped]);
    }
}

/// An unquoted value ends before a `#` that follows white space.
fn without_comment(value: &str) -> &str {
    let is_comment = |at: usize| value.get(..at).is_some_and(|before| before.ends_with(is_space));
    let end = value.match_indices('#').map(|(at, _)| at).find(|at| is_comment(*at)).unwrap_or(value.len());
    value.get(..end).unwrap_or(value).trim_end_matches(is_space)
}

/// Expands `${NAME}`, `${NAME:-default}` and `${NAME-default}`. As in python-dotenv, this does not depend on the quotes
/// around the value, and a default is not expanded.
fn expand<'v>(value: &str, lookup: impl Fn(&str) -> Option<&'v str>, referenced: &mut BTreeSet<String>) -> String {
    let mut expanded = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        rest = after;
        let Some((name, default, behind)) = reference(after) else {
            expanded.push_str("${");
            continue;
        };
        let (name, found) = match (lookup(name), name.split_once('-')) {
            (None, Some((name, default))) => (name, lookup(name).unwrap_or(default)),
            (found, _) => (name, found.filter(|text| !text.is_empty()).or(default).unwrap_or_default()),
        };
        expanded.push_str(found);
        referenced.insert(name.to_owned());
        rest = behind;
    }
    expanded.push_str(rest);
    expanded
}

/// Splits a reference into the name, the default after `:-`, and the text after the brace.
fn reference(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let (inside, behind) = text.split_once('}')?;
    match inside.split_once(':') {
        None => Some((inside, None, behind)),
        Some((name, default)) => Some((name, Some(default.strip_prefix('-')?), behind)),
    }
}
