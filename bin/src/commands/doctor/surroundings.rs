//! What the machine gives: files and who may read them, room on the disk, how many files may be open.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use indicatif::HumanBytes;
use keepstone_auth::token::KeyFolder;
use rustix::{
    fs::statvfs,
    process::{Resource, getrlimit},
};

use super::finding::Finding;
use crate::settings::{Algorithm, Environment, Settings};

const LEAST_BYTES: u64 = 1024 * 1024 * 1024;
/// What a server needs beside its connections.
const OTHER_FILES: u64 = 512;

pub fn look(settings: &Settings) -> Vec<Finding> {
    let mut found = permissions(settings);
    found.extend(keys(settings));
    found.extend(disk(settings));
    found.push(descriptors(settings));
    found
}

/// Files that are their owner's alone. The configuration's own files are among its warnings.
fn permissions(settings: &Settings) -> Vec<Finding> {
    const NAME: &str = "files";
    let mut files = vec![settings.secret_file()];
    if let Some(database) = settings.database.url.sqlite_file() {
        files.extend(["", "-wal", "-shm"].map(|suffix| with_suffix(database, suffix)));
    }
    let keys = fs::read_dir(settings.keys_dir()).into_iter().flatten().flatten().map(|entry| entry.path());
    files.extend(keys.filter(|path| path.extension().is_some_and(|extension| extension == "pem")));
    let is_production = settings.app.environment == Environment::Production;
    let finding = |path: &PathBuf| {
        let shown = path.strip_prefix(".").unwrap_or(path).display();
        let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
        let make = if is_production { Finding::failed } else { Finding::warning };
        (mode & 0o077 != 0).then(|| {
            make(
                NAME,
                format!("{shown} is open to others than its owner (mode {mode:o})"),
                format!("chmod 600 {shown}"),
            )
        })
    };
    let found: Vec<Finding> = files.iter().filter_map(finding).collect();
    if found.is_empty() { vec![Finding::ok(NAME, "secrets and data are for their owner only")] } else { found }
}

/// Whether there is a key to sign with.
fn keys(settings: &Settings) -> Option<Finding> {
    const NAME: &str = "keys";
    if settings.jwt.algorithm == Algorithm::Hs256 {
        return None;
    }
    let folder = settings.keys_dir();
    Some(match KeyFolder::read(&folder) {
        Ok(_) => Finding::ok(NAME, format!("{} has a key to sign with", folder.display())),
        Err(error) if settings.app.environment == Environment::Production => {
            Finding::failed(NAME, error.to_string(), "keepstone generate-keys")
        }
        Err(error) => Finding::warning(NAME, error.to_string(), "serve makes one, and so does generate-keys"),
    })
}

/// Room for a SQLite file.
fn disk(settings: &Settings) -> Option<Finding> {
    const NAME: &str = "disk";
    let file = settings.database.url.sqlite_file()?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let space = statvfs(folder).ok()?;
    let (free, all) = (space.f_bavail.saturating_mul(space.f_frsize), space.f_blocks.saturating_mul(space.f_frsize));
    let detail = format!("{} of {} are free in {}", HumanBytes(free), HumanBytes(all), folder.display());
    Some(if free < LEAST_BYTES || free < all / 20 {
        Finding::warning(NAME, detail, "make room, or move the database: without room nothing can be written")
    } else {
        Finding::ok(NAME, detail)
    })
}

fn descriptors(settings: &Settings) -> Finding {
    const NAME: &str = "open files";
    let connections = u64::try_from(settings.server.max_connections).unwrap_or(u64::MAX);
    let wanted = connections.saturating_add(OTHER_FILES);
    match getrlimit(Resource::Nofile).maximum {
        Some(most) if most < wanted => Finding::warning(
            NAME,
            format!(
                "at most {most}, so {} connections at once instead of {connections}",
                most.saturating_sub(OTHER_FILES)
            ),
            format!("ulimit -n {wanted}, or a smaller MAX_CONNECTIONS"),
        ),
        Some(most) => Finding::ok(NAME, format!("up to {most}, enough for {connections} connections")),
        None => Finding::ok(NAME, format!("any number, enough for {connections} connections")),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
