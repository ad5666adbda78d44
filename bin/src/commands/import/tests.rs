//! Rows are read with their line numbers, with any buffer size.

use std::io::BufReader;

use proptest::{collection::vec, prelude::*};

use super::{
    Failure,
    column::{Ignored, place},
    csv::Csv,
    interrupted,
    json::JsonList,
    jsonl::JsonLines,
    row::{Cell, Cells},
};

#[test]
fn an_interrupted_import_reports_its_progress() {
    let message = |made| interrupted(&Failure::failed("users.csv: gone"), made).to_string();
    assert_eq!(message(Some(500)), "users.csv: gone\ncreated 500 users before; run it again to continue");
    let dry_run = message(None);
    assert!(dry_run.ends_with("no user was created") && !dry_run.contains("again"), "{dry_run}");
}

type Read = (u64, Cells);

fn csv(text: &str, chunk: usize) -> Vec<Read> {
    let input = BufReader::with_capacity(chunk, text.as_bytes());
    let mut csv = Csv::open(input, &mut Ignored::default()).unwrap().unwrap();
    let mut rows = Vec::new();
    while let Some(row) = csv.next().unwrap() {
        rows.push((row.line, row.cells.unwrap().unwrap()));
    }
    rows
}

fn json_lines(text: &str, chunk: usize) -> Vec<Read> {
    let mut lines = JsonLines::open(BufReader::with_capacity(chunk, text.as_bytes()));
    let mut rows = Vec::new();
    while let Some(row) = lines.next(&mut Ignored::default()).unwrap() {
        rows.push((row.line, row.cells.unwrap().unwrap()));
    }
    rows
}

fn json_list(text: &str, chunk: usize) -> Vec<Read> {
    let mut list = JsonList::open(BufReader::with_capacity(chunk, text.as_bytes()));
    let mut rows = Vec::new();
    while let Some(row) = list.next(&mut Ignored::default()).unwrap() {
        rows.push((row.line, row.cells.unwrap().unwrap()));
    }
    rows
}

fn cells(email: &str, name: &str) -> Cells {
    let known = [("email", email), ("name", name)].into_iter().filter(|(_column, text)| !text.is_empty());
    known.map(|(column, text)| (place(column).unwrap(), Cell::Text(text.to_owned()))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_texts_are_read_with_their_line_numbers(
        rows in vec(("[a-z\",\r\n é]{0,12}", "[a-z\",\r\n é]{0,12}", 0_usize..3), 0..8),
        end in "\r?\n",
        chunk in 1_usize..40,
    ) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut text = format!("email,name,hashed_password,id{end}");
        let mut read = Vec::new();
        for (email, name, empty_lines) in &rows {
            text += &end.repeat(*empty_lines);
            let line = 1 + text.matches('\n').count();
            read.push((u64::try_from(line).unwrap(), cells(email, name)));
            text.extend([&quoted(email), ",", &quoted(name), ",,7", &end]);
        }
        prop_assert_eq!(csv(&text, chunk), read);

        let (mut text, mut read) = (String::new(), Vec::new());
        for (email, name, empty_lines) in &rows {
            text += &end.repeat(*empty_lines);
            read.push((u64::try_from(1 + text.matches('\n').count()).unwrap(), cells(email, name)));
            text.extend([serde_json::json!({"email": email, "name": name, "id": 7}).to_string().as_str(), &end]);
        }
        prop_assert_eq!(json_lines(&text, chunk), read);

        let (mut text, mut read) = (format!("{{\"users\": [{end}"), Vec::new());
        for (index, (email, name, empty_lines)) in rows.iter().enumerate() {
            text += if index > 0 { "," } else { "" };
            text += &end.repeat(*empty_lines);
            read.push((u64::try_from(1 + text.matches('\n').count()).unwrap(), cells(email, name)));
            let object = serde_json::json!({"email": email, "name": name, "tags": [{"a": "]}\\"}]});
            text += &serde_json::to_string_pretty(&object).unwrap();
        }
        text += "]}";
        prop_assert_eq!(json_list(&text, chunk), read);
    }

    #[test]
    fn no_input_makes_a_reader_panic_or_loop(bytes in vec(any::<u8>(), 0..400), chunk in 1_usize..40) {
        let head = b"email,password\n";
        let text: Vec<u8> = head.iter().copied().chain(bytes.iter().copied()).collect();
        let mut csv = Csv::open(BufReader::with_capacity(chunk, text.as_slice()), &mut Ignored::default()).unwrap().unwrap();
        let mut lines = JsonLines::open(BufReader::with_capacity(chunk, bytes.as_slice()));
        let mut list = JsonList::open(BufReader::with_capacity(chunk, bytes.as_slice()));
        let mut ignored = Ignored::default();
        let mut count = 0;
        while csv.next().unwrap().is_some() {
            count += 1;
        }
        while lines.next(&mut ignored).unwrap().is_some() {
            count += 1;
        }
        while list.next(&mut ignored).unwrap().is_some() {
            count += 1;
        }
        prop_assert!(count <= 3 * (bytes.len() + 1));
    }
}
