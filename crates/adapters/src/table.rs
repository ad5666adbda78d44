//! A map with a bound, for counters that anybody can make by asking. What is in it is never worth more than the memory
//! it takes: full, it lets go of what would have been worthless first.

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

/// How many keys a table has at most: some megabytes.
pub const CAPACITY: usize = 100_000;
/// Few enough that a full one is looked through quickly, many enough that nobody waits for a lock.
const SHARDS: usize = 32;
/// How often what is worthless is looked for.
const SWEEP_EVERY: Duration = Duration::from_mins(1);
/// Of a full shard, one in so many goes, so that going through it is rare.
const ONE_IN: usize = 8;

/// A value that is as good as absent from some time on.
pub trait Fading: Copy {
    /// When, on the clock of the one who made it.
    fn fades_at(&self) -> Duration;
}

/// The map.
pub struct Table<K, V> {
    shards: [Mutex<HashMap<K, V>>; SHARDS],
    shard_capacity: usize,
    /// Secret, so that nobody can choose keys that meet in one shard.
    hasher: RandomState,
    /// In seconds.
    swept_at: AtomicU64,
}

impl<K: Copy + Eq + Hash, V: Fading> Table<K, V> {
    /// An empty table that never has more keys than this.
    pub fn new(capacity: usize) -> Self {
        Self {
            shards: array::from_fn(|_| Mutex::default()),
            shard_capacity: (capacity / SHARDS).max(1),
            hasher: RandomState::new(),
            swept_at: AtomicU64::new(0),
        }
    }

    /// Lets `change` see the value of a key and decide on the next, `None` for none; nobody else sees it meanwhile.
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

    /// Drops what has faded, if nobody has done so for a minute.
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
        // The low bits are enough, and fit.
        let number = usize::from(self.hasher.hash_one(key).to_le_bytes()[0]) % SHARDS;
        lock(&self.shards[number])
    }
}

/// A panic leaves nothing half done here, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Drops the values that fade first.
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
    fn a_table_never_has_more_than_its_bound() {
        let table = Table::new(1_000);
        for key in 0..50_000 {
            put(&table, key, key);
        }
        assert!((500..=1_000).contains(&table.len()), "{}", table.len());
        assert_eq!(get(&table, 49_999), Some(Until(49_999)));
    }

    #[test]
    fn what_lasts_stays_when_others_must_go() {
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
    fn what_has_faded_is_dropped_once_a_minute() {
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
    fn a_key_can_be_taken_out() {
        let table = Table::new(10);
        put(&table, 1, 1);
        assert_eq!(table.update(&1, |old| (old, None)), Some(Until(1)));
        assert_eq!(table.len(), 0);
    }
}
