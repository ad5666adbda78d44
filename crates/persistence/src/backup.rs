//! Online backups of SQLite files. The copy is created with mode 0600 while it is still empty. It gets its name only
//! when it is complete, verified and synced to disk.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use diesel::{
    Connection, RunQueryDsl, SqliteConnection, connection::SimpleConnection, dsl::sql, sql_query, sql_types::Text,
};
use thiserror::Error;
use uuid::Uuid;

/// The reason why a backup failed. No partial copy remains.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The database file does not exist.
    #[error("{0} does not exist, so there is nothing to copy")]
    Missing(PathBuf),
    /// The database file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The copy would overwrite the database.
    #[error("{0} is the database itself; choose another name for the copy")]
    Itself(PathBuf),
    /// A file of this name exists, and replacing it was not requested.
    #[error("{0} already exists")]
    Exists(PathBuf),
    /// A folder of this name exists, or the name denotes a folder.
    #[error("{0} is a folder; name a file in it")]
    Folder(PathBuf),
    /// A file could not be written.
    #[error("{path}: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The database could not be copied.
    #[error("the database cannot be copied: {0}")]
    Database(String),
    /// The copy failed the integrity check, so the database is probably damaged.
    #[error("the copy is damaged, and so is the database: {0}")]
    Damaged(String),
}

/// A backup to be created.
#[derive(Debug, Clone)]
pub struct Backup {
    source: PathBuf,
    target: PathBuf,
    draft: PathBuf,
    replaces: bool,
}

impl Backup {
    /// Checks whether `source`, a SQLite file, may be copied to `target`.
    ///
    /// # Errors
    /// Returns the reason as [`BackupError`].
    pub fn new(source: &Path, target: &Path, replaces: bool) -> Result<Self, BackupError> {
        let original = fs::metadata(source).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BackupError::Missing(source.to_owned()),
            _ => BackupError::Unreadable { path: source.to_owned(), source: error },
        })?;
        let is_same = |there: &fs::Metadata| there.dev() == original.dev() && there.ino() == original.ino();
        let there = fs::metadata(target).ok();
        if there.as_ref().is_some_and(is_same) || is_beside(source, target) {
            return Err(BackupError::Itself(target.to_owned()));
        }
        // `a/..` and `a/` denote folders, even if they do not exist.
        let is_folder = there.as_ref().is_some_and(fs::Metadata::is_dir) || has_slash_at_end(target);
        let Some(name) = target.file_name().filter(|_name| !is_folder) else {
            return Err(BackupError::Folder(target.to_owned()));
        };
        if there.is_some() && !replaces {
            return Err(BackupError::Exists(target.to_owned()));
        }
        let mut draft = OsString::from(".");
        draft.push(name);
        draft.push(format!(".{}", Uuid::now_v7().simple()));
        let draft = folder_of(target).join(draft);
        Ok(Self { source: source.to_owned(), target: target.to_owned(), draft, replaces })
    }

    /// Returns the temporary file to which the copy is written.
    #[must_use]
    pub fn draft(&self) -> &Path {
        &self.draft
    }

    /// Creates the copy and returns its size in bytes. The database stays usable: the copy is a snapshot taken at the
    /// start.
    ///
    /// # Errors
    /// Returns [`BackupError`]; the temporary file has then been removed.
    pub async fn run(self) -> Result<u64, BackupError> {
        tokio::task::spawn_blocking(move || {
            let outcome = self.copy().and_then(|()| self.publish());
            if outcome.is_err() {
                // SQLite leaves the journal behind if the disk was full.
                for suffix in ["", "-journal"] {
                    drop(fs::remove_file(with_suffix(&self.draft, suffix)));
                }
            }
            outcome
        })
        .await
        .unwrap_or_else(|error| Err(BackupError::Database(error.to_string())))
    }

    fn copy(&self) -> Result<(), BackupError> {
        // `VACUUM INTO` accepts an existing file if it is empty.
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.draft);
        made.map_err(|error| unwritable(&self.target, error))?;
        let mut connection = connect(&self.source)?;
        let into = sql_query("VACUUM INTO ?").bind::<Text, _>(name(&self.draft)?);
        into.execute(&mut connection).map_err(database)?;
        let mut copy = connect(&self.draft)?;
        let mut found: Vec<String> = sql::<Text>("PRAGMA integrity_check(5)").load(&mut copy).map_err(database)?;
        found.retain(|line| line != "ok");
        if found.is_empty() { Ok(()) } else { Err(BackupError::Damaged(found.join("; "))) }
    }

    /// Syncs the copy to disk, then gives it its final name. Returns its size in bytes.
    fn publish(&self) -> Result<u64, BackupError> {
        let failed = |error| unwritable(&self.target, error);
        let file = File::open(&self.draft).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        if self.replaces {
            fs::rename(&self.draft, &self.target).map_err(failed)?;
        } else {
            // Unlike a rename, a link never overwrites a file that was created meanwhile.
            match fs::hard_link(&self.draft, &self.target) {
                Ok(()) => fs::remove_file(&self.draft).map_err(failed)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(BackupError::Exists(self.target.clone()));
                }
                // Some file systems have no hard links.
                Err(_) => fs::rename(&self.draft, &self.target).map_err(failed)?,
            }
        }
        File::open(folder_of(&self.target)).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(bytes)
    }
}

fn connect(path: &Path) -> Result<SqliteConnection, BackupError> {
    let mut connection =
        SqliteConnection::establish(name(path)?).map_err(|error| BackupError::Database(error.to_string()))?;
    connection.batch_execute("PRAGMA busy_timeout = 10000").map_err(database)?;
    Ok(connection)
}

fn name(path: &Path) -> Result<&str, BackupError> {
    path.to_str().ok_or_else(|| unwritable(path, io::Error::other("the name is not valid UTF-8")))
}

/// Returns `.` for a bare name: the path then never begins with `file:`, which SQLite would interpret as a URI.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether the target is one of the files that SQLite keeps beside the database, however the paths are written.
fn is_beside(source: &Path, target: &Path) -> bool {
    let (Ok(source), Ok(folder)) = (fs::canonicalize(source), fs::canonicalize(folder_of(target))) else {
        return false;
    };
    let target = target.file_name().map(|name| folder.join(name));
    ["-wal", "-shm", "-journal"].into_iter().any(|suffix| Some(with_suffix(&source, suffix)) == target)
}

fn has_slash_at_end(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn database(error: diesel::result::Error) -> BackupError {
    BackupError::Database(error.to_string())
}

fn unwritable(path: &Path, source: io::Error) -> BackupError {
    BackupError::Unwritable { path: path.to_owned(), source }
}
