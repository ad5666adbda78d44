//! A new key is published before it signs. The rule: no client that has just fetched the keys is sent a token that they
//! do not verify.

use std::time::{Duration, Instant, SystemTime};

use super::algorithm::Algorithm;
use super::folder::{KeyFolder, key_set};
use super::key::{KeyId, SigningKey, VerifyingKey};
use super::key_set::KeySet;
use crate::error::KeyFolderError;

/// Decides which key of a folder signs, in a process that reads the folder more than once.
///
/// Every key verifies, and is published, from the moment it is read. A private key signs once it has been known for the
/// activation delay: longer than clients keep a set of keys. Of these the one with the newest name signs. If there is
/// none, the one that has been known for longest does, of several the one with the oldest name: a key that is alone
/// signs at once.
///
/// At a start, the modification time of a file tells since when its key is known; a time in the future counts as now.
/// Later only the process's own monotonic clock counts, so that neither a copied file nor a clock that is set makes a
/// key sign too early.
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
    /// A private key of the algorithm that tokens are signed with.
    signing: Option<SigningKey>,
    active_from: Instant,
}

impl KeyRotation {
    /// The keys at a start. Those of other algorithms verify only.
    ///
    /// # Errors
    /// [`KeyFolderError::OtherAlgorithm`] when no private key is for this algorithm.
    pub fn start(folder: &KeyFolder, algorithm: Algorithm, delay: Duration) -> Result<Self, KeyFolderError> {
        Self::start_at(folder, algorithm, delay, (SystemTime::now(), Instant::now()))
    }

    /// As [`Self::start`], at a time of both clocks of the caller.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_at(
        folder: &KeyFolder,
        algorithm: Algorithm,
        delay: Duration,
        (system, now): (SystemTime, Instant),
    ) -> Result<Self, KeyFolderError> {
        let age = |modified: Option<SystemTime>| system.duration_since(modified?).ok();
        let remaining = |modified| delay.saturating_sub(age(modified).unwrap_or_default());
        // A public key that was here before its private key has been published since then.
        let known_longest = |id: &KeyId| {
            let same = folder.files.iter().filter(|file| file.verifying.id() == id);
            same.map(|file| remaining(file.modified)).min().unwrap_or(delay)
        };
        let mut rotation = Self { algorithm, delay, keys: Vec::new() };
        rotation.keys = rotation.take(folder, |id| after(now, known_longest(id)))?;
        Ok(rotation)
    }

    /// Takes over what the folder has by now: new keys, and no more those that were removed. On an error nothing has
    /// changed.
    ///
    /// # Errors
    /// [`KeyFolderError::OtherAlgorithm`] when no private key is for the algorithm.
    pub fn update(&mut self, folder: &KeyFolder, now: Instant) -> Result<(), KeyFolderError> {
        let known = |id: &KeyId| self.keys.iter().find(|key| key.verifying.id() == id).map(|key| key.active_from);
        self.keys = self.take(folder, |id| known(id).unwrap_or_else(|| after(now, self.delay)))?;
        Ok(())
    }

    /// All keys, the one that signs now first.
    #[must_use]
    pub fn key_set(&self, now: Instant) -> Option<KeySet> {
        let candidates = self.keys.iter().filter_map(|key| Some((key.signing.as_ref()?, key.active_from)));
        let active = candidates.clone().find(|(_, active_from)| *active_from <= now);
        // Of equal ones the first, which here is the oldest.
        let (signing, _) = active.or_else(|| candidates.rev().min_by_key(|(_, active_from)| *active_from))?;
        Some(key_set(signing.clone(), self.keys.iter().map(|key| &key.verifying)))
    }

    /// When another key will sign than now, if nothing else changes.
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

/// A time that no clock reaches is as good as the present: the delay is a configuration of minutes.
fn after(now: Instant, delay: Duration) -> Instant {
    now.checked_add(delay).unwrap_or(now)
}
