//! What commands print. A reader that has gone (`| head -1`) is no reason to panic, as `println!` would.

use std::io::{self, Write};

/// A line on standard output.
pub fn line(text: impl AsRef<str>) {
    write_to(io::stdout().lock(), text.as_ref());
}

/// A line on standard error.
pub fn error(text: impl AsRef<str>) {
    write_to(io::stderr().lock(), text.as_ref());
}

fn write_to(mut stream: impl Write, text: &str) {
    // Nobody is left to be told that nobody listens.
    drop(writeln!(stream, "{}", text.trim_end()).and_then(|()| stream.flush()));
}

/// A question on standard error, with the cursor behind it.
pub fn prompt(question: &str) {
    let mut stream = io::stderr().lock();
    drop(write!(stream, "{question}").and_then(|()| stream.flush()));
}
