//! What hashing promises, with hashes of other systems. The rule: vectors come from those systems, not from this crate.

use keepstone_auth::error::{PasswordError, PolicyViolation, Refusal};
use keepstone_auth::password::{Hasher, PasswordHash, Scheme, Verdict};
use proptest::prelude::*;

const BCRYPT: Scheme = Scheme::Bcrypt { cost: 4 };

#[expect(clippy::unwrap_used, reason = "a test's constant")]
fn hasher(scheme: Scheme) -> Hasher {
    Hasher::new(scheme, 4).unwrap()
}

fn verify(hasher: &Hasher, password: &str, stored: &str) -> Verdict {
    hasher.verify(&password.into(), Some(&PasswordHash::from_storage(stored)))
}

#[test]
fn bcrypt_takes_what_it_can_hold_and_argon2id_the_rest() {
    let hasher = hasher(BCRYPT);
    for (bytes, prefix) in
        [(1, "$2b$04$"), (71, "$2b$04$"), (72, "$argon2id$v=19$m=19456,t=2,p=1$"), (128, "$argon2id$")]
    {
        let password = "x".repeat(bytes);
        let hash = hasher.hash(&password.as_str().into()).unwrap();
        assert!(hash.as_str().starts_with(prefix), "{bytes}");
        assert_eq!(verify(&hasher, &password, hash.as_str()), Verdict::Match, "{bytes}");
    }
    let crabs = "🦀".repeat(18);
    let hash = hasher.hash(&crabs.as_str().into()).unwrap();
    assert!(hash.as_str().starts_with("$argon2id$"), "18 characters are 72 bytes");
}

#[test]
fn no_password_is_truncated() {
    for scheme in [BCRYPT, Scheme::ARGON2ID] {
        let hasher = hasher(scheme);
        for length in [63, 64, 70, 71, 72, 73, 80, 100, 127] {
            let password = "a".repeat(length);
            let hash = hasher.hash(&password.as_str().into()).unwrap();
            assert_eq!(verify(&hasher, &format!("{password}1"), hash.as_str()), Verdict::Mismatch, "{length}");
            assert_eq!(verify(&hasher, &password[1..], hash.as_str()), Verdict::Mismatch, "{length}");
            assert_eq!(verify(&hasher, &password[..length.min(72) - 1], hash.as_str()), Verdict::Mismatch, "{length}");
        }
        let hash = hasher.hash(&format!("{}1", "a".repeat(80)).into()).unwrap();
        assert_eq!(verify(&hasher, &format!("{}2", "a".repeat(80)), hash.as_str()), Verdict::Mismatch);
        assert_eq!(verify(&hasher, &"a".repeat(72), hash.as_str()), Verdict::Mismatch);
    }
}

#[test]
fn nul_can_be_neither_set_nor_used_to_repeat_a_password() {
    for scheme in [BCRYPT, Scheme::ARGON2ID] {
        let hasher = hasher(scheme);
        let hash = hasher.hash(&"hunter2hunter2".into()).unwrap();
        assert_eq!(verify(&hasher, "hunter2hunter2\0hunter2hunter2", hash.as_str()), Verdict::Mismatch);
        assert_eq!(verify(&hasher, "hunter2hunter2\0", hash.as_str()), Verdict::Mismatch);
        let refused = PasswordError::Unacceptable(PolicyViolation::ContainsNul);
        assert_eq!(hasher.hash(&"hunter2\0".into()).unwrap_err(), refused);
    }
    let raw = bcrypt::hash("hunter2hunter2\0hunter2hunter2", 4).unwrap();
    assert_eq!(verify(&hasher(BCRYPT), "hunter2hunter2", &raw), Verdict::Match, "the collision is real");
}

#[test]
fn passwords_are_exact() {
    let hasher = hasher(BCRYPT);
    let hash = |password: &str| hasher.hash(&password.into()).unwrap();
    let spaced = hash(" pass word ");
    assert_eq!(verify(&hasher, " pass word ", spaced.as_str()), Verdict::Match);
    for other in ["pass word", " pass word", " PASS WORD ", "pass word "] {
        assert_eq!(verify(&hasher, other, spaced.as_str()), Verdict::Mismatch, "{other:?}");
    }
    let composed = hash("caf\u{e9} caf\u{e9}");
    assert_eq!(verify(&hasher, "cafe\u{301} cafe\u{301}", composed.as_str()), Verdict::Mismatch);
}

#[test]
fn more_than_128_characters_are_no_password() {
    let hasher = hasher(BCRYPT);
    let hash = hasher.hash(&"x".repeat(128).into()).unwrap();
    assert_eq!(verify(&hasher, &"x".repeat(129), hash.as_str()), Verdict::Mismatch);
    let refused = PasswordError::Unacceptable(PolicyViolation::TooLong { max: 128 });
    assert_eq!(hasher.hash(&"x".repeat(129).into()).unwrap_err(), refused);
    // Imported from a system without such a limit: bcrypt would match by the first 72 bytes.
    let imported = bcrypt::hash("x".repeat(200), 4).unwrap();
    assert_eq!(verify(&hasher, &"x".repeat(200), &imported), Verdict::Mismatch);
}

#[test]
fn hashes_of_other_systems_verify_and_are_outdated() {
    let vectors = [
        // Openwall crypt_blowfish, jBCrypt.
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U*", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
        ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
        // The reference implementation of argon2.
        ("password", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA"),
        ("password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
        // Argon2 1.0, which wrote no version.
        ("password", "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ"),
        // passlib's documentation.
        ("password", "$argon2i$v=19$m=512,t=2,p=2$aI2R0hpDyLm3ltLa+1/rvQ$LqPKjd6n8yniKtAithoR7A"),
    ];
    for scheme in [BCRYPT, Scheme::ARGON2ID] {
        let hasher = hasher(scheme);
        for (password, hash) in vectors {
            assert!(PasswordHash::parse(hash).is_ok(), "{hash}");
            assert_eq!(verify(&hasher, password, hash), Verdict::MatchOutdated, "{hash}");
            assert_eq!(verify(&hasher, "wrong password", hash), Verdict::Mismatch, "{hash}");
        }
    }
}

#[test]
fn an_imported_hash_of_a_long_password_knows_its_first_72_bytes() {
    // Openwall crypt_blowfish.
    let hash = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
    let password = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored";
    let hasher = hasher(BCRYPT);
    assert_eq!(verify(&hasher, password, hash), Verdict::MatchOutdated);
    assert_eq!(verify(&hasher, &password[..72], hash), Verdict::MatchOutdated);
    assert_eq!(verify(&hasher, &password[..71], hash), Verdict::Mismatch);

    let replaced = hasher.hash(&password.into()).unwrap();
    assert_eq!(verify(&hasher, password, replaced.as_str()), Verdict::Match);
    assert_eq!(verify(&hasher, &password[..72], replaced.as_str()), Verdict::Mismatch);
}

#[test]
fn rubbish_in_the_unused_bits_of_a_bcrypt_hash_is_ignored_as_c_does() {
    let hash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let dirty = hash.replacen("CC.E5", "CC/E5", 1);
    assert_ne!(hash, dirty);
    assert_eq!(verify(&hasher(BCRYPT), "U*U", &dirty), Verdict::MatchOutdated);
    let other_salt = hash.replacen("CC.E5", "CCOE5", 1);
    assert_eq!(verify(&hasher(BCRYPT), "U*U", &other_salt), Verdict::Mismatch);
}

#[test]
fn a_hash_is_current_only_with_the_configured_scheme_and_parameters() {
    let made_by = |scheme: Scheme| hasher(scheme).hash(&"password".into()).unwrap().as_str().to_owned();
    let heavier = Scheme::Argon2id { memory_kib: 19_456, iterations: 3, parallelism: 1 };
    let schemes = [BCRYPT, Scheme::Bcrypt { cost: 5 }, Scheme::ARGON2ID, heavier];
    let hashes = schemes.map(made_by);
    for configured in schemes {
        for (made_with, hash) in schemes.iter().zip(&hashes) {
            let expected = if configured == *made_with { Verdict::Match } else { Verdict::MatchOutdated };
            assert_eq!(verify(&hasher(configured), "password", hash), expected, "{configured:?} {made_with:?}");
            assert_eq!(verify(&hasher(configured), "passwore", hash), Verdict::Mismatch);
        }
    }
    let old_prefix = made_by(BCRYPT).replacen("$2b$", "$2y$", 1);
    assert_eq!(verify(&hasher(BCRYPT), "password", &old_prefix), Verdict::MatchOutdated);
}

#[test]
fn monstrous_parameters_are_refused_without_running_them() {
    let argon2 = |m: u64, t: u64, p: u64| {
        format!("$argon2id$v=19$m={m},t={t},p={p}$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
    };
    let bcrypt = |cost: u32| format!("$2b${cost}${}", ".".repeat(53));
    // Cost 31 runs for a day, 4 TiB and four billion passes for ever: that the test ends is the proof.
    let monsters = [
        bcrypt(16),
        bcrypt(31),
        bcrypt(99),
        argon2(262_145, 2, 1),
        argon2(4_294_967_295, 1, 1),
        argon2(64, 11, 1),
        argon2(64, 4_294_967_295, 1),
        argon2(65_536, 1, 17),
    ];
    let hasher = hasher(BCRYPT);
    for (done, monster) in (1..).zip(&monsters) {
        assert_eq!(verify(&hasher, "password", monster), Verdict::Refused(Refusal::TooExpensive), "{monster}");
        assert_eq!(PasswordHash::parse(monster).unwrap_err(), Refusal::TooExpensive, "{monster}");
        assert_eq!(hasher.executed(), done);
    }
}

#[test]
fn unknown_formats_are_refused_and_cost_one_hash() {
    let hasher = hasher(BCRYPT);
    let odd = [
        "",
        "!",
        "password",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$salt$hash",
        "$6$salt$hash",
        "$2b$12$tooshort",
        "pbkdf2_sha256$1$a$b",
        "$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=18$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
        "$argon2id$v=19$m=1,t=0,p=0$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ];
    for (done, stored) in (1..).zip(odd) {
        assert_eq!(verify(&hasher, "password", stored), Verdict::Refused(Refusal::UnknownFormat), "{stored}");
        assert_eq!(hasher.executed(), done, "{stored}");
    }
}

#[test]
fn an_unknown_user_costs_one_hash_of_the_configured_scheme_and_never_matches() {
    for scheme in [BCRYPT, Scheme::ARGON2ID] {
        let hasher = hasher(scheme);
        for (done, password) in (1..).zip(["", "decoy", "password"]) {
            assert_eq!(hasher.verify(&password.into(), None), Verdict::Mismatch);
            assert_eq!(hasher.executed(), done);
        }
    }
}

#[test]
fn two_hashes_of_one_password_differ() {
    for scheme in [BCRYPT, Scheme::ARGON2ID] {
        let hash = || hasher(scheme).hash(&"password".into()).unwrap();
        assert_ne!(hash().as_str(), hash().as_str());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_stored_string_panics_or_lets_anyone_in(stored in ".{0,80}", tail in "[./A-Za-z0-9]{50,56}", cost in 0_u8..100) {
        let cost = if (6..=15).contains(&cost) { 5 } else { cost };
        let hasher = hasher(BCRYPT);
        for stored in [format!("$argon2id{stored}"), format!("$2b${cost:02}${tail}"), stored] {
            prop_assert!(!verify(&hasher, "password", &stored).is_match());
        }
    }

    #[test]
    fn a_password_matches_itself_only(password in "[^\0]{1,60}", other in "[^\0]{1,60}") {
        let hasher = hasher(BCRYPT);
        let hash = hasher.hash(&password.as_str().into()).unwrap();
        prop_assert_eq!(verify(&hasher, &password, hash.as_str()), Verdict::Match);
        prop_assert_eq!(verify(&hasher, &other, hash.as_str()).is_match(), password == other);
    }
}
