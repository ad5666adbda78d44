//! What a consumed token means. The rule: facts in, a verdict out; no clock, no storage.

use std::time::{Duration, SystemTime};

use super::policy::SessionPolicy;
use super::store::{Digest, Spent};

/// How long an exchange may take. One that nobody has settled by then was its process's last.
const SETTLING: Duration = Duration::from_mins(1);

/// What to do about a token that was consumed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// The same request again, or a forgiven one: answer with the successor that there is.
    Repeat,
    /// Two at once, of which this one came too late: refuse it, and end nothing.
    Overlap,
    /// Somebody has a copy: refuse it, and end the session.
    Reuse,
}

/// Judges a consumed token by when its request arrived, and with which key.
///
/// Clocks of several nodes differ. Where that matters, and where times are equal, it is the session that is spared:
/// a token is never given for it.
#[must_use]
pub fn judge(spent: &Spent, arrived_at: SystemTime, retry_key: Option<&Digest>, policy: &SessionPolicy) -> Replay {
    // A request can arrive before the other one has consumed the token: that is no time at all.
    let age = arrived_at.duration_since(spent.consumed_at).unwrap_or_default();
    let within = |window: Duration| !window.is_zero() && age <= window;
    let is_retry = retry_key.is_some() && retry_key == spent.retry_key.as_ref();
    if is_retry && within(policy.retry_window) || !spent.successor.is_consumed && within(policy.grace) {
        return Replay::Repeat;
    }
    let is_overlap = spent.settled_at.map_or(age <= SETTLING, |settled_at| arrived_at <= settled_at);
    if is_overlap { Replay::Overlap } else { Replay::Reuse }
}

#[cfg(test)]
mod tests {
    use super::super::store::Successor;
    use super::Replay::{Overlap, Repeat, Reuse};
    use super::*;
    use std::time::UNIX_EPOCH;

    const KEY: Digest = [1; 32];
    const OTHER: Digest = [2; 32];

    /// Milliseconds after some moment; the token is consumed at 1,000 and settled at 1,005.
    fn at(millis: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(1_800_000_000_000 + millis)
    }

    fn spent() -> Spent {
        let successor = Successor { digest: [9; 32], issued_at: at(1_000), is_consumed: false };
        let (consumed_at, settled_at) = (at(1_000), Some(at(1_005)));
        Spent { generation: 3, consumed_at, settled_at, retry_key: Some(KEY), successor }
    }

    fn used(spent: Spent) -> Spent {
        Spent { successor: Successor { is_consumed: true, ..spent.successor }, ..spent }
    }

    fn strict(spent: Spent, arrived: u64, key: Option<&Digest>) -> Replay {
        judge(&spent, at(arrived), key, &SessionPolicy::default())
    }

    fn forgiving(spent: Spent, arrived: u64) -> Replay {
        let policy = SessionPolicy { grace: Duration::from_secs(10), ..SessionPolicy::default() };
        judge(&spent, at(arrived), None, &policy)
    }

    #[test]
    fn whoever_arrived_before_the_commit_only_came_too_late() {
        for (arrived, expected) in [(0, Overlap), (1_000, Overlap), (1_005, Overlap), (1_006, Reuse), (90_000, Reuse)] {
            assert_eq!(strict(spent(), arrived, None), expected, "{arrived}");
            assert_eq!(strict(used(spent()), arrived, None), expected, "{arrived}, successor used");
        }
    }

    #[test]
    fn an_exchange_that_nobody_settled_is_under_way_for_a_minute() {
        let unsettled = Spent { settled_at: None, ..spent() };
        for (arrived, expected) in [(0, Overlap), (1_006, Overlap), (61_000, Overlap), (61_001, Reuse)] {
            assert_eq!(strict(unsettled, arrived, None), expected, "{arrived}");
        }
    }

    #[test]
    fn the_same_key_repeats_the_answer_for_a_minute() {
        for (arrived, expected) in [(0, Repeat), (1_003, Repeat), (1_006, Repeat), (61_000, Repeat), (61_001, Reuse)] {
            assert_eq!(strict(spent(), arrived, Some(&KEY)), expected, "{arrived}");
        }
        assert_eq!(strict(used(spent()), 2_000, Some(&KEY)), Repeat, "the same request has the same answer");
    }

    #[test]
    fn another_key_is_none() {
        for key in [None, Some(&OTHER)] {
            assert_eq!(strict(spent(), 1_005, key), Overlap);
            assert_eq!(strict(spent(), 1_006, key), Reuse);
        }
        let keyless = Spent { retry_key: None, ..spent() };
        assert_eq!(strict(keyless, 1_006, None), Reuse, "no key is not the same key");
        assert_eq!(strict(keyless, 1_006, Some(&KEY)), Reuse);
    }

    #[test]
    fn grace_is_for_the_immediate_predecessor_within_its_window() {
        for (arrived, expected) in [(0, Repeat), (1_003, Repeat), (10_000, Repeat), (11_000, Repeat), (11_001, Reuse)] {
            assert_eq!(forgiving(spent(), arrived), expected, "{arrived}");
        }
        assert_eq!(forgiving(used(spent()), 1_006), Reuse, "the one before that is not forgiven");
        assert_eq!(forgiving(used(spent()), 1_003), Overlap);
    }

    #[test]
    fn a_window_of_zero_is_never_open() {
        let never = SessionPolicy { retry_window: Duration::ZERO, ..SessionPolicy::default() };
        assert_eq!(judge(&spent(), at(1_000), Some(&KEY), &never), Overlap);
        assert_eq!(strict(spent(), 1_000, None), Overlap);
    }
}
