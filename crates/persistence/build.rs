//! Embeds the SQL of the migrations for `migrate upgrade --sql`, because diesel does not expose the text that it
//! embeds. Also rebuilds this crate when a migration is added.
#![expect(clippy::disallowed_methods, reason = "cargo passes settings to a build script as environment variables")]

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

const FOLDERS: [&str; 3] = ["sqlite", "postgres", "mysql"];

fn main() -> io::Result<()> {
    let root = variable("CARGO_MANIFEST_DIR")?.join("../../migrations").canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let mut code = Vec::new();
    for folder in FOLDERS {
        let lines: Vec<String> = migrations(&root.join(folder))?.iter().map(|migration| line(migration)).collect();
        let name = folder.to_uppercase();
        code.push(format!(
            "/// (name, up, down), oldest first.\npub const {name}: &[(&str, &str, &str)] = &[\n{}];\n",
            lines.concat()
        ));
    }
    fs::write(variable("OUT_DIR")?.join("migrations.rs"), code.concat())
}

/// Reads a path at run time: cargo runs the same script again after the checkout has moved.
fn variable(name: &str) -> io::Result<PathBuf> {
    env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(format!("cargo sets {name}")))
}

fn line(migration: &Path) -> String {
    let name = migration.file_name().unwrap_or_default().to_string_lossy();
    let [up, down] = ["up.sql", "down.sql"].map(|file| migration.join(file).to_string_lossy().into_owned());
    format!("    ({name:?}, include_str!({up:?}), include_str!({down:?})),\n")
}

fn migrations(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    let mut folders: Vec<PathBuf> = entries.into_iter().filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}
