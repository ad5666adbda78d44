//! How many connections there may be. The process needs descriptors for other things too, the database above all.

/// What the process keeps of its descriptors for other things than connections, if it has enough.
const RESERVE: usize = 512;

/// What one address may have, if nothing else is configured.
const PER_ADDRESS: usize = 200;

/// How many connections there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all.
    pub total: usize,
    /// From one address, or from one /64 of IPv6; `None`: as many as in all.
    pub per_address: Option<usize>,
    /// Whether `per_address` is for others than this machine only: a proxy beside us speaks for many.
    pub(super) spares_loopback: bool,
    /// How many more there may be for the moment that it takes to turn them away.
    spare: usize,
}

impl ConnectionLimits {
    /// What is configured, as far as the process has descriptors for it. `per_address` may be 0 for no limit; unset, it
    /// is 200 for all but this machine.
    #[must_use]
    pub fn new(configured: usize, per_address: Option<usize>, descriptors: usize) -> Self {
        let reserve = RESERVE.min(descriptors / 2);
        Self {
            total: configured.min(descriptors - reserve).max(1),
            per_address: Some(per_address.unwrap_or(PER_ADDRESS)).filter(|most| *most > 0),
            spares_loopback: per_address.is_none(),
            spare: reserve / 4,
        }
    }

    /// How many connections one of so many workers may hold. Beyond that, they wait to be accepted.
    #[must_use]
    pub(super) fn per_worker(&self, workers: usize) -> usize {
        (self.total + self.spare).div_ceil(workers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_descriptors_left_for_everything_else() {
        for (configured, descriptors, total) in [
            (20_000, 1_000_000, 20_000),
            (20_000, 20_000, 19_488),
            (20_000, 1_024, 512),
            (100, 1_024, 100),
            (20_000, 256, 128),
            (20_000, 1, 1),
        ] {
            let limits = ConnectionLimits::new(configured, None, descriptors);
            assert_eq!(limits.total, total, "{configured} of {descriptors}");
            assert!(descriptors < 8 || limits.per_worker(2) * 2 < descriptors, "{limits:?}");
        }
    }
}
