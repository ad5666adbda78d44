//! A copy of a SQLite file that is in use. It is for its owner only before anything is in it, and gets its name when it
//! is whole, looked at, and on the disk.

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

/// Why there is no backup. Nothing is left of it.
#[derive(Debug, Error)]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("{0} is not there, so there is nothing to copy")]
    Missing(PathBuf),
    /// What is to be copied could not be looked at.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The copy would be written over what is to be copied.
    #[error("{0} is the database itself; give the copy another name")]
    Itself(PathBuf),
    /// There is a file of this name, and it is not to be replaced.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// There is a folder of this name, or the name is that of a folder.
    #[error("{0} is a folder; name a file in it")]
    Folder(PathBuf),
    /// A file could not be written.
    #[error("{path}: {source}")]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database could not be copied.
    #[error("the database cannot be copied: {0}")]
    Database(String),
    /// The copy is not a good one, so the database is probably damaged.
    #[error("the copy is damaged, and so is the database: {0}")]
    Damaged(String),
}

/// A backup that is to be made.
#[derive(Debug, Clone)]
pub struct Backup {
    source: PathBuf,
    target: PathBuf,
    draft: PathBuf,
    replaces: bool,
}

impl Backup {
    /// Looks whether `source`, a SQLite file, may be copied into `target`.
    ///
    /// # Errors
    /// [`BackupError`] says why not.
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
        // `a/..` and `a/` name folders, also where there is none.
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

    /// The file that grows while the copy is made.
    #[must_use]
    pub fn draft(&self) -> &Path {
        &self.draft
    }

    /// Makes the copy, and gives its size in bytes. Others may read and write meanwhile: it is what the database was
    /// when this began.
    ///
    /// # Errors
    /// [`BackupError`]; nothing is left then.
    pub async fn run(self) -> Result<u64, BackupError> {
        tokio::task::spawn_blocking(move || {
            let outcome = self.copy().and_then(|()| self.publish());
            if outcome.is_err() {
                // SQLite leaves the journal of a copy for which there was no room.
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
        // SQLite writes into a file that is there if it is empty.
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

    /// Gives the copy its name, once it is on the disk.
    fn publish(&self) -> Result<u64, BackupError> {
        let failed = |error| unwritable(&self.target, error);
        let file = File::open(&self.draft).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        if self.replaces {
            fs::rename(&self.draft, &self.target).map_err(failed)?;
        } else {
            // Unlike a rename, a link is never made over a file that has come meanwhile.
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
    path.to_str().ok_or_else(|| unwritable(path, io::Error::other("is not a name in UTF-8")))
}

/// `.` for a name alone, so that no name begins with `file:`, which SQLite would take for a URI.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether this is one of the files that SQLite keeps beside a database, however the two are written.
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
