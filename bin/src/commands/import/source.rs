//! The source of the rows: a file or standard input, as CSV, JSON Lines or a JSON list.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read, stdin},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Row,
    column::{Column, Ignored},
    csv::Csv,
    json::JsonList,
    jsonl::JsonLines,
};
use crate::{cli::ImportFormat, failure::Failure};

const BUFFER: usize = 64 * 1024;
/// The file name that means standard input.
const STDIN: &str = "-";

type Input = Box<dyn BufRead>;

enum Rows {
    Csv(Box<Csv<Input>>),
    JsonLines(JsonLines<Input>),
    JsonList(JsonList<Input>),
}

/// An iterator over the rows of the input.
pub struct Source {
    /// The file name as given.
    pub name: String,
    /// The size in bytes, if it is known.
    pub bytes: Option<u64>,
    pub ignored: Ignored,
    rows: Rows,
    read: Arc<AtomicU64>,
}

impl Source {
    /// Opens a file, or standard input for `-`. Detects the format unless it is given.
    pub fn open(path: &Path, format: Option<ImportFormat>) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let refused = |reason: &dyn std::fmt::Display| Failure::Usage(format!("{name}: {reason}"));
        let (input, bytes): (Box<dyn Read>, _) = if name == STDIN {
            (Box::new(stdin()), None)
        } else {
            let file = File::open(path).map_err(|error| refused(&error))?;
            let metadata = file.metadata().map_err(|error| refused(&error))?;
            if metadata.is_dir() {
                return Err(refused(&"is a folder"));
            }
            (Box::new(file), metadata.is_file().then_some(metadata.len()))
        };
        let read = Arc::new(AtomicU64::new(0));
        let mut input = Counted { input, read: Arc::clone(&read) };
        let head = head(&mut input).map_err(|error| refused(&error))?;
        let format = match format.or_else(|| of_name(path)) {
            Some(format) => format,
            None => of_content(&head).map_err(|reason| refused(&reason))?,
        };
        let input: Input = Box::new(BufReader::with_capacity(BUFFER, Cursor::new(head).chain(input)));
        let mut ignored = Ignored::default();
        let rows = match format {
            ImportFormat::Csv => {
                let csv = Csv::open(input, &mut ignored).map_err(|error| refused(&error))?;
                Rows::Csv(Box::new(csv.map_err(|reason| refused(&reason))?))
            }
            ImportFormat::Jsonl => Rows::JsonLines(JsonLines::open(input)),
            ImportFormat::Json => Rows::JsonList(JsonList::open(input)),
        };
        Ok(Self { name, bytes, ignored, rows, read })
    }

    /// Returns the next row, if there is one.
    pub fn next(&mut self) -> Result<Option<Row>, Failure> {
        let next = match &mut self.rows {
            Rows::Csv(csv) => csv.next(),
            Rows::JsonLines(lines) => lines.next(&mut self.ignored),
            Rows::JsonList(list) => list.next(&mut self.ignored),
        };
        next.map_err(|error| Failure::Failed(format!("{}: {error}", self.name)))
    }

    /// Returns whether the file can contain password hashes; JSON always can.
    pub fn has_hashes(&self) -> bool {
        match &self.rows {
            Rows::Csv(csv) => csv.has(Column::Hash),
            Rows::JsonLines(_) | Rows::JsonList(_) => true,
        }
    }

    /// Returns the number of bytes read.
    pub fn position(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

/// A reader that counts the bytes read.
struct Counted {
    input: Box<dyn Read>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.read.fetch_add(u64::try_from(count).unwrap_or_default(), Ordering::Relaxed);
        Ok(count)
    }
}

/// Reads the first bytes, without a byte order mark.
fn head(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    input.take(4_096).read_to_end(&mut head)?;
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return Err(io::Error::other("is UTF-16: save it as UTF-8"));
    }
    if head.starts_with(&[0xef, 0xbb, 0xbf]) {
        head.drain(..3);
    }
    Ok(head)
}

fn of_name(path: &Path) -> Option<ImportFormat> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "csv" => Some(ImportFormat::Csv),
        "jsonl" | "ndjson" => Some(ImportFormat::Jsonl),
        _ => None,
    }
}

fn of_content(head: &[u8]) -> Result<ImportFormat, &'static str> {
    let start: Vec<u8> = head.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).take(10).collect();
    match start.first() {
        Some(b'[') => Ok(ImportFormat::Json),
        Some(b'{') if start.starts_with(b"{\"users\":[") => Ok(ImportFormat::Json),
        Some(b'{') => Ok(ImportFormat::Jsonl),
        Some(_) => Ok(ImportFormat::Csv),
        None => Err("is empty"),
    }
}
