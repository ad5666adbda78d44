//! `migrate revision`: creates the files of a new migration.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use keepstone_adapters::SystemClock;
use keepstone_domain::Clock;

use crate::{failure::Failure, output};

/// The folder of the migrations.
const FOLDER: &str = "migrations";
const DATABASES: [&str; 3] = ["sqlite", "postgres", "mysql"];

pub fn run(message: &str) -> Result<ExitCode, Failure> {
    for file in revision(Path::new(FOLDER), message)? {
        output::line(file.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Creates the empty files of a new migration for all three databases, under one name.
fn revision(folder: &Path, message: &str) -> Result<Vec<PathBuf>, Failure> {
    let words: Vec<String> = message
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    if words.is_empty() {
        return Err(Failure::Usage("--message has no letters or digits to name the migration with".to_owned()));
    }
    let now = SystemClock.now().to_string();
    let date = now.split('T').next().unwrap_or_default();
    let number = next_number(&folder.join("sqlite"), date).map_err(|error| failed(folder, &error))?;
    let name = format!("{date}-{number:06}_{}", words.join("_"));
    let mut files = Vec::new();
    for database in DATABASES {
        let folder = folder.join(database).join(&name);
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, &error))?;
        for (file, comment) in [("up.sql", message), ("down.sql", "Reverts up.sql.")] {
            let file = folder.join(file);
            let comment = comment.split_whitespace().collect::<Vec<_>>().join(" ");
            fs::write(&file, format!("-- {comment}\n")).map_err(|error| failed(&file, &error))?;
            files.push(file);
        }
    }
    Ok(files)
}

/// Returns the number that follows the highest one of this date in the folder.
fn next_number(folder: &Path, date: &str) -> io::Result<usize> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(1),
        Err(error) => return Err(error),
    };
    let names =
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<io::Result<Vec<_>>>()?;
    let numbers = names.iter().filter_map(|name| {
        let rest = name.strip_prefix(date)?.strip_prefix('-')?;
        rest.split('_').next()?.parse::<usize>().ok()
    });
    Ok(numbers.max().unwrap_or_default() + 1)
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", path.display()))
}
