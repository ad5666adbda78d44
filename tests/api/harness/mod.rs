//! The test harness: a real server with a database of its own for each test, clients, and the command line. Tests share
//! nothing, run in any order and do not sleep: wait with [`eventually`].

mod at_once;
mod client;
mod command;
mod document;
mod exchange;
mod home;
mod mailbox;
mod page;
mod raw;
mod reply;
mod server;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use at_once::post_at_once;
pub use client::{Client, PASSWORD, Request};
pub use command::Run;
pub use document::{Document, Operation, seen_folder};
pub use exchange::{raw_request, send_raw};
pub use home::Home;
pub use mailbox::{Letter, no_smtp, posting_to};
pub use page::Page;
pub use raw::{Heard, Raw};
pub use reply::Reply;
pub use server::Server;

/// Long enough for a busy machine, short enough for a developer who waits for a failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Calls `ask` repeatedly until it returns `Some`.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Returns the folder in which `tests/run` installs the npm packages for tests of pages and of the token endpoint.
pub fn web_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/web")
}

/// Runs all of these concurrently and returns their results in order.
pub async fn together<F: Future<Output: Send + 'static> + Send + 'static>(
    futures: impl IntoIterator<Item = F>,
) -> Vec<F::Output> {
    let tasks: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
