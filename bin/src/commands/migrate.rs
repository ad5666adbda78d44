//! `migrate …` and `init-db`, in the words of alembic.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use keepstone_adapters::SystemClock;
use keepstone_domain::Clock;
use keepstone_persistence::{MigrationState, Migrator};
use serde_json::json;

use crate::{cli::Migrate, compose, failure::Failure, output, settings::Settings};

/// Where the files of a new migration go.
const FOLDER: &str = "migrations";
const DATABASES: [&str; 3] = ["sqlite", "postgres", "mysql"];

pub async fn run(settings: &Settings, command: Migrate) -> Result<ExitCode, Failure> {
    match command {
        Migrate::Upgrade { to, sql: false } => upgrade(settings, to).await,
        Migrate::Upgrade { to, sql: true } => printed(Migrator::of(&settings.database.url).upgrade_script(to).await?),
        Migrate::Downgrade { to, sql: true } => {
            printed(Migrator::of(&settings.database.url).downgrade_script(to).await?)
        }
        Migrate::Downgrade { to, sql: false } => {
            let reverted = compose::open(settings).await?.migrator().downgrade(to).await?;
            report("took back", &reverted, "nothing to take back")?;
            Ok(ExitCode::SUCCESS)
        }
        Migrate::Current { json } => {
            let history = history(settings).await?;
            let newest = history.iter().rev().find(|migration| migration.is_applied).map(|migration| &*migration.name);
            printed(if json {
                json!({ "current": newest }).to_string()
            } else {
                newest.unwrap_or("base: no migration is applied").to_owned()
            })
        }
        Migrate::History { json } => {
            let history = history(settings).await?;
            let line = |migration: &MigrationState| {
                let state = if migration.is_applied { "applied" } else { "pending" };
                format!("{state}  {}", migration.name)
            };
            let object =
                |migration: &MigrationState| json!({ "name": migration.name, "applied": migration.is_applied });
            let mut list = output::List::new(json);
            list.rows(&history, object, line)?;
            list.end("no migrations")?;
            Ok(ExitCode::SUCCESS)
        }
        Migrate::Check { json } => check(settings, json).await,
        Migrate::Revision { message } => {
            for file in revision(Path::new(FOLDER), &message)? {
                output::line(file.display().to_string())?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn check(settings: &Settings, as_json: bool) -> Result<ExitCode, Failure> {
    let history = history(settings).await?;
    let missing: Vec<_> =
        history.iter().filter(|migration| !migration.is_applied).map(|migration| &migration.name).collect();
    if as_json {
        output::line(json!({ "up_to_date": missing.is_empty(), "missing": missing }).to_string())?;
        return Ok(ExitCode::from(u8::from(!missing.is_empty())));
    }
    if !missing.is_empty() {
        return Err(Failure::Failed(format!("{} to apply: run keepstone migrate upgrade", missing.len())));
    }
    printed("up to date")
}

fn printed(text: impl AsRef<str>) -> Result<ExitCode, Failure> {
    output::line(text)?;
    Ok(ExitCode::SUCCESS)
}

pub async fn upgrade(settings: &Settings, count: usize) -> Result<ExitCode, Failure> {
    let applied = compose::open(settings).await?.migrator().upgrade(count).await?;
    report("applied", &applied, "up to date")?;
    Ok(ExitCode::SUCCESS)
}

async fn history(settings: &Settings) -> Result<Vec<MigrationState>, Failure> {
    Ok(Migrator::of(&settings.database.url).look().await?)
}

fn report(verb: &str, migrations: &[MigrationState], nothing: &str) -> Result<(), Failure> {
    for migration in migrations {
        output::line(format!("{verb} {}", migration.name))?;
    }
    if migrations.is_empty() {
        output::line(nothing)?;
    }
    Ok(())
}

/// Makes the empty files of a new migration for all three databases, under one name.
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
        for (file, comment) in [("up.sql", message), ("down.sql", "Takes up.sql back.")] {
            let file = folder.join(file);
            let comment = comment.split_whitespace().collect::<Vec<_>>().join(" ");
            fs::write(&file, format!("-- {comment}\n")).map_err(|error| failed(&file, &error))?;
            files.push(file);
        }
    }
    Ok(files)
}

/// One more than the migrations that the folder has of this date.
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
