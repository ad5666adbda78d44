//! What commands print. A reader that has gone (`| head -1`) has what it wanted; a device that is full is a failure:
//! whoever asked would take the half for the whole.

use std::io::{self, ErrorKind, Write};

use crate::failure::Failure;

/// A line on standard output.
pub fn line(text: impl AsRef<str>) -> Result<(), Failure> {
    let mut stream = io::stdout().lock();
    written(writeln!(stream, "{}", text.as_ref().trim_end()).and_then(|()| stream.flush()))
}

/// What became of standard output.
pub fn written(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// A line on standard error. Nobody is left to be told that it cannot be written.
pub fn error(text: impl AsRef<str>) {
    let mut stream = io::stderr().lock();
    drop(writeln!(stream, "{}", text.as_ref().trim_end()).and_then(|()| stream.flush()));
}

/// A question on standard error, with the cursor behind it.
pub fn prompt(question: &str) {
    let mut stream = io::stderr().lock();
    drop(write!(stream, "{question}").and_then(|()| stream.flush()));
}
