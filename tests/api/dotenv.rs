//! `.env` files are read as python-dotenv reads them: the same texts have the same values. `tests/run` installs
//! python-dotenv; see `tests/dotenv/requirements.txt`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use keepstone_test_backends::Database;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::harness::Run;

// The reader itself. It does not depend on the rest of the program.
#[path = "../../bin/src/settings/dotenv.rs"]
mod reader;

type Values = BTreeMap<String, String>;

/// Enough for a thousand files on a busy machine.
const LONG: Duration = Duration::from_mins(2);
/// A variable that is set in the environment of both readers.
const ENVIRONMENT: (&str, &str) = ("OUTSIDE", "from the environment");

const TEXTS: &[&str] = &[
    "A=plain",
    "A = spaced ",
    "A=\ttab\t",
    "  A=indented",
    "export A=x",
    "export\tA=x",
    "exportA=x",
    "export A",
    "A=two words # comment",
    "A=no#comment",
    "A=#uR7pX9qLw2",
    "A= # comment",
    "A= #comment",
    "A=\t#comment",
    "A=#comment # comment",
    "A=a # b # c",
    "A=a\t#b",
    "A=a\u{a0}#b",
    "A=",
    "A=\nB=1",
    "A=''",
    "A=\"\"",
    "A",
    "A # comment",
    "A=1\nA",
    "A=1\nA=2",
    "# comment\nA=1",
    "   # comment\nA=1",
    "A='single # quoted'",
    "A='say \\'hi\\''",
    "A='back\\\\slash\\n'",
    "A='it \"is\"'",
    "A=\"double # quoted\"",
    "A=\"say \\\"hi\\\"\"",
    "A=\"tab\\tnewline\\nreturn\\rbell\\afeed\\f\\v\\b\"",
    "A=\"C:\\dir\\new\"",
    "A=C:\\dir\\new",
    "A=\"ends in a backslash\\\\\"\nB=1",
    "A=\"never closed\nB=1",
    "A='never closed\nB=1",
    "A=\"closed by the next\nB=\"x\"",
    "A=\"one\ntwo\"",
    "A='one\ntwo' # comment\nB=1",
    "A=\"one\r\ntwo\"\r\nB=1\r\n",
    "A=1\rB=2\r",
    "A=\"x\"y",
    "A=\"x\" y\nB=1",
    "A=\"x\"#y",
    "A=x\"y\"",
    "A=[\"http://a.test\", \"http://b.test\"]",
    "A=p$$ss$word",
    "A=$B",
    "B=b\nA=x${B}y",
    "B=b\nA='x${B}y'",
    "B=b\nA=\"x${B}y\"",
    "A=${B}\nB=b",
    "A=${OUTSIDE}",
    "OUTSIDE=inside\nA=${OUTSIDE}",
    "A=1\nA=${A}2",
    "A=${MISSING}",
    "A=${MISSING:-default}",
    "A=${MISSING:-de:fa-ult}",
    "A=${MISSING:-}",
    "A=${MISSING:-${B}}",
    "B=b\nA=${B:-default}",
    "A=${MISSING:?error}",
    "A=${}",
    "A=${unclosed",
    "A=${ B }",
    "'quoted key'=1",
    "'unclosed=1\nA=1",
    "a.b-c/d=1",
    "=1\nA=1",
    "two words=1\nA=1",
    "A=1 B=2",
    "A==1",
    "A:1\nB=1",
    "\u{feff}A=bom",
    "A=\u{e9}\u{1f600}",
    "A=x\u{2028}y",
    "A=x\u{85}",
    "\n\n\nA=1\n\n",
    "",
];

/// A text, the value of `A` in python-dotenv, and our value where a shell's reading is more useful.
const DIFFERENT: &[(&str, &str, &str)] = &[
    ("B=\nA=${B:-default}", "", "default"),
    ("B\nA=${B:-default}", "", "default"),
    ("A=${B-default}", "", "default"),
    ("B=b\nA=${B-default}", "", "b"),
];

/// Building blocks of files, including invalid ones.
const PIECES: &[&str] = &[
    "A",
    "B",
    "=",
    "=",
    "\"",
    "'",
    "\\",
    "${A}",
    "${OUTSIDE}",
    "${C:-d}",
    "$",
    "{",
    "}",
    "#",
    " ",
    "\t",
    "\n",
    "\n",
    "\r\n",
    "export ",
    "x",
    "\u{e9}",
    "n",
    "\u{a0}",
    "\u{2028}",
    "\u{1c}",
];

fn python() -> Option<PathBuf> {
    // `target/tmp`, where `tests/run` installs it
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dotenv/bin/python3");
    let is_installed = program.exists();
    if !is_installed {
        eprintln!("skipped: no {}", program.display());
    }
    // Files do not depend on the database.
    (is_installed && Database::chosen() == Database::Sqlite).then_some(program)
}

/// Returns the values that python-dotenv reads from these texts.
fn theirs(python: &Path, texts: &[String]) -> Vec<Values> {
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/dotenv/values.py")).env_clear();
    command.env(ENVIRONMENT.0, ENVIRONMENT.1).stdout(Stdio::piped());
    let run = Run::of(command, &serde_json::to_string(texts).unwrap(), LONG).exits(0);
    serde_json::from_value(run.json()).unwrap()
}

fn ours(text: &str) -> Values {
    reader::parse(text, |name| (name == ENVIRONMENT.0).then_some(ENVIRONMENT.1)).values
}

#[test]
fn values_match_python_dotenv() {
    let Some(python) = python() else { return };
    let texts: Vec<String> = TEXTS.iter().map(|text| (*text).to_owned()).collect();
    for (text, theirs) in texts.iter().zip(theirs(&python, &texts)) {
        assert_eq!(ours(text), theirs, "{text:?}");
    }
}

#[test]
fn the_only_intended_differences_are_shell_defaults() {
    let Some(python) = python() else { return };
    let texts: Vec<String> = DIFFERENT.iter().map(|(text, ..)| (*text).to_owned()).collect();
    for ((text, expected, here), theirs) in DIFFERENT.iter().zip(theirs(&python, &texts)) {
        assert_eq!((theirs["A"].as_str(), ours(text)["A"].as_str()), (*expected, *here), "{text:?}");
    }
}

#[test]
fn generated_files_match_python_dotenv() {
    let Some(python) = python() else { return };
    let mut runner = TestRunner::default();
    let file = prop::collection::vec(select(PIECES), 0..40).prop_map(|pieces| pieces.concat());
    let texts: Vec<String> = (0..1_000).map(|_| file.new_tree(&mut runner).unwrap().current()).collect();
    for (text, theirs) in texts.iter().zip(theirs(&python, &texts)) {
        assert_eq!(ours(text), theirs, "{text:?}");
    }
}

#[test]
fn skipped_lines_are_counted_from_one() {
    let file = reader::parse("A=1\nno line\n\nB=\"x\ny\" z\nC=3\n", |_| None);
    assert_eq!((file.skipped, file.referenced.len()), (vec![2, 4], 0));
}
