//! Rows of CSV: a header with the names of the columns, then a record for each user. A record that is too long is
//! skipped without being held in memory.

use std::io::{self, BufRead};

use super::{
    MOST_BYTES, Row,
    column::{self, Column, FIREBASE, Ignored, NAMES, Place},
    row::{Cell, Cells, Fault},
};

/// The maximum number of columns.
const MOST_COLUMNS: usize = 1_024;

/// A reader of one file.
pub struct Csv<R> {
    input: R,
    core: csv_core::Reader,
    /// The place of each column among the known ones.
    header: Vec<Option<Place>>,
    /// The first row, where the file has no header.
    first: Option<Row>,
    /// The number of the next line.
    line: u64,
    /// The concatenated texts of the last record's fields, and the end of each.
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// The outcome of reading a record.
enum Record {
    Whole { fields: usize },
    TooLong,
    NoMore,
}

impl<R: BufRead> Csv<R> {
    /// Reads the header. The inner `Err` is the reason why it is invalid.
    pub fn open(input: R, ignored: &mut Ignored) -> io::Result<Result<Self, String>> {
        let mut csv = Self {
            input,
            core: csv_core::Reader::new(),
            header: Vec::new(),
            first: None,
            line: 1,
            text: vec![0; 4_096],
            ends: vec![0; MOST_COLUMNS],
        };
        csv.skip_empty_lines()?;
        let Record::Whole { fields } = csv.record()? else { return Ok(Err("has no header".to_owned())) };
        let Some(names) = csv.fields(fields) else { return Ok(Err("is not UTF-8".to_owned())) };
        if is_firebase(&names) {
            csv.header = (0..fields).map(firebase_place).collect();
            csv.first = Some(Row { line: 1, cells: csv.cells(fields).map(Some) });
            return Ok(Ok(csv));
        }
        let mut header = Vec::new();
        for name in names {
            let place = column::place(name);
            if place.is_none() {
                ignored.note(name);
            } else if header.contains(&place) {
                return Ok(Err(format!("names the column {} twice", name.trim())));
            }
            header.push(place);
        }
        csv.header = header;
        if !csv.has(Column::Email) {
            let reason = "has no column email in its first line; columns are separated by commas";
            return Ok(Err(reason.to_owned()));
        }
        Ok(Ok(csv))
    }

    /// Returns whether one of the columns has this meaning.
    pub fn has(&self, column: Column) -> bool {
        let has_meaning = |place: &Place| NAMES.get(*place).is_some_and(|known| known.1 == column);
        self.header.iter().flatten().any(has_meaning)
    }

    /// Returns the next row, if there is one.
    pub fn next(&mut self) -> io::Result<Option<Row>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        self.skip_empty_lines()?;
        let line = self.line;
        let cells = match self.record()? {
            Record::NoMore => return Ok(None),
            Record::TooLong => Err(Fault::of_row("is longer than 1 MiB; a quote may be missing")),
            Record::Whole { fields } => self.cells(fields).map(Some),
        };
        Ok(Some(Row { line, cells }))
    }

    fn cells(&self, fields: usize) -> Result<Cells, Fault> {
        let columns = self.header.len();
        if fields != columns {
            return Err(Fault::of_row(format!("has {fields} values for {columns} columns")));
        }
        let fields = self.fields(fields).ok_or_else(|| Fault::of_row("is not UTF-8"))?;
        let known = self.header.iter().zip(fields).filter_map(|(place, text)| Some(((*place)?, text)));
        Ok(known
            .filter(|(_place, text)| !text.is_empty())
            .map(|(place, text)| (place, Cell::Text(text.to_owned())))
            .collect())
    }

    /// Returns the texts of the last record; `None` if they are not UTF-8.
    fn fields(&self, count: usize) -> Option<Vec<&str>> {
        let mut start = 0;
        let text = |end: &usize| std::str::from_utf8(self.text.get(std::mem::replace(&mut start, *end)..*end)?).ok();
        self.ends.iter().take(count).map(text).collect()
    }

    /// Reads to the end of the next record.
    fn record(&mut self) -> io::Result<Record> {
        let (mut length, mut fields, mut is_too_long) = (0, 0, false);
        loop {
            let input = self.input.fill_buf()?;
            let (text, ends) = (self.text.get_mut(length..), self.ends.get_mut(fields..));
            let (result, read, written, ended) =
                self.core.read_record(input, text.unwrap_or_default(), ends.unwrap_or_default());
            self.line += newlines(input.get(..read).unwrap_or_default());
            self.input.consume(read);
            length += written;
            fields += ended;
            match result {
                csv_core::ReadRecordResult::InputEmpty => {}
                csv_core::ReadRecordResult::OutputFull if self.text.len() < MOST_BYTES => {
                    self.text.resize(self.text.len() * 2, 0);
                }
                csv_core::ReadRecordResult::OutputFull | csv_core::ReadRecordResult::OutputEndsFull => {
                    (length, fields, is_too_long) = (0, 0, true);
                }
                csv_core::ReadRecordResult::Record if is_too_long => return Ok(Record::TooLong),
                csv_core::ReadRecordResult::Record => return Ok(Record::Whole { fields }),
                csv_core::ReadRecordResult::End => return Ok(Record::NoMore),
            }
        }
    }

    /// Skips empty lines before a record, so its line number is that of its own first line.
    fn skip_empty_lines(&mut self) -> io::Result<()> {
        loop {
            let input = self.input.fill_buf()?;
            let empty = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let is_all = empty == input.len();
            self.line += newlines(input.get(..empty).unwrap_or_default());
            self.input.consume(empty);
            if empty == 0 || !is_all {
                return Ok(());
            }
        }
    }
}

/// Returns whether this record is a user as exported by Firebase, and not a header.
fn is_firebase(record: &[&str]) -> bool {
    let flag = |index: usize| record.get(index).is_some_and(|text| matches!(*text, "true" | "false"));
    record.len() >= 27 && flag(2) && flag(26)
}

fn firebase_place(index: usize) -> Option<Place> {
    FIREBASE.iter().find(|(known, _name)| *known == index).and_then(|(_index, name)| column::place(name))
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}
