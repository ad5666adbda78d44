//! A monotonic clock of this process, for counters that end with the process. An administrator cannot set it.

use std::time::{Duration, Instant};

use governor::clock::Clock;

/// A clock that starts at zero when it is created.
#[derive(Debug, Clone, Copy)]
pub struct Uptime(Instant);

impl Default for Uptime {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Uptime {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
pub mod fake {
    //! A clock that tests advance.

    use std::sync::{Arc, Mutex};

    use super::{Clock, Duration};

    #[derive(Debug, Clone, Default)]
    pub struct Moved(Arc<Mutex<Duration>>);

    impl Moved {
        pub fn by(&self, time: Duration) {
            *self.0.lock().unwrap() += time;
        }
    }

    impl Clock for Moved {
        type Instant = Duration;

        fn now(&self) -> Duration {
            *self.0.lock().unwrap()
        }
    }
}
