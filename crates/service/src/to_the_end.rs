//! Runs work to completion even if the client disconnects.
//!
//! A client that disconnects cancels its handler at any `await`. Work that must follow a commit, such as removing
//! cached sessions, therefore runs in its own task, and the handler only waits for it.

use keepstone_repository::StorageError;

/// Runs the work to completion, even if the caller is dropped.
pub async fn to_the_end<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StorageError> + Send + 'static,
{
    // The work has panicked, or the process is stopping.
    tokio::spawn(work).await.unwrap_or_else(|error| Err(StorageError::Unavailable(error.to_string()).into()))
}
