//! `openapi`: prints the document, or lists where a stored file differs from it. A stored document is compared with
//! that of the built-in defaults, so the outcome does not depend on the environment.

use std::{collections::BTreeSet, fs, path::Path, process::ExitCode};

use serde_json::Value;

use crate::{
    cli::Openapi,
    document,
    failure::Failure,
    output,
    settings::{Inputs, Settings},
};

/// The maximum number of lines of a report, to keep it readable.
const MOST_LINES: usize = 20;
/// The number of characters of a value that are shown.
const MOST_CHARACTERS: usize = 60;

pub fn run(inputs: &Inputs, arguments: &Openapi) -> Result<ExitCode, Failure> {
    let settings = match arguments {
        Openapi { defaults: false, check: None } => Settings::load(inputs)?,
        _ => Settings::built_in()?,
    };
    let document = keepstone_http::openapi(&document::options(&settings));
    let document = document.to_pretty_json().map_err(Failure::failed)?;
    match &arguments.check {
        Some(file) => check(file, &document)?,
        None => output::line(document)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn check(file: &Path, document: &str) -> Result<(), Failure> {
    let unreadable = |reason: &dyn ToString| Failure::Usage(format!("{}: {}", file.display(), reason.to_string()));
    let stored = fs::read_to_string(file).map_err(|error| unreadable(&error))?;
    let stored: Value = serde_json::from_str(&stored).map_err(|error| unreadable(&error))?;
    let current: Value = serde_json::from_str(document).map_err(Failure::failed)?;
    let mut found = Vec::new();
    compare("", &stored, &current, &mut found);
    if found.is_empty() {
        return output::line(format!("{} is up to date", file.display()));
    }
    Err(Failure::Failed(report(file, &found)))
}

fn report(file: &Path, found: &[String]) -> String {
    let mut lines = vec![format!("{} is out of date:", file.display())];
    let shown = if found.len() < MOST_LINES { found.len() } else { MOST_LINES - 2 };
    lines.extend_from_slice(&found[..shown]);
    if shown < found.len() {
        lines.push(format!("and {} more", found.len() - shown));
    }
    lines.join("\n")
}

/// Collects every difference of the two documents below this pointer (RFC 6901).
fn compare(pointer: &str, stored: &Value, current: &Value, found: &mut Vec<String>) {
    match (stored, current) {
        (Value::Object(stored), Value::Object(current)) => {
            let names: BTreeSet<&String> = stored.keys().chain(current.keys()).collect();
            for name in names {
                let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                compare_members(&pointer, stored.get(name), current.get(name), found);
            }
        }
        (Value::Array(stored), Value::Array(current)) => {
            for index in 0..stored.len().max(current.len()) {
                compare_members(&format!("{pointer}/{index}"), stored.get(index), current.get(index), found);
            }
        }
        _ if stored == current => {}
        _ => found.push(format!("changed {pointer}: {} is now {}", short(stored), short(current))),
    }
}

fn compare_members(pointer: &str, stored: Option<&Value>, current: Option<&Value>, found: &mut Vec<String>) {
    match (stored, current) {
        (Some(stored), Some(current)) => compare(pointer, stored, current, found),
        (Some(_), None) => found.push(format!("removed {pointer}")),
        (None, Some(_)) => found.push(format!("added {pointer}")),
        (None, None) => {}
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(stored: &Value, current: &Value) -> Vec<String> {
        let mut found = Vec::new();
        compare("", stored, current, &mut found);
        found
    }

    #[test]
    fn every_difference_is_listed_with_its_pointer() {
        let stored = json!({"info": {"title": "A"}, "paths": {"/a~b": {"get": 1}, "/old": {}}, "tags": [1, 2]});
        let current = json!({"info": {"title": "B"}, "paths": {"/a~b": {"get": null}, "/new": {}}, "tags": [1, 2, 3]});
        assert_eq!(found(&stored, &stored), [""; 0]);
        assert_eq!(
            found(&stored, &current),
            [
                "changed /info/title: \"A\" is now \"B\"",
                "changed /paths/~1a~0b/get: 1 is now null",
                "added /paths/~1new",
                "removed /paths/~1old",
                "added /tags/2",
            ]
        );
        assert_eq!(found(&json!([]), &json!({})), ["changed : [] is now {}"]);
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let long = "ä".repeat(100);
        let found = found(&json!(long), &json!(""));
        assert_eq!(found, [format!("changed : \"{}… is now \"\"", &long[..2 * (MOST_CHARACTERS - 1)])]);
    }

    #[test]
    fn a_report_has_at_most_twenty_lines() {
        for (count, last) in [(1, "0"), (19, "18"), (20, "and 2 more"), (1000, "and 982 more")] {
            let found: Vec<String> = (0..count).map(|number| number.to_string()).collect();
            let report = report(Path::new("stored.json"), &found);
            let lines: Vec<&str> = report.lines().collect();
            assert!(lines.len() <= MOST_LINES, "{report}");
            assert_eq!(lines.last(), Some(&last), "{report}");
        }
    }
}
