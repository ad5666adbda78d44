//! Key rotation: a new key is published before it signs. A client with a cached set of keys never receives a token that
//! its keys cannot verify.

use std::time::{Duration, Instant, SystemTime};

use super::algorithm::Algorithm;
use super::folder::{KeyFolder, key_set};
use super::key::{KeyId, SigningKey, VerifyingKey};
use super::key_set::KeySet;
use crate::error::KeyFolderError;

/// The choice of the signing key among the keys of a folder, in a process that reads the folder repeatedly.
///
/// Every key verifies, and is published, as soon as it is read. A private key may sign once it has been known for the
/// activation delay. Choose a delay that is longer than clients cache a set of keys.
///
/// - Of the keys that may sign, the key with the newest file name signs.
/// - If no key may sign yet, the key that has been known for longest signs. Of several such keys, the key with the
///   oldest file name signs. A single key therefore signs at once.
///
/// At startup, a key counts as known since the modification time of its file; a time in the future counts as now. After
/// that, only the monotonic clock of the process is used. Neither a copied file nor a changed system clock can then
/// activate a key too early.
#[derive(Debug, Clone)]
pub struct KeyRotation {
    algorithm: Algorithm,
    delay: Duration,
    /// From the newest name to the oldest.
    keys: Vec<Known>,
}

#[derive(Debug, Clone)]
struct Known {
    verifying: VerifyingKey,
    /// The private key, if it uses the signing algorithm.
    signing: Option<SigningKey>,
    active_from: Instant,
}

impl KeyRotation {
    /// Creates the rotation at startup. Keys of other algorithms only verify.
    ///
    /// # Errors
    /// [`KeyFolderError::OtherAlgorithm`] if no private key uses this algorithm.
    pub fn start(folder: &KeyFolder, algorithm: Algorithm, delay: Duration) -> Result<Self, KeyFolderError> {
        Self::start_at(folder, algorithm, delay, (SystemTime::now(), Instant::now()))
    }

    /// Creates the rotation as [`Self::start`] does, at a given time of both clocks.
    ///
    /// # Errors
    /// The errors of [`Self::start`].
    pub fn start_at(
        folder: &KeyFolder,
        algorithm: Algorithm,
        delay: Duration,
        (system, now): (SystemTime, Instant),
    ) -> Result<Self, KeyFolderError> {
        let age = |modified: Option<SystemTime>| system.duration_since(modified?).ok();
        let remaining = |modified| delay.saturating_sub(age(modified).unwrap_or_default());
        // A public key that was added before its private key has been published since then.
        let known_longest = |id: &KeyId| {
            let same = folder.files.iter().filter(|file| file.verifying.id() == id);
            same.map(|file| remaining(file.modified)).min().unwrap_or(delay)
        };
        let mut rotation = Self { algorithm, delay, keys: Vec::new() };
        rotation.keys = rotation.take(folder, |id| after(now, known_longest(id)))?;
        Ok(rotation)
    }

    /// Adds new keys of the folder, and drops keys that were removed from it. On an error nothing changes.
    ///
    /// # Errors
    /// [`KeyFolderError::OtherAlgorithm`] if no private key uses the algorithm of the rotation.
    pub fn update(&mut self, folder: &KeyFolder, now: Instant) -> Result<(), KeyFolderError> {
        let known = |id: &KeyId| self.keys.iter().find(|key| key.verifying.id() == id).map(|key| key.active_from);
        self.keys = self.take(folder, |id| known(id).unwrap_or_else(|| after(now, self.delay)))?;
        Ok(())
    }

    /// Returns all keys. The first key is the signing key at this time.
    #[must_use]
    pub fn key_set(&self, now: Instant) -> Option<KeySet> {
        let candidates = self.keys.iter().filter_map(|key| Some((key.signing.as_ref()?, key.active_from)));
        let active = candidates.clone().find(|(_, active_from)| *active_from <= now);
        // Of equal elements `min_by_key` returns the first, which is the oldest name here.
        let (signing, _) = active.or_else(|| candidates.rev().min_by_key(|(_, active_from)| *active_from))?;
        Some(key_set(signing.clone(), self.keys.iter().map(|key| &key.verifying)))
    }

    /// Returns when the signing key will change next, if the folder does not change. `None` if it will not change.
    #[must_use]
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        let signing = |at| Some(self.key_set(at)?.signing_key().verifying_key().id().clone());
        let current = signing(now)?;
        let mut times: Vec<Instant> = self.keys.iter().map(|key| key.active_from).filter(|at| *at > now).collect();
        times.sort_unstable();
        times.into_iter().find(|at| signing(*at).is_some_and(|id| id != current))
    }

    fn take(&self, folder: &KeyFolder, active_from: impl Fn(&KeyId) -> Instant) -> Result<Vec<Known>, KeyFolderError> {
        let mine = |key: &SigningKey| key.verifying_key().algorithm() == self.algorithm;
        let known = folder.files.iter().map(|file| Known {
            verifying: file.verifying.clone(),
            signing: file.signing.clone().filter(mine),
            active_from: active_from(file.verifying.id()),
        });
        let known: Vec<Known> = known.collect();
        if known.iter().any(|key| key.signing.is_some()) {
            return Ok(known);
        }
        let other = folder.files.iter().find_map(|file| Some((file, file.signing.as_ref()?)));
        Err(other.map_or_else(
            || KeyFolderError::NoSigningKey { path: folder.path.clone() },
            |(file, key)| KeyFolderError::OtherAlgorithm {
                path: file.path.clone(),
                found: key.verifying_key().algorithm(),
                needed: self.algorithm,
            },
        ))
    }
}

/// Adds a delay to a time. An overflow returns `now`; it cannot occur in practice, because delays are minutes.
fn after(now: Instant, delay: Duration) -> Instant {
    now.checked_add(delay).unwrap_or(now)
}
