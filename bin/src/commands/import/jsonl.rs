//! Rows of JSON Lines: an object on each line. A line that is too long is passed over without being kept.

use std::io::{self, BufRead};

use serde_json::{Map, Value};

use super::{
    MOST_BYTES, Row,
    column::{self, Ignored},
    row::{Cell, Cells, Fault},
};

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

    /// The next row, if there is one. Lines without anything are none.
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

    /// Reads a line: `None` if there is no more, `false` if it is too long.
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

fn cells(line: &[u8], ignored: &mut Ignored) -> Result<Cells, Fault> {
    let text = std::str::from_utf8(line).map_err(|_| Fault::of_row("is not UTF-8"))?;
    // What serde_json has to say may quote the line.
    let object: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| Fault::of_row(format!("is no JSON object, from column {} on", error.column())))?;
    let mut cells: Cells = Vec::new();
    for (name, value) in object {
        let Some(place) = column::place(&name) else {
            ignored.note(&name);
            continue;
        };
        let cell = match value {
            Value::Null => continue,
            Value::String(text) if text.is_empty() => continue,
            Value::String(text) => Cell::Text(text),
            Value::Bool(flag) => Cell::Flag(flag),
            Value::Number(number) if number.as_u64() == Some(0) => Cell::Flag(false),
            Value::Number(number) if number.as_u64() == Some(1) => Cell::Flag(true),
            Value::Number(_) | Value::Array(_) | Value::Object(_) => Cell::Other,
        };
        cells.push((place, cell));
    }
    Ok(cells)
}
