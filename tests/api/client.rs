//! TypeScript clients (`tests/client`): one uses types from the checked-in document, the other has functions generated
//! from the served document. Both compile in strict mode and run typical calls against a real server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use keepstone_test_backends::{Database, is_skipped, node_missing};
use serde_json::Value;

use crate::harness::{Run, Server};

/// Long enough to compile on a busy machine.
const PATIENCE: Duration = Duration::from_mins(5);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/client")
}

fn read(name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder().join(name)).unwrap()).unwrap()
}

fn run(program: &str, arguments: &[&str]) -> Run {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder()).stdout(Stdio::piped());
    Run::of(command, "", PATIENCE).exits(0)
}

/// Returns whether Node and the packages that `tests/run` installs are available. The client does not depend on the
/// database.
fn here() -> bool {
    let packages = folder().join("node_modules");
    let no_packages = || (!packages.is_dir()).then(|| format!("no {}", packages.display()));
    Database::chosen() == Database::Sqlite && !is_skipped(node_missing().or_else(no_packages))
}

#[tokio::test]
async fn a_client_with_types_of_the_checked_in_document_compiles_and_works() {
    if !here() {
        return;
    }
    run("npm", &["run", "types"]);
    run("npm", &["run", "build"]);
    let server = Server::start().await;
    let admin = server.admin().await;
    let did = run("node", &["built/src/main.js", &server.url, &admin.email]);
    assert!(did.stdout.contains("all requests succeeded"), "{did:#?}");
}

#[tokio::test]
async fn a_client_generated_by_hey_api_from_the_served_document_compiles_and_works() {
    if !here() {
        return;
    }
    let server = Server::start().await;
    let admin = server.admin().await;
    run("npm", &["run", "hey-api:generate", "--", "--input", &format!("{}/openapi.json", server.url)]);
    run("npm", &["run", "hey-api:build"]);
    let did = run("node", &["hey-api/built/main.js", &server.url, &admin.email]);
    assert!(did.stdout.contains("did what it wanted"), "{did:#?}");
}

#[test]
fn every_package_of_the_client_is_an_exact_release_from_the_registry() {
    let manifest = read("package.json");
    for kind in ["dependencies", "devDependencies"] {
        for (name, version) in manifest[kind].as_object().unwrap() {
            let is_exact = version.as_str().unwrap().split('.').all(|number| number.parse::<u32>().is_ok());
            assert!(is_exact, "{name} {version}");
        }
    }
    let lock = read("package-lock.json");
    let packages = lock["packages"].as_object().unwrap();
    assert!(packages.len() > 10, "the format of the lock file has changed");
    for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
        assert!(package["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-")), "{name}: {package}");
        let place = package["resolved"].as_str().unwrap_or("https://registry.npmjs.org/");
        assert!(place.starts_with("https://registry.npmjs.org/"), "{name}: {place}");
        assert!(!package["version"].as_str().unwrap().contains('-'), "{name} is a pre-release");
    }
}
