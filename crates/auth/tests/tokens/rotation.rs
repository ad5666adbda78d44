//! Keys in files, and replacing them while tokens are being verified.
#![expect(clippy::unwrap_used, reason = "a test that cannot write its files has failed")]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keepstone_auth::error::{KeyError, KeyFolderError, TokenError, TokenFault};
use keepstone_auth::token::{Algorithm, KeyFolder, KeySet, Keyring, SigningKey};
use secrecy::ExposeSecret;
use tempfile::TempDir;

use crate::asymmetric::{issuer_with, key};
use crate::support::*;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn ids(keys: &KeySet) -> Vec<&str> {
    keys.verifying_keys().iter().map(|key| key.id().as_str()).collect()
}

fn id(pem: &str) -> String {
    SigningKey::from_pem(pem).unwrap().verifying_key().id().as_str().to_owned()
}

fn new_key() -> SigningKey {
    SigningKey::from_pem(SigningKey::generate_pem(Algorithm::EdDsa).unwrap().expose_secret()).unwrap()
}

#[test]
fn the_newest_private_key_of_a_folder_signs_and_all_verify() {
    let (ed, p256, rsa) = (key!("ed25519.pem"), key!("p256.pem"), key!("rsa.pem"));
    let folder = folder(&[
        ("2026-11-21.pem", ed),
        ("2026-08-01.pem", p256),
        ("2026-12-01.pem", key!("rsa.pub.pem")),
        ("2026-11-21.pub.pem", key!("ed25519.pub.pem")),
        (".2027-01-01.pem", "hidden"),
        ("README", "no key"),
        ("2027.pem.bak", "no key"),
    ]);
    let keys = KeyFolder::read(folder.path()).unwrap().key_set().unwrap();
    assert_eq!(ids(&keys), [id(ed), id(rsa), id(p256)]);
    assert_eq!(keys.signing_key().verifying_key().id().as_str(), id(ed));
    let token = issuer_with(keys).access(&grant(), at(NOW)).unwrap().token;
    assert_eq!(part(&token, 0)["alg"], "EdDSA");
}

#[cfg(unix)]
#[test]
fn world_readable_private_keys_are_reported() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder(&[("a.pem", key!("p256.pem")), ("b.pem", key!("ed25519.pem")), ("c.pem", key!("rsa.pub.pem"))]);
    for (name, mode) in [("a.pem", 0o644), ("b.pem", 0o640), ("c.pem", 0o644)] {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    assert_eq!(KeyFolder::read(folder.path()).unwrap().exposed, [folder.path().join("a.pem")]);
}

#[test]
fn errors_of_a_folder_name_the_file_and_never_its_content() {
    let error = |folder: &TempDir| KeyFolder::read(folder.path()).map(drop).unwrap_err();
    assert!(matches!(error(&folder(&[])), KeyFolderError::Empty { .. }));
    assert!(matches!(error(&folder(&[("a.pem", key!("rsa.pub.pem"))])), KeyFolderError::NoSigningKey { .. }));
    let many: Vec<_> = (0..65).map(|n| format!("{n}.pem")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), key!("ed25519.pem"))).collect();
    assert!(matches!(error(&folder(&many)), KeyFolderError::TooMany { max: 64, .. }));
    assert_eq!(
        KeyFolder::read(folder(&many[..64]).path()).unwrap().key_set().unwrap().verifying_keys().iter().count(),
        1
    );

    for (text, reason) in [
        ("hunter2-hunter2", KeyError::NotPem),
        (&" ".repeat(70_000), KeyError::NotPem),
        (key!("refused/encrypted.pem"), KeyError::Encrypted),
        (key!("refused/rsa1024.pem"), KeyError::Unsupported),
        (key!("refused/two.pem"), KeyError::SeveralKeys),
    ] {
        let folder = folder(&[("good.pem", key!("ed25519.pem")), ("bad.pem", text)]);
        let said = error(&folder);
        assert!(
            matches!(&said, KeyFolderError::Key { path, reason: why } if path.ends_with("bad.pem") && *why == reason)
        );
        let (said, debug) = (said.to_string(), format!("{said:?}"));
        assert!(said.contains("bad.pem") && said.contains(&reason.to_string()), "{said}");
        for line in text.lines().filter(|line| line.len() > 8) {
            assert!(!said.contains(line) && !debug.contains(line), "{said}");
        }
    }
    let all_bad = folder(&[("a.pem", "no key"), ("b.pem", key!("ed25519.pem")), ("c.pem", key!("refused/two.pem"))]);
    let faults: Vec<_> = KeyFolder::faults(all_bad.path()).iter().map(ToString::to_string).collect();
    assert!(matches!(faults.as_slice(), [c, a] if c.contains("c.pem") && a.contains("a.pem")), "{faults:?}");
    assert!(KeyFolder::faults(folder(&[("a.pem", key!("ed25519.pem"))]).path()).is_empty());
    let folder = folder(&[("good.pem", key!("ed25519.pem"))]);
    fs::create_dir(folder.path().join("folder.pem")).unwrap();
    assert!(matches!(error(&folder), KeyFolderError::Unreadable { path, .. } if path.ends_with("folder.pem")));
    fs::remove_dir(folder.path().join("folder.pem")).unwrap();
    fs::write(folder.path().join("binary.pem"), [0xff, 0xfe]).unwrap();
    assert!(error(&folder).to_string().contains("binary.pem"));
    let nowhere = folder.path().join("nowhere");
    assert!(matches!(KeyFolder::read(&nowhere), Err(KeyFolderError::Unreadable { path, .. }) if path == nowhere));
}

#[test]
fn keys_rotate_under_load_without_rejecting_a_token() {
    let mut signing = new_key();
    let ring = Arc::new(Keyring::new(issuer_with(KeySet::new(signing.clone()))));
    let done = Arc::new(AtomicBool::new(false));
    let rounds: Arc<[AtomicU64; 4]> = Arc::default();
    let workers: Vec<_> = (0..rounds.len())
        .map(|worker| {
            let (ring, done, rounds) = (Arc::clone(&ring), Arc::clone(&done), Arc::clone(&rounds));
            std::thread::spawn(move || {
                let mut refused = 0_u64;
                while !done.load(Ordering::Relaxed) {
                    let token = ring.current().access(&grant(), at(NOW)).unwrap().token;
                    // A later request, with the current keys.
                    refused += u64::from(ring.current().verifier().verify_access_at(&token, at(NOW)).is_err());
                    rounds[worker].fetch_add(1, Ordering::SeqCst);
                }
                refused
            })
        })
        .collect();
    for _ in 0..50 {
        let next = new_key();
        let keys = KeySet::new(next.clone()).with(signing.verifying_key().clone()).unwrap();
        ring.replace(issuer_with(keys));
        signing = next;
        // Waits until every token of the previous key has been verified, as if they had expired.
        for round in rounds.iter() {
            let until = round.load(Ordering::SeqCst) + 1;
            while round.load(Ordering::SeqCst) < until {
                std::thread::yield_now();
            }
        }
    }
    done.store(true, Ordering::Relaxed);
    assert_eq!(workers.into_iter().map(|worker| worker.join().unwrap()).sum::<u64>(), 0);
}

#[test]
fn tokens_of_a_removed_key_are_rejected_at_once() {
    let (old, new) = (new_key(), new_key());
    let ring = Keyring::new(issuer_with(KeySet::new(old.clone())));
    let token = ring.current().access(&grant(), at(NOW)).unwrap().token;
    let request = ring.current();
    ring.replace(issuer_with(KeySet::new(new.clone()).with(old.verifying_key().clone()).unwrap()));
    assert!(ring.current().verifier().verify_access_at(&token, at(NOW)).is_ok());
    ring.replace(issuer_with(KeySet::new(new)));
    let refused = ring.current().verifier().verify_access_at(&token, at(NOW));
    assert_eq!(refused, Err(TokenError::Invalid(TokenFault::UnknownKey)));
    assert!(
        request.verifier().verify_access_at(&token, at(NOW)).is_ok(),
        "a request uses the same keys from start to end"
    );
}
