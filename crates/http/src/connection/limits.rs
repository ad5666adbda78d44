//! The limits on the number of connections. The process needs file descriptors for other purposes too, mainly for the
//! database.

/// The descriptors reserved for other purposes than connections, if the process has enough.
const RESERVE: usize = 512;

/// The default limit for one address.
const PER_ADDRESS: usize = 200;

/// The maximum number of simultaneous connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// The total.
    pub total: usize,
    /// The maximum for one address, or one /64 of IPv6; `None` if only the total is limited.
    pub per_address: Option<usize>,
    /// Whether `per_address` does not apply to loopback addresses: a local proxy forwards for many clients.
    pub(super) spares_loopback: bool,
    /// The number of additional connections that may be open while they are rejected.
    spare: usize,
}

impl ConnectionLimits {
    /// Creates the configured limits, reduced to the available descriptors. `per_address` may be 0 for no limit; unset,
    /// it is 200 for all but loopback addresses.
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

    /// Returns the maximum for one of `workers` workers. Connections beyond it wait to be accepted.
    #[must_use]
    pub(super) fn per_worker(&self, workers: usize) -> usize {
        (self.total + self.spare).div_ceil(workers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_left_for_other_purposes() {
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
