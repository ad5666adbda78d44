//! Decides whether a consumed token returns its successor again: a pure function, without clock or storage.

use std::time::{Duration, SystemTime};

use super::policy::SessionPolicy;
use super::store::{Digest, Spent};

/// Whether a consumed token returns its successor again. Otherwise it counts as reused, and its session ends.
///
/// The clocks of several nodes differ: a token consumed in the future counts as consumed now.
#[must_use]
pub fn is_forgiven(spent: &Spent, now: SystemTime, retry_key: Option<&Digest>, policy: &SessionPolicy) -> bool {
    let age = now.duration_since(spent.consumed_at).unwrap_or_default();
    let within = |window: Duration| !window.is_zero() && age <= window;
    let is_retry = retry_key.is_some() && retry_key == spent.retry_key.as_ref();
    is_retry && within(policy.retry_window) || !spent.successor.is_consumed && within(policy.grace)
}

#[cfg(test)]
mod tests {
    use super::super::store::Successor;
    use super::*;
    use std::time::UNIX_EPOCH;

    const KEY: Digest = [1; 32];
    const OTHER: Digest = [2; 32];

    /// Returns a time this many milliseconds after a fixed moment. The token is consumed at 1,000.
    fn at(millis: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(1_800_000_000_000 + millis)
    }

    fn spent() -> Spent {
        let successor = Successor { digest: [9; 32], issued_at: at(1_000), is_consumed: false };
        Spent { generation: 3, consumed_at: at(1_000), retry_key: Some(KEY), successor }
    }

    fn used(spent: Spent) -> Spent {
        Spent { successor: Successor { is_consumed: true, ..spent.successor }, ..spent }
    }

    fn policy(grace: u64) -> SessionPolicy {
        SessionPolicy { grace: Duration::from_secs(grace), ..SessionPolicy::default() }
    }

    #[test]
    fn grace_applies_to_the_immediate_predecessor_within_its_window() {
        for (now, expected) in [(0, true), (1_000, true), (10_000, true), (11_000, true), (11_001, false)] {
            assert_eq!(is_forgiven(&spent(), at(now), None, &policy(10)), expected, "{now}");
            assert!(!is_forgiven(&used(spent()), at(now), None, &policy(10)), "{now}, successor used");
        }
    }

    #[test]
    fn without_grace_overlapping_requests_count_as_reuse() {
        for now in [0, 1_000, 1_001, 90_000] {
            assert!(!is_forgiven(&spent(), at(now), None, &policy(0)), "{now}");
        }
    }

    #[test]
    fn the_same_key_repeats_the_response_for_a_minute() {
        for (now, expected) in [(0, true), (1_003, true), (61_000, true), (61_001, false)] {
            assert_eq!(is_forgiven(&spent(), at(now), Some(&KEY), &policy(0)), expected, "{now}");
            assert_eq!(is_forgiven(&used(spent()), at(now), Some(&KEY), &policy(0)), expected, "{now}, successor used");
        }
    }

    #[test]
    fn another_key_or_none_is_not_a_retry() {
        for key in [None, Some(&OTHER)] {
            assert!(!is_forgiven(&spent(), at(1_001), key, &policy(0)));
        }
        let keyless = Spent { retry_key: None, ..spent() };
        for key in [None, Some(&KEY)] {
            assert!(!is_forgiven(&keyless, at(1_001), key, &policy(0)));
        }
    }

    #[test]
    fn a_window_of_zero_is_always_closed() {
        let never = SessionPolicy { retry_window: Duration::ZERO, ..policy(0) };
        assert!(!is_forgiven(&spent(), at(1_000), Some(&KEY), &never));
    }
}
