//! The checked-in document in third-party tools: validators and linters find no problems, and a generated Python client
//! works on a real server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use keepstone_test_backends::{Database, is_skipped, node_missing};

use crate::harness::{Run, Server};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_mins(5);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/openapi").canonicalize().unwrap()
}

fn document() -> String {
    folder().join("../../specs/openapi.json").canonicalize().unwrap().display().to_string()
}

/// Returns the path of a program from a `PyPI` package that `tests/run` installs.
fn python(program: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi/bin").join(program)
}

/// Returns whether a program is installed. None of them depends on the database.
fn is_here(program: &Path) -> bool {
    let missing = (!program.exists()).then(|| format!("no {}", program.display()));
    Database::chosen() == Database::Sqlite && !is_skipped(missing)
}

fn run(program: &Path, arguments: &[&str], folder: &Path) -> Run {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdout(Stdio::piped());
    command.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    Run::of(command, "", PATIENCE).exits(0)
}

#[test]
fn the_document_is_valid() {
    let validator = python("openapi-spec-validator");
    if is_here(&validator) {
        run(&validator, &[&document()], &folder());
    }
}

#[test]
fn redocly_and_spectral_find_no_error_and_no_warning() {
    let bin = folder().join("node_modules/.bin");
    if is_skipped(node_missing()) || !is_here(&bin) {
        return;
    }
    let redocly =
        run(&bin.join("redocly"), &["lint", &document(), "--extends=recommended", "--format=json"], &folder());
    let totals = &redocly.json()["totals"];
    assert_eq!((&totals["errors"], &totals["warnings"]), (&0.into(), &0.into()), "{redocly:#?}");
    let rules = ["lint", &document(), "--ruleset=spectral.yaml", "--fail-severity=hint"].map(str::to_owned);
    run(&bin.join("spectral"), &rules.each_ref().map(String::as_str), &folder());
}

#[tokio::test]
async fn a_generated_python_client_works() {
    let generator = python("openapi-python-client");
    if !is_here(&generator) {
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let config = folder().join("python-client.yaml").display().to_string();
    let arguments =
        ["generate", "--path", &document(), "--config", &config, "--output-path", "keepstone", "--meta=none"];
    let generated = run(&generator, &arguments, work.path());
    assert!(!generated.output().contains("WARNING"), "{generated:#?}");
    let server = Server::start().await;
    let admin = server.admin().await;
    let client = folder().join("client.py");
    fs::copy(&client, work.path().join("client.py")).unwrap();
    let did = run(&python("python3"), &["client.py", &server.url, &admin.email], work.path());
    assert!(did.stdout.contains("all requests succeeded"), "{did:#?}");
}
