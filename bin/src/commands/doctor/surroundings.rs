//! Checks the machine: file permissions, keys, disk space and the limit of open files.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use indicatif::HumanBytes;
use rustix::{
    fs::statvfs,
    process::{Resource, getrlimit},
};

use super::finding::Finding;
use crate::{
    keys,
    settings::{Algorithm, Environment, Problems, Settings},
};

const LEAST_BYTES: u64 = 1024 * 1024 * 1024;
/// The files that a server opens besides its connections.
const OTHER_FILES: u64 = 512;

pub fn look(settings: &Settings, problems: Option<&Problems>) -> Vec<Finding> {
    let mut found = permissions(settings);
    let is_wrong = |key| problems.is_some_and(|problems| problems.concern(key));
    if !is_wrong("JWT_ALGORITHM") && !is_wrong("JWT_KEYS_DIR") {
        found.extend(keys(settings));
    }
    found.extend(disk(settings));
    found.push(descriptors(settings));
    found
}

/// Checks the files that only their owner may access. Configuration files are covered by the warnings of the settings.
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
                format!("{shown} is accessible to users other than its owner (mode {mode:o})"),
                format!("chmod 600 {shown}"),
            )
        })
    };
    let found: Vec<Finding> = files.iter().filter_map(finding).collect();
    if found.is_empty() {
        vec![Finding::ok(NAME, "secrets and data are accessible to their owner only")]
    } else {
        found
    }
}

/// Checks that there is a signing key, as `serve` does.
fn keys(settings: &Settings) -> Vec<Finding> {
    const NAME: &str = "keys";
    if settings.jwt.algorithm == Algorithm::Hs256 {
        return Vec::new();
    }
    let folder = settings.keys_dir();
    let folder = folder.display();
    if keys::is_filled_at_start(settings) {
        let fix = "serve or keepstone generate-keys creates one";
        return vec![Finding::warning(NAME, format!("{folder} has no key yet"), fix)];
    }
    let problems = keys::problems(settings);
    if problems.is_empty() {
        return vec![Finding::ok(NAME, format!("{folder} has a signing key"))];
    }
    problems.into_iter().map(|problem| Finding::failed(NAME, problem.message, problem.fix)).collect()
}

/// Checks the disk space for a SQLite file.
fn disk(settings: &Settings) -> Option<Finding> {
    const NAME: &str = "disk";
    let file = settings.database.url.sqlite_file()?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let space = statvfs(folder).ok()?;
    let (free, all) = (space.f_bavail.saturating_mul(space.f_frsize), space.f_blocks.saturating_mul(space.f_frsize));
    let detail = format!("{} of {} are free in {}", HumanBytes(free), HumanBytes(all), folder.display());
    Some(if free < LEAST_BYTES || free < all / 20 {
        Finding::warning(NAME, detail, "free disk space, or move the database: writes fail when the disk is full")
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
