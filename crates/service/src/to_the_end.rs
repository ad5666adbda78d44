//! Work that goes on when nobody waits for it any more.
//!
//! A client that hangs up takes its handler with it, at any `await`. Whatever must follow a commit (forgetting who was
//! recognised) therefore runs on its own, and the handler only waits for it.

use keepstone_repository::StorageError;

/// Runs this to its end, whoever hangs up.
pub async fn to_the_end<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StorageError> + Send + 'static,
{
    // It has panicked, or the process is stopping.
    tokio::spawn(work).await.unwrap_or_else(|error| Err(StorageError::Unavailable(error.to_string()).into()))
}
