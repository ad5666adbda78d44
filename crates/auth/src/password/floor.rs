//! The least time a verification takes, so that users of a fast and of a slow scheme cannot be told apart.
//! The rule: it follows what hashing really costs here and now, and forgets a busy moment soon.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use secrecy::SecretString;

use super::hasher::{Hasher, decoy};
use super::scheme::Scheme;

/// Long enough that the slowest of the window is rarely beaten by the next; short enough to follow the load.
const WINDOW: usize = 16;

/// Remembers the latest run times of the two schemes in use: the configured one, and the one for long passwords. The
/// floor is the slowest run of either: a maximum, because a mean would leave half of the slower scheme's runs above it.
#[derive(Debug, Default)]
pub(super) struct Floor {
    configured: Mutex<Window>,
    long: Mutex<Window>,
    measured: OnceLock<()>,
}

#[derive(Debug, Default)]
struct Window {
    runs: [Duration; WINDOW],
    next: usize,
}

impl Floor {
    /// Runs each scheme once, the first time it is called; until then there is no floor. Blocks.
    pub(super) fn measure(&self, hasher: &Hasher) {
        self.measured.get_or_init(|| {
            let password = SecretString::from("decoy");
            for scheme in [hasher.scheme(), Scheme::ARGON2ID] {
                let stored = decoy(scheme);
                let started = Instant::now();
                let (_, ran) = hasher.judge(&password, Some(&stored));
                self.record(hasher, ran, started.elapsed());
            }
        });
    }

    /// Notes how long a verification ran. Other people's schemes do not count: one costly import would slow everyone.
    pub(super) fn record(&self, hasher: &Hasher, ran: Option<Scheme>, elapsed: Duration) {
        let window = match ran {
            Some(scheme) if scheme == hasher.scheme() => &self.configured,
            Some(Scheme::ARGON2ID) => &self.long,
            _ => return,
        };
        window.lock().unwrap_or_else(PoisonError::into_inner).push(elapsed);
    }

    pub(super) fn get(&self) -> Duration {
        let slowest = |window: &Mutex<Window>| window.lock().unwrap_or_else(PoisonError::into_inner).slowest();
        slowest(&self.configured).max(slowest(&self.long))
    }
}

impl Window {
    fn push(&mut self, run: Duration) {
        if let Some(slot) = self.runs.get_mut(self.next) {
            *slot = run;
        }
        self.next = (self.next + 1) % WINDOW;
    }

    fn slowest(&self) -> Duration {
        self.runs.iter().copied().max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn hasher() -> Hasher {
        Hasher::new(Scheme::Bcrypt { cost: 4 }, 4).unwrap()
    }

    #[test]
    fn the_floor_is_the_slowest_recent_run_of_either_scheme() {
        let (floor, hasher) = (Floor::default(), hasher());
        assert_eq!(floor.get(), Duration::ZERO);
        floor.record(&hasher, Some(hasher.scheme()), MS(240));
        floor.record(&hasher, Some(Scheme::ARGON2ID), MS(25));
        assert_eq!(floor.get(), MS(240));
        floor.record(&hasher, Some(Scheme::ARGON2ID), MS(300));
        assert_eq!(floor.get(), MS(300));
    }

    #[test]
    fn a_busy_moment_is_forgotten_after_a_window_of_its_own_scheme() {
        let (floor, hasher) = (Floor::default(), hasher());
        floor.record(&hasher, Some(hasher.scheme()), MS(900));
        for _ in 0..1000 {
            floor.record(&hasher, Some(Scheme::ARGON2ID), MS(25));
        }
        assert_eq!(floor.get(), MS(900));
        for _ in 0..WINDOW {
            floor.record(&hasher, Some(hasher.scheme()), MS(240));
        }
        assert_eq!(floor.get(), MS(240));
    }

    #[test]
    fn other_peoples_schemes_do_not_count() {
        let (floor, hasher) = (Floor::default(), hasher());
        floor.record(&hasher, Some(Scheme::Bcrypt { cost: 15 }), MS(2000));
        floor.record(&hasher, None, MS(2000));
        assert_eq!(floor.get(), Duration::ZERO);
    }
}
