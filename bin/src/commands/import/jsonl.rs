//! Rows of JSON Lines: an object on each line. A line that is too long is skipped without being held in memory.

use std::io::{self, BufRead};

use super::{MOST_BYTES, Row, column::Ignored, json::cells, row::Fault};

/// A reader of one file.
pub struct JsonLines<R> {
    input: R,
    line: u64,
    text: Vec<u8>,
}

impl<R: BufRead> JsonLines<R> {
    pub fn open(input: R) -> Self {
        Self { input, line: 0, text: Vec::new() }
    }

    /// Returns the next row, if there is one. Skips empty lines.
    pub fn next(&mut self, ignored: &mut Ignored) -> io::Result<Option<Row>> {
        loop {
            let Some(is_whole) = self.read_line()? else { return Ok(None) };
            self.line += 1;
            if is_whole && self.text.trim_ascii().is_empty() {
                continue;
            }
            let cells = if is_whole { cells(&self.text, ignored) } else { Err(Fault::of_row("is longer than 1 MiB")) };
            return Ok(Some(Row { line: self.line, cells }));
        }
    }

    /// Reads a line. Returns `None` at the end, `false` if the line is too long.
    fn read_line(&mut self) -> io::Result<Option<bool>> {
        self.text.clear();
        let mut length = 0;
        loop {
            let input = self.input.fill_buf()?;
            if input.is_empty() {
                return Ok((length > 0).then_some(length <= MOST_BYTES));
            }
            let end = input.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(input.len(), |end| end + 1);
            length += taken;
            if length <= MOST_BYTES {
                self.text.extend_from_slice(input.get(..taken).unwrap_or_default());
            }
            self.input.consume(taken);
            if end.is_some() {
                return Ok(Some(length <= MOST_BYTES));
            }
        }
    }
}
