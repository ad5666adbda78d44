//! A bounded map for counters whose keys clients control. A full map evicts the values that would expire first.

use std::{
    array,
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The maximum number of keys of a table: some megabytes.
pub const CAPACITY: usize = 100_000;
/// The number of shards: a full shard is scanned quickly, and threads rarely wait for a lock.
const SHARDS: usize = 32;
/// How often expired values are removed.
const SWEEP_EVERY: Duration = Duration::from_mins(1);
/// One in this many values of a full shard is evicted at once, so that scans are rare.
const ONE_IN: usize = 8;

/// A value that can be treated as absent after some time.
pub trait Fading: Copy {
    /// Returns when the value expires, on the clock that created it.
    fn fades_at(&self) -> Duration;
}

/// The bounded map.
pub struct Table<K, V> {
    shards: [Mutex<HashMap<K, V>>; SHARDS],
    shard_capacity: usize,
    /// Randomly seeded, so that clients cannot choose keys of a single shard.
    hasher: RandomState,
    /// The time of the last sweep, in seconds.
    swept_at: AtomicU64,
}

impl<K: Copy + Eq + Hash, V: Fading> Table<K, V> {
    /// Creates an empty table with at most this number of keys.
    pub fn new(capacity: usize) -> Self {
        Self {
            shards: array::from_fn(|_| Mutex::default()),
            shard_capacity: (capacity / SHARDS).max(1),
            hasher: RandomState::new(),
            swept_at: AtomicU64::new(0),
        }
    }

    /// Replaces the value of a key with the result of `change`, atomically; `None` means no value.
    pub fn update<R>(&self, key: &K, change: impl FnOnce(Option<V>) -> (R, Option<V>)) -> R {
        let mut shard = self.shard(key);
        let old = shard.get(key).copied();
        let (result, new) = change(old);
        match new {
            Some(value) => {
                if old.is_none() && shard.len() >= self.shard_capacity {
                    make_room(&mut shard);
                }
                shard.insert(*key, value);
            }
            None if old.is_some() => drop(shard.remove(key)),
            None => {}
        }
        result
    }

    /// Removes expired values, at most once a minute.
    pub fn sweep(&self, now: Duration) {
        let (seconds, last) = (now.as_secs(), self.swept_at.load(Ordering::Relaxed));
        let is_due = seconds >= last + SWEEP_EVERY.as_secs();
        let is_mine = || self.swept_at.compare_exchange(last, seconds, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_due && is_mine() {
            for shard in &self.shards {
                let mut shard = lock(shard);
                shard.retain(|_, value| value.fades_at() > now);
                let useful = shard.len() * 2;
                shard.shrink_to(useful);
            }
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, HashMap<K, V>> {
        // The low bits suffice.
        let number = usize::from(self.hasher.hash_one(key).to_le_bytes()[0]) % SHARDS;
        lock(&self.shards[number])
    }
}

/// A panic cannot leave a shard inconsistent, so a poisoned lock is usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Evicts the values that expire first.
fn make_room<K: Eq + Hash, V: Fading>(shard: &mut HashMap<K, V>) {
    let mut ends: Vec<Duration> = shard.values().map(V::fades_at).collect();
    let last = ends.len() / ONE_IN;
    let (_, end, _) = ends.select_nth_unstable(last);
    let (end, mut room) = (*end, last + 1);
    shard.retain(|_, value| {
        let stays = room == 0 || value.fades_at() > end;
        room -= usize::from(!stays);
        stays
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Until(u64);

    impl Fading for Until {
        fn fades_at(&self) -> Duration {
            Duration::from_secs(self.0)
        }
    }

    fn put(table: &Table<u64, Until>, key: u64, until: u64) {
        table.update(&key, |_| ((), Some(Until(until))));
    }

    fn get(table: &Table<u64, Until>, key: u64) -> Option<Until> {
        table.update(&key, |old| (old, old))
    }

    #[test]
    fn a_table_never_exceeds_its_bound() {
        let table = Table::new(1_000);
        for key in 0..50_000 {
            put(&table, key, key);
        }
        assert!((500..=1_000).contains(&table.len()), "{}", table.len());
        assert_eq!(get(&table, 49_999), Some(Until(49_999)));
    }

    #[test]
    fn the_values_that_expire_last_are_not_evicted() {
        let table = Table::new(1_000);
        for key in 0..100 {
            put(&table, key, 1_000_000);
        }
        for key in 100..50_000 {
            put(&table, key, 10);
        }
        assert!((0..100).all(|key| get(&table, key).is_some()));
    }

    #[test]
    fn expired_values_are_removed_once_a_minute() {
        let table = Table::new(1_000);
        put(&table, 1, 30);
        put(&table, 2, 90);
        table.sweep(Duration::from_secs(59));
        assert_eq!(table.len(), 2);
        table.sweep(Duration::from_mins(1));
        assert_eq!((table.len(), get(&table, 2)), (1, Some(Until(90))));
        table.sweep(Duration::from_secs(119));
        assert_eq!(table.len(), 1);
        table.sweep(Duration::from_mins(2));
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn a_key_can_be_removed() {
        let table = Table::new(10);
        put(&table, 1, 1);
        assert_eq!(table.update(&1, |old| (old, None)), Some(Until(1)));
        assert_eq!(table.len(), 0);
    }
}
