//! The minimum duration of a verification, which hides whether a user's hash uses the fast or the slow scheme.
//! It follows the measured cost of recent hashes, so a load peak has no lasting effect.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use secrecy::SecretString;

use super::hasher::{Hasher, decoy};
use super::scheme::Scheme;

/// The number of recent runs per scheme. Large enough that the next run is rarely slower than all of them, and small
/// enough to follow the load.
const WINDOW: usize = 16;

/// The latest run times of the two schemes in use: the configured scheme, and the scheme for long passwords.
///
/// The floor is the slowest of these runs. A mean would not work: about half of the slower scheme's runs would take
/// longer.
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
    /// Runs each scheme once, on the first call only. Before that the floor is zero. Blocks.
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

    /// Records the run time of a verification. Schemes of imported hashes are ignored: one expensive hash would slow
    /// down all logins.
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
    fn a_slow_run_expires_after_a_window_of_its_own_scheme() {
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
    fn schemes_of_imported_hashes_are_ignored() {
        let (floor, hasher) = (Floor::default(), hasher());
        floor.record(&hasher, Some(Scheme::Bcrypt { cost: 15 }), MS(2000));
        floor.record(&hasher, None, MS(2000));
        assert_eq!(floor.get(), Duration::ZERO);
    }
}
