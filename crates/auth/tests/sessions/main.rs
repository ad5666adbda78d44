//! Tests of the public interface of sessions: login, refresh and end. The tests control the clock and the store.

mod ending;
#[cfg(feature = "testing")]
mod faults;
#[cfg(feature = "testing")]
mod faulty;
mod model;
mod races;
mod replay;
mod rotation;
mod support;

/// The memory store is tested against the same rules as any other store.
#[cfg(feature = "testing")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_store_satisfies_the_contract() {
    use keepstone_auth::testing::{Fixture, Subjects, session_store_contract};

    let subjects = || Subjects::Only(["ada".to_owned(), "bob".to_owned()]);
    let memory = keepstone_auth::session::MemorySessionStore::default;
    session_store_contract(async || Fixture { store: memory(), subjects: Subjects::Any }).await;
    session_store_contract(async || Fixture { store: std::sync::Arc::new(memory()), subjects: subjects() }).await;
}
