//! Writes down the migrations as text, for `migrate upgrade --sql`: diesel keeps what it embeds to itself. And has this crate
//! built again when a migration is added.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "this is how cargo and a build script talk")]

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

const FOLDERS: [&str; 3] = ["sqlite", "postgres", "mysql"];

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let mut code = String::new();
    for folder in FOLDERS {
        code += &format!(
            "/// (name, up, down), oldest first.\npub const {}: &[(&str, &str, &str)] = &[\n",
            folder.to_uppercase()
        );
        for migration in migrations(&root.join(folder))? {
            let name = migration.file_name().unwrap_or_default();
            let [up, down] = ["up.sql", "down.sql"].map(|file| migration.join(file));
            code += &format!("    ({name:?}, include_str!({up:?}), include_str!({down:?})),\n");
        }
        code += "];\n";
    }
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(out.join("migrations.rs"), code)
}

fn migrations(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    let mut folders: Vec<PathBuf> = entries.into_iter().filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}
