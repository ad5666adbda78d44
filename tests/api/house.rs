//! Architecture tests: the allowed imports between packages (ARCHITECTURE.md), and equal migrations for every database.

use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use crate::migrate::migrations;

/// Each of our packages, without "keepstone-", and those of ours that it may import.
const ARROWS: [(&str, &[&str]); 8] = [
    ("domain", &[]),
    ("auth", &[]),
    ("repository", &["domain"]),
    ("persistence", &["domain", "repository"]),
    ("service", &["domain", "repository", "auth"]),
    ("adapters", &["domain", "service"]),
    ("http", &["domain", "auth", "service"]),
    ("test-backends", &[]),
];

/// Families of third-party packages, and the only packages of ours that may import them.
const FOREIGN: [(&str, &[&str]); 11] = [
    ("diesel", &["keepstone-persistence"]),
    ("libsqlite3-sys", &["keepstone-persistence"]),
    ("actix", &["keepstone-http", "keepstone-auth", "keepstone"]),
    ("jsonwebtoken", &["keepstone-auth"]),
    ("bcrypt", &["keepstone-auth"]),
    ("argon2", &["keepstone-auth"]),
    ("lettre", &["keepstone-adapters"]),
    ("minijinja", &["keepstone-adapters"]),
    ("redis", &["keepstone-adapters"]),
    ("object_store", &["keepstone-adapters"]),
    ("clap", &["keepstone"]),
];

fn metadata() -> Metadata {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap()
}

/// Returns the imports of this package, without those of its tests.
fn imports(package: &Package) -> impl Iterator<Item = &str> {
    let dependencies = package.dependencies.iter();
    dependencies.filter(|import| import.kind != DependencyKind::Development).map(|import| import.name.as_str())
}

#[test]
fn our_packages_import_each_other_only_as_allowed() {
    for package in &metadata().packages {
        let name = package.name.as_str();
        if name == "keepstone" {
            continue; // the composition root may import every package
        }
        let arrow = ARROWS.iter().find(|(from, _allowed)| name == format!("keepstone-{from}"));
        let (_from, allowed) =
            arrow.unwrap_or_else(|| panic!("{name} has no arrow: add it here and to ARCHITECTURE.md"));
        for import in imports(package).filter_map(|import| import.strip_prefix("keepstone-")) {
            assert!(allowed.contains(&import), "{name} must not import keepstone-{import}");
        }
    }
}

#[test]
fn test_dependencies_are_in_no_program() {
    for package in &metadata().packages {
        let found = imports(package).find(|import| *import == "keepstone-test-backends");
        assert_eq!(found, None, "in {}", package.name);
    }
}

#[test]
fn third_party_packages_are_imported_only_where_allowed() {
    for package in &metadata().packages {
        for import in imports(package) {
            for (family, rooms) in FOREIGN {
                let of_family = import == family
                    || import.starts_with(&format!("{family}-"))
                    || import.starts_with(&format!("{family}_"));
                assert!(
                    !of_family || rooms.contains(&package.name.as_str()),
                    "{} must not import {import}",
                    package.name
                );
            }
            assert!(import != "config" || package.name == "keepstone", "{} must not import config", package.name);
        }
    }
}

#[test]
fn every_third_party_package_is_a_release_from_crates_io() {
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock")).unwrap();
    let of_key = |key: &'static str| lock.lines().filter_map(move |line| line.strip_prefix(key)?.strip_prefix(" = "));
    assert!(of_key("source").count() > 100, "the format of the lock file has changed");
    for source in of_key("source") {
        assert_eq!(source, "\"registry+https://github.com/rust-lang/crates.io-index\"");
    }
    for version in of_key("version").map(|version| version.trim_matches('"')) {
        let number = version.split_once('+').map_or(version, |(number, _build)| number);
        assert!(!number.contains('-'), "{version} is a pre-release");
    }
}

#[test]
fn actix_is_optional_in_the_auth_library() {
    let metadata = metadata();
    let auth = metadata.packages.iter().find(|package| package.name == "keepstone-auth").unwrap();
    for import in auth.dependencies.iter().filter(|import| import.kind == DependencyKind::Normal) {
        assert!(import.optional || !import.name.starts_with("actix"), "{} must be optional", import.name);
    }
}

#[test]
fn every_database_has_the_same_migrations_up_and_down() {
    let names = migrations(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    assert!(!names.is_empty());
}
