//! Users in one JSON document: a list of objects, or an object whose first list contains them (Firebase). Elements are
//! read one at a time. An element that is too long is skipped without being held in memory.

use std::io::{self, BufRead};

use serde_json::{Map, Value};

use super::{
    MOST_BYTES, Row,
    column::{self, Ignored},
    row::{Cell, Cells, Fault},
};

/// A reader of one file.
pub struct JsonList<R> {
    input: R,
    /// The number of the next line.
    line: u64,
    text: Vec<u8>,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    BeforeList,
    InList,
    Done,
}

impl<R: BufRead> JsonList<R> {
    pub fn open(input: R) -> Self {
        Self { input, line: 1, text: Vec::new(), state: State::BeforeList }
    }

    /// Returns the next row, if there is one.
    pub fn next(&mut self, ignored: &mut Ignored) -> io::Result<Option<Row>> {
        if self.state == State::BeforeList {
            while self.take()?.is_some_and(|byte| byte != b'[') {}
            self.state = State::InList;
        }
        while self.state == State::InList {
            match self.peek()? {
                Some(b']') => self.state = State::Done,
                Some(byte) if byte == b',' || byte.is_ascii_whitespace() => {
                    self.take()?;
                }
                Some(_) => return self.element(ignored).map(Some),
                None => {
                    self.state = State::Done;
                    let cells = Err(Fault::of_row("ends before its list does: the file is incomplete"));
                    return Ok(Some(Row { line: self.line, cells }));
                }
            }
        }
        Ok(None)
    }

    /// Reads one value, up to its end or the end of the file.
    fn element(&mut self, ignored: &mut Ignored) -> io::Result<Row> {
        let line = self.line;
        self.text.clear();
        let (mut length, mut depth) = (0_usize, 0_usize);
        let (mut in_string, mut is_escaped) = (false, false);
        while let Some(byte) = self.peek()? {
            if depth == 0 && !in_string && length > 0 && matches!(byte, b',' | b']') {
                break;
            }
            self.take()?;
            length += 1;
            if length <= MOST_BYTES {
                self.text.push(byte);
            }
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if in_string => is_escaped = true,
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && !in_string && matches!(byte, b'}' | b']') {
                break;
            }
        }
        let cells =
            if length > MOST_BYTES { Err(Fault::of_row("is longer than 1 MiB")) } else { cells(&self.text, ignored) };
        Ok(Row { line, cells })
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.input.fill_buf()?.first().copied())
    }

    fn take(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        if byte.is_some() {
            self.input.consume(1);
        }
        self.line += u64::from(byte == Some(b'\n'));
        Ok(byte)
    }
}

/// Returns the values of one object; `None` if it is not a user but another model of Django's `dumpdata`.
pub fn cells(text: &[u8], ignored: &mut Ignored) -> Result<Option<Cells>, Fault> {
    let text = std::str::from_utf8(text).map_err(|_| Fault::of_row("is not UTF-8"))?;
    // The message of serde_json may quote the line, which may contain a hash.
    let object: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| Fault::of_row(format!("is not a JSON object, from column {} on", error.column())))?;
    let Some(fields) = fields(object, ignored) else { return Ok(None) };
    let mut cells: Cells = Vec::new();
    for (name, value) in fields {
        match column::place(&name) {
            Some(place) => cells.extend(cell(value).map(|cell| (place, cell))),
            None => ignored.note(&name),
        }
    }
    Ok(Some(cells))
}

/// Returns the members that describe a user. Django's `dumpdata` has them in `fields`, next to the name of the model.
fn fields(mut object: Map<String, Value>, ignored: &mut Ignored) -> Option<Map<String, Value>> {
    let Some(Value::String(model)) = object.get("model") else { return Some(object) };
    let model = model.clone();
    match object.remove("fields") {
        Some(Value::Object(fields)) if fields.contains_key("password") => Some(fields),
        Some(Value::Object(_)) => {
            ignored.note(&model);
            None
        }
        _ => Some(object),
    }
}

fn cell(value: Value) -> Option<Cell> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(Cell::Text(text)),
        Value::Bool(flag) => Some(Cell::Flag(flag)),
        Value::Number(number) => Some(match number.as_i64() {
            Some(0) => Cell::Flag(false),
            Some(1) => Cell::Flag(true),
            Some(number) => Cell::Number(number),
            None => Cell::Other,
        }),
        // Exports of MongoDB, and so of Auth0, write a time as an object with the member `$date`.
        Value::Object(mut object) if object.len() == 1 => match object.remove("$date") {
            Some(Value::String(time)) => Some(Cell::Text(time)),
            _ => Some(Cell::Other),
        },
        Value::Array(_) | Value::Object(_) => Some(Cell::Other),
    }
}
