//! The output of the commands. A closed pipe (`| head -1`) is not an error, since its reader has what it needs. A full
//! device is one: otherwise the truncated output would look complete.

use std::{
    fmt::Write as _,
    io::{self, ErrorKind, Write},
    mem,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::failure::Failure;

/// Prints a line to standard output.
pub fn line(text: impl AsRef<str>) -> Result<(), Failure> {
    let mut stream = io::stdout().lock();
    written(writeln!(stream, "{}", text.as_ref().trim_end()).and_then(|()| stream.flush()))
}

/// Prints text to standard output as it is. Returns whether there is a reader for more.
fn is_read(text: &str) -> Result<bool, Failure> {
    let mut stream = io::stdout().lock();
    let outcome = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    let has_reader = !outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe);
    written(outcome).map(|()| has_reader)
}

/// A list on standard output of any length, written in batches: a line for each row, or a JSON array.
pub struct List {
    is_json: bool,
    is_empty: bool,
}

impl List {
    pub const fn new(is_json: bool) -> Self {
        Self { is_json, is_empty: true }
    }

    /// Prints some rows. Returns whether there is a reader for more.
    pub fn rows<T>(
        &mut self,
        rows: &[T],
        as_json: impl Fn(&T) -> Value,
        as_text: impl Fn(&T) -> String,
    ) -> Result<bool, Failure> {
        let mut text = String::new();
        for row in rows {
            let opening = if mem::take(&mut self.is_empty) { "[" } else { "," };
            // Writing to a string cannot fail.
            let _ = if self.is_json {
                write!(text, "{opening}\n  {}", as_json(row))
            } else {
                writeln!(text, "{}", as_text(row))
            };
        }
        is_read(&text)
    }

    /// Ends the list. An empty list is reported on standard error, because standard output has rows only.
    pub fn end(self, nothing: &str) -> Result<(), Failure> {
        match self {
            Self { is_json: true, is_empty } => line(if is_empty { "[]" } else { "\n]" }),
            Self { is_json: false, is_empty } => {
                if is_empty {
                    error(nothing);
                }
                Ok(())
            }
        }
    }
}

/// Converts the outcome of writing to standard output.
pub fn written(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a line to standard error. Ignores errors, because they cannot be reported anywhere.
pub fn error(text: impl AsRef<str>) {
    let mut stream = io::stderr().lock();
    drop(writeln!(stream, "{}", text.as_ref().trim_end()).and_then(|()| stream.flush()));
}

/// Prints a question to standard error, without a line break.
pub fn prompt(question: &str) {
    let mut stream = io::stderr().lock();
    drop(write!(stream, "{question}").and_then(|()| stream.flush()));
}

/// Shows a progress bar for a count of rows on standard error, if that is a terminal.
pub fn things(what: &'static str, count: u32) -> ProgressBar {
    bar(Some(count.into()), "{msg} {wide_bar} {pos}/{len}, {eta} left").with_message(what)
}

/// Shows a progress bar for bytes on standard error, if that is a terminal; a spinner if the total is unknown.
pub fn bytes(count: Option<u64>) -> ProgressBar {
    match count {
        Some(_) => bar(count, "{wide_bar} {binary_bytes}/{binary_total_bytes}, {eta} left"),
        None => bar(None, "{spinner} {binary_bytes}"),
    }
}

fn bar(length: Option<u64>, template: &str) -> ProgressBar {
    let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.enable_steady_tick(Duration::from_millis(200));
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
