//! The activation of new keys. The tests control both clocks and the modification times of the files.
#![expect(clippy::unwrap_used, reason = "a test that cannot write its files has failed")]

use std::fs::{self, File};
use std::time::{Duration, Instant, SystemTime};

use keepstone_auth::error::KeyFolderError;
use keepstone_auth::token::{Algorithm, KeyFolder, KeyRotation, KeySet, SigningKey, VerifyingKey};
use secrecy::ExposeSecret;
use tempfile::TempDir;

const DELAY: Duration = Duration::from_mins(6);
const DAY: Duration = Duration::from_hours(24);
const MINUTE: Duration = Duration::from_mins(1);

/// A folder whose files have modification times of the test's clock.
struct Folder {
    files: TempDir,
    system: SystemTime,
    start: Instant,
}

impl Folder {
    fn new() -> Self {
        Self { files: TempDir::new().unwrap(), system: SystemTime::now(), start: Instant::now() }
    }

    fn write(&self, name: &str, text: &str, modified: SystemTime) {
        let path = self.files.path().join(name);
        fs::write(&path, text).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
    }

    /// Writes a new private key with this age, and returns its id.
    fn key(&self, name: &str, age: Duration) -> String {
        self.key_of(Algorithm::EdDsa, name, self.system - age)
    }

    fn key_of(&self, algorithm: Algorithm, name: &str, modified: SystemTime) -> String {
        let pem = SigningKey::generate_pem(algorithm).unwrap();
        self.write(name, pem.expose_secret(), modified);
        SigningKey::from_pem(pem.expose_secret()).unwrap().verifying_key().id().as_str().to_owned()
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.files.path().join(name)).unwrap();
    }

    fn read(&self) -> KeyFolder {
        KeyFolder::read(self.files.path()).unwrap()
    }

    fn start_with(&self, delay: Duration) -> KeyRotation {
        KeyRotation::start_at(&self.read(), Algorithm::EdDsa, delay, (self.system, self.start)).unwrap()
    }

    fn start(&self) -> KeyRotation {
        self.start_with(DELAY)
    }

    fn update(&self, rotation: &mut KeyRotation, after: Duration) {
        rotation.update(&self.read(), self.start + after).unwrap();
    }

    /// Returns the id of the key that signs this long after the start.
    fn signer(&self, rotation: &KeyRotation, after: Duration) -> String {
        rotation.key_set(self.start + after).unwrap().signing_key().verifying_key().id().as_str().to_owned()
    }

    fn next_change(&self, rotation: &KeyRotation, after: Duration) -> Option<Duration> {
        rotation.next_change(self.start + after).map(|at| at - self.start)
    }
}

fn just_before(time: Duration) -> Duration {
    time.saturating_sub(Duration::from_millis(1))
}

fn ids(keys: &KeySet) -> Vec<&str> {
    keys.verifying_keys().iter().map(|key| key.id().as_str()).collect()
}

#[test]
fn the_only_key_signs_at_once() {
    for modified in [SystemTime::now(), SystemTime::now() - DAY, SystemTime::now() + DAY] {
        let folder = Folder::new();
        let key = folder.key_of(Algorithm::EdDsa, "a.pem", modified);
        let rotation = folder.start();
        assert_eq!(folder.signer(&rotation, Duration::ZERO), key);
        assert_eq!(folder.next_change(&rotation, Duration::ZERO), None);
    }
}

#[test]
fn a_new_key_is_published_before_it_signs() {
    let folder = Folder::new();
    let old = folder.key("2026-01.pem", DAY);
    let mut rotation = folder.start();
    // A client fetches the keys just before the new key is added, and caches them for `max-age`.
    let fetched = rotation.key_set(folder.start + MINUTE).unwrap();
    let new = folder.key("2026-02.pem", Duration::ZERO);
    folder.update(&mut rotation, MINUTE);
    assert_eq!(ids(&rotation.key_set(folder.start + MINUTE).unwrap()), [old.as_str(), &new]);
    for second in 0..=300 {
        let signer = folder.signer(&rotation, MINUTE + Duration::from_secs(second));
        assert!(ids(&fetched).contains(&signer.as_str()), "after {second} s");
    }
    assert_eq!(folder.signer(&rotation, just_before(MINUTE + DELAY)), old);
    assert_eq!(folder.next_change(&rotation, MINUTE), Some(MINUTE + DELAY));
    assert_eq!(folder.signer(&rotation, MINUTE + DELAY), new);
    assert_eq!(folder.next_change(&rotation, MINUTE + DELAY), None);
    assert_eq!(ids(&rotation.key_set(folder.start + DAY).unwrap()), [new.as_str(), &old]);
}

#[test]
fn a_restart_does_not_restart_the_delay() {
    let folder = Folder::new();
    let old = folder.key("2026-01.pem", DAY);
    let new = folder.key("2026-02.pem", MINUTE * 2);
    let rotation = folder.start();
    assert_eq!(folder.signer(&rotation, just_before(MINUTE * 4)), old);
    assert_eq!(folder.next_change(&rotation, Duration::ZERO), Some(MINUTE * 4));
    assert_eq!(folder.signer(&rotation, MINUTE * 4), new);
    for (age, signer) in [(DELAY, &new), (just_before(DELAY), &old)] {
        let text = fs::read_to_string(folder.files.path().join("2026-02.pem")).unwrap();
        folder.write("2026-02.pem", &text, folder.system - age);
        assert_eq!(&folder.signer(&folder.start(), Duration::ZERO), signer, "{age:?}");
    }
}

#[test]
fn a_time_in_the_future_counts_as_now() {
    let folder = Folder::new();
    let old = folder.key("2026-01.pem", DAY);
    let new = folder.key_of(Algorithm::EdDsa, "2026-02.pem", folder.system + DAY);
    let rotation = folder.start();
    assert_eq!(folder.signer(&rotation, just_before(DELAY)), old);
    assert_eq!(folder.signer(&rotation, DELAY), new);
}

#[test]
fn a_file_copied_with_its_old_time_waits_for_the_full_delay() {
    let folder = Folder::new();
    let old = folder.key("2026-01.pem", DAY);
    let mut rotation = folder.start();
    let new = folder.key("2026-02.pem", DAY);
    folder.update(&mut rotation, MINUTE);
    assert_eq!(folder.signer(&rotation, DELAY), old);
    assert_eq!(folder.signer(&rotation, DELAY + MINUTE), new);
}

#[test]
fn several_new_keys_sign_one_after_the_other_and_the_newest_last() {
    let folder = Folder::new();
    let old = folder.key("2026-01.pem", DAY);
    let mut rotation = folder.start();
    let [second, third] = ["2026-02.pem", "2026-03.pem"].map(|name| folder.key(name, Duration::ZERO));
    folder.update(&mut rotation, Duration::ZERO);
    let fourth = folder.key("2026-04.pem", Duration::ZERO);
    folder.update(&mut rotation, MINUTE);
    folder.update(&mut rotation, MINUTE * 2);
    assert_eq!(folder.signer(&rotation, just_before(DELAY)), old);
    assert_eq!(folder.next_change(&rotation, Duration::ZERO), Some(DELAY));
    assert_eq!(folder.signer(&rotation, DELAY), third);
    assert_eq!(folder.next_change(&rotation, DELAY), Some(DELAY + MINUTE));
    assert_eq!(folder.signer(&rotation, DELAY + MINUTE), fourth);
    assert!(ids(&rotation.key_set(folder.start).unwrap()).contains(&second.as_str()));
}

#[test]
fn a_removed_key_neither_signs_nor_verifies() {
    let folder = Folder::new();
    let old = folder.key("2026-01.pem", DAY);
    let mut rotation = folder.start();
    let new = folder.key("2026-02.pem", Duration::ZERO);
    folder.update(&mut rotation, Duration::ZERO);
    let text = fs::read_to_string(folder.files.path().join("2026-02.pem")).unwrap();

    folder.remove("2026-02.pem");
    folder.update(&mut rotation, MINUTE);
    assert_eq!(ids(&rotation.key_set(folder.start + MINUTE).unwrap()), [old.as_str()]);
    assert_eq!(folder.next_change(&rotation, MINUTE), None);
    // It was not published in the meantime, so it waits for the full delay again.
    folder.write("2026-02.pem", &text, folder.system);
    folder.update(&mut rotation, MINUTE * 2);
    assert_eq!(folder.signer(&rotation, DELAY), old);
    assert_eq!(folder.signer(&rotation, DELAY + MINUTE * 2), new);

    // Without the signing key, the other key must sign.
    folder.remove("2026-01.pem");
    folder.update(&mut rotation, MINUTE * 3);
    assert_eq!(folder.signer(&rotation, MINUTE * 3), new);
    assert_eq!(ids(&rotation.key_set(folder.start + MINUTE * 3).unwrap()), [new.as_str()]);
}

#[test]
fn the_signing_key_continues_until_the_next_key_is_active() {
    for (first, second) in [("a.pem", "z.pem"), ("z.pem", "a.pem")] {
        let folder = Folder::new();
        let alone = folder.key(first, Duration::ZERO);
        let mut rotation = folder.start();
        folder.key(second, Duration::ZERO);
        folder.update(&mut rotation, MINUTE);
        assert_eq!(folder.signer(&rotation, MINUTE), alone, "{first} and then {second}");
        assert_eq!(folder.signer(&rotation, DELAY), alone, "{first} and then {second}");
    }
}

#[test]
fn of_keys_with_the_same_age_at_startup_the_oldest_name_signs_first() {
    let folder = Folder::new();
    let keys = ["2026-01.pem", "2026-02.pem", "2026-03.pem"].map(|name| folder.key(name, Duration::ZERO));
    let rotation = folder.start();
    assert_eq!(folder.signer(&rotation, Duration::ZERO), keys[0]);
    assert_eq!(folder.signer(&rotation, DELAY), keys[2]);
}

#[test]
fn without_a_delay_the_newest_key_signs_at_once() {
    let folder = Folder::new();
    folder.key("2026-01.pem", DAY);
    let mut rotation = folder.start_with(Duration::ZERO);
    let new = folder.key_of(Algorithm::EdDsa, "2026-02.pem", folder.system + DAY);
    folder.update(&mut rotation, MINUTE);
    assert_eq!(folder.signer(&rotation, MINUTE), new);
    assert_eq!(folder.signer(&folder.start_with(Duration::ZERO), Duration::ZERO), new);
}

#[test]
fn the_delay_counts_from_an_earlier_public_key() {
    let folder = Folder::new();
    folder.key("2026-01.pem", DAY);
    let mut rotation = folder.start();
    let pem = SigningKey::generate_pem(Algorithm::EdDsa).unwrap();
    let public: VerifyingKey = SigningKey::from_pem(pem.expose_secret()).unwrap().verifying_key().clone();
    folder.write("2026-02.pub.pem", &public.to_pem().unwrap(), folder.system);
    folder.update(&mut rotation, Duration::ZERO);
    folder.write("2026-02.pem", pem.expose_secret(), folder.system);
    folder.update(&mut rotation, MINUTE * 5);
    assert_ne!(folder.signer(&rotation, just_before(DELAY)), public.id().as_str());
    assert_eq!(folder.signer(&rotation, DELAY), public.id().as_str());

    folder.write("2026-02.pub.pem", &public.to_pem().unwrap(), folder.system - DAY);
    assert_eq!(folder.signer(&folder.start(), Duration::ZERO), public.id().as_str(), "at startup as well");
}

#[test]
fn keys_of_other_algorithms_verify_only() {
    let folder = Folder::new();
    let old = folder.key("2026-01.pem", DAY);
    let other = folder.key_of(Algorithm::Es256, "2026-02.pem", folder.system - DAY);
    let rotation = folder.start();
    assert_eq!(ids(&rotation.key_set(folder.start).unwrap()), [old.as_str(), &other]);
    assert_eq!(folder.next_change(&rotation, Duration::ZERO), None);
    let moment = (folder.system, folder.start);
    let switched = KeyRotation::start_at(&folder.read(), Algorithm::Es256, DELAY, moment).unwrap();
    assert_eq!(ids(&switched.key_set(folder.start).unwrap()), [other.as_str(), &old]);

    let error = KeyRotation::start_at(&folder.read(), Algorithm::Rs256, DELAY, moment).map(drop).unwrap_err();
    assert!(matches!(&error, KeyFolderError::OtherAlgorithm { path, .. } if path.ends_with("2026-02.pem")), "{error}");
    assert!(error.to_string().contains("ES256") && error.to_string().contains("RS256"), "{error}");
    let mut changed = rotation.clone();
    folder.remove("2026-01.pem");
    assert!(changed.update(&folder.read(), folder.start).is_err());
    assert_eq!(folder.signer(&changed, Duration::ZERO), old, "an update that fails changes nothing");
}
