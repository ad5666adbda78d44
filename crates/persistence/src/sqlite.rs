//! SQLite connections, each on its own thread.
//!
//! diesel-async would send every statement to tokio's blocking pool. If the caller is dropped, it would wait for the
//! statement inside `Drop` with `block_in_place`, which panics on actix's single-threaded workers. A thread for each
//! connection saves a wake-up per statement, and an abandoned statement runs to its end.

use std::{
    error::Error,
    fs::OpenOptions,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::mpsc::{self, Sender},
    thread,
};

use diesel::{
    Connection as _, SqliteConnection,
    connection::{AnsiTransactionManager, SimpleConnection},
    result::{ConnectionError, ConnectionResult, QueryResult},
};
use diesel_async::{
    AsyncConnection,
    sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper},
};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::oneshot;

use crate::connect::{Cause, ConnectFailure};

/// A SQLite connection for async code.
pub type AsyncSqliteConnection = SyncConnectionWrapper<SqliteConnection, OwnThread>;

/// The setup of every connection. It waits up to 2.5 s for a writer of another process, after up to 2 s for our own
/// writers: less than the timeout of any client.
const SETUP: &str = "PRAGMA busy_timeout = 2500; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;";
const WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;";
const READER: &str = "PRAGMA query_only = ON;";

/// Whether a connection may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

/// Creates the database file if it is missing, readable by its owner only (SQLite would make it readable by everyone).
/// Its `-wal` and `-shm` files inherit the mode.
pub fn create_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

/// The header of every SQLite database.
const HEADER: &[u8] = b"SQLite format 3\0";

/// Checks that a database file and its folder can be used, and returns the cause if not. An empty file is a new
/// database.
pub fn examine(path: &Path, access: Access) -> Result<(), ConnectFailure> {
    let failed = |cause| ConnectFailure::of_file(path, cause);
    let file = OpenOptions::new().read(true).write(access == Access::Write).open(path);
    let mut start = Vec::new();
    file.and_then(|file| file.take(16).read_to_end(&mut start)).map_err(|error| failed(cause(path, &error)))?;
    if start.is_empty() || start == HEADER { Ok(()) } else { Err(failed(Cause::NotADatabase)) }
}

/// Returns the cause of a failure to create or open a file.
pub fn cause(path: &Path, error: &io::Error) -> Cause {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match error.kind() {
        io::ErrorKind::NotFound if !folder.exists() => Cause::FolderMissing(folder.display().to_string()),
        io::ErrorKind::ReadOnlyFilesystem => Cause::ReadOnly(error.to_string()),
        io::ErrorKind::PermissionDenied if OpenOptions::new().read(true).open(path).is_ok() => {
            Cause::ReadOnly(error.to_string())
        }
        io::ErrorKind::PermissionDenied if !path.exists() => {
            Cause::ReadOnly(format!("no file can be created in the folder {}: {error}", folder.display()))
        }
        _ => Cause::NotOpened(error.to_string()),
    }
}

pub async fn establish(name: &str, access: Access) -> ConnectionResult<AsyncSqliteConnection> {
    let mut connection = AsyncSqliteConnection::establish(name).await?;
    connection
        .spawn_blocking(move |connection| set_up(connection, access))
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Opens a connection for blocking code, such as migrations.
pub fn establish_blocking(name: &str) -> ConnectionResult<SqliteConnection> {
    let mut connection = SqliteConnection::establish(name)?;
    set_up(&mut connection, Access::Write).map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

fn set_up(connection: &mut SqliteConnection, access: Access) -> QueryResult<()> {
    connection.batch_execute(SETUP)?;
    connection.batch_execute(match access {
        Access::Read => READER,
        Access::Write => WRITER,
    })
}

/// Acquires the write lock immediately: a transaction that begins with a read may fail to get it
/// (`SQLITE_BUSY_SNAPSHOT`).
pub async fn begin(connection: &mut AsyncSqliteConnection) -> QueryResult<()> {
    connection
        .spawn_blocking(|connection| AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE"))
        .await
}

type Task = Box<dyn FnOnce() + Send>;

/// A thread that runs the statements of one connection in order and ends with it.
pub struct OwnThread {
    tasks: Sender<Task>,
}

impl SpawnBlocking for OwnThread {
    fn spawn_blocking<'a, R: Send + 'static>(
        &mut self,
        task: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Box<dyn Error + Send + Sync>>> {
        let (answer, answered) = oneshot::channel();
        let task = move || {
            // The caller may have been dropped; the result is discarded then.
            drop(answer.send(task()));
        };
        match self.tasks.send(Box::new(task)) {
            Ok(()) => answered.map(|answer| answer.map_err(Into::into)).boxed(),
            Err(_) => std::future::ready(Err("the thread of this SQLite connection has ended".into())).boxed(),
        }
    }

    fn get_runtime() -> Self {
        let (tasks, queue) = mpsc::channel::<Task>();
        // If no thread can be started, the queue is dropped here and every statement fails, as it should.
        drop(thread::Builder::new().name("sqlite".to_owned()).spawn(move || {
            for task in queue {
                task();
            }
        }));
        Self { tasks }
    }
}
