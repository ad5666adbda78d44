//! Detects panics that would go unnoticed: in the threads of SQLite's connections and in detached tasks.

use std::{
    panic,
    sync::{Mutex, Once, PoisonError},
    thread,
};

static SEEN: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Records panics from its creation on.
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

    /// Asserts that neither this test's thread nor a thread that it may have started has panicked.
    pub fn assert_none(&self) {
        let here = thread::current().name().unwrap_or_default().to_owned();
        let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ours = |(name, _what): &&(String, String)| [&here, "sqlite", "tokio-rt-worker"].contains(&name.as_str());
        assert_eq!(seen.iter().skip(self.0).find(ours), None);
    }
}
