//! Sees the panics that nobody else would: in the threads of SQLite's connections and in tasks that nobody waits for.

use std::{
    panic,
    sync::{Mutex, Once, PoisonError},
    thread,
};

static SEEN: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Watches from its making on.
pub struct Panics(usize);

impl Panics {
    pub fn watch() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let print = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                let name = thread::current().name().unwrap_or_default().to_owned();
                SEEN.lock().unwrap_or_else(PoisonError::into_inner).push((name, info.to_string()));
                print(info);
            }));
        });
        Self(SEEN.lock().unwrap_or_else(PoisonError::into_inner).len())
    }

    /// There was none in this test's thread, nor in any that it may have started.
    pub fn assert_none(&self) {
        let here = thread::current().name().unwrap_or_default().to_owned();
        let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ours = |(name, _what): &&(String, String)| [&here, "sqlite", "tokio-rt-worker"].contains(&name.as_str());
        assert_eq!(seen.iter().skip(self.0).find(ours), None);
    }
}
