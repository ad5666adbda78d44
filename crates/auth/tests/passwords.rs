//! Password hashing, and verification of hashes of other systems. The test vectors were created by those systems.

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
fn short_passwords_use_bcrypt_and_longer_ones_argon2id() {
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
fn passwords_with_nul_are_neither_hashed_nor_matched() {
    for scheme in [BCRYPT, Scheme::ARGON2ID] {
        let hasher = hasher(scheme);
        let hash = hasher.hash(&"hunter2hunter2".into()).unwrap();
        assert_eq!(verify(&hasher, "hunter2hunter2\0hunter2hunter2", hash.as_str()), Verdict::Mismatch);
        assert_eq!(verify(&hasher, "hunter2hunter2\0", hash.as_str()), Verdict::Mismatch);
        let refused = PasswordError::Unacceptable(PolicyViolation::ContainsNul);
        assert_eq!(hasher.hash(&"hunter2\0".into()).unwrap_err(), refused);
    }
    let raw = bcrypt::hash("hunter2hunter2\0hunter2hunter2", 4).unwrap();
    assert_eq!(
        verify(&hasher(BCRYPT), "hunter2hunter2", &raw),
        Verdict::Match,
        "bcrypt repeats the password and its NUL"
    );
}

#[test]
fn passwords_are_compared_exactly() {
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
fn more_than_128_characters_are_rejected() {
    let hasher = hasher(BCRYPT);
    let hash = hasher.hash(&"x".repeat(128).into()).unwrap();
    assert_eq!(verify(&hasher, &"x".repeat(129), hash.as_str()), Verdict::Mismatch);
    let refused = PasswordError::Unacceptable(PolicyViolation::TooLong { max: 128 });
    assert_eq!(hasher.hash(&"x".repeat(129).into()).unwrap_err(), refused);
    // Imported from a system without this limit: bcrypt would match the first 72 bytes.
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
        // Argon2 1.0, whose hashes have no version.
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

/// Created with Django 5.2.19, passlib 1.7.4 and Werkzeug 3.1.9, some with fewer rounds than their defaults.
#[cfg(feature = "legacy-hashes")]
const LEGACY: [&str; 19] = [
    "pbkdf2_sha256$1000$django-salt$oEpq9+/MeKmLP3Cl5ISAELRria6+hUizrHyTM3OmIzw=",
    "pbkdf2_sha256$1000000$pzYHd07D28kcMjUiLmCtuv$jx+YxJEoAOMfiuFX8JSIIkhDBaHIrvuS/8ji1VG2AkE=",
    "pbkdf2_sha1$1000$django-salt$UfQGau3VuZQSg90Up43x9akbu+U=",
    "argon2$argon2id$v=19$m=1024,t=2,p=2$NWc4QmNjRmh1NlVtdXM3TUJOaHh2TQ$kblLP8kOS6j3TJmCoFTKggBnjWNB8Wsr1YgbiTfovnM",
    // With the parameters of this crate, but in another format, so outdated.
    "argon2$argon2id$v=19$m=19456,t=2,p=1$b25yOTdyUmN2MkJkZkl0ckNubzl5cg$cXtOVKg1TQwufHFmuN5dtvkR2DhWwbyMz9KZMhkAWXA",
    "bcrypt$$2b$05$2YwdBt/yPMtZRsbhR04Rzey6DmRsJzNLDahH9/MLkArFMSd6HMv2i",
    "bcrypt_sha256$$2b$05$qbwbcvBJXN869TYJPf7oweDsIYSbIz8y60oq4zetpvix3PtZC4ikq",
    "scrypt$1024$django-salt$8$5$xiGvYpkQHRakwmaDRNvDdbmIzTGVzUZLsIj7tA7YITUDxoc6WMBUxQp4I3E1qoV3xG3wedafO2WR3mHiVMN8+A==",
    "$pbkdf2-sha256$1000$z9m7t/a.t3ZOiXHOOQfgnA$FnJRhwYchtxHeMw7xP8r9KCC0wKu88BBCKAVmUeY3HU",
    "$pbkdf2-sha512$1000$WSvlvDdmzFlL6V3Ludf6Xw$7eHJOXYIWObR/RMkxxC6fM8oSTNgvt8SqH6/8PdbE0bena/D7MFfnDKzO0PusmgRmU.bx35wrjTuvrPGTL.xXw",
    "$pbkdf2$1000$HCOE0FpLSYlRqjVGKGWMsQ$cQq30qIWooPLVDS9oq3nhQfiu2c",
    "$bcrypt-sha256$v=2,t=2b,r=5$0EnAEp5YvFyudnjJo.oGru$6VZ0zcc.UX/UM9Syj3Vb9AH3SItXsaC",
    "$bcrypt-sha256$2b,5$zi/QVCF2lS3w7h.Hx4IMLu$5KBxsLXAPYLe26P87SySL95PTEYC8PK",
    "scrypt:1024:8:1$p1Dov6EAxC59lQjW$48b689e547cdb7daf74d86442c4ecf702070c931d644b295e0c4a519984c599aa790bf5818284ab166f8c795a46c4eac5350abcbc9c292aa94324304ee2a7cbb",
    "scrypt:32768:8:1$S2SPr9pca46SU7ep$92810c5f61b388b77d78fa57227755530cf0415ecee26e399ce2c26f56a6d88f22bffb0d281dfaa262f31dda753af5807401a3c9039039502f7cff532308a43d",
    "pbkdf2:sha256:1000$dxd5JpsF7rXB9TLi$4080a2beffee6fd772379c655670f5065b90a1e3d8c97097334acee2a2ceb2d2",
    "pbkdf2:sha512:1000$SId2EQzo8Ckq57Id$fd81bf31ababc1f50b4dfa7ce96a0a1eb33c1eb0df74bb9faf7c634ae04643ccafd46bdc41def5b88d28408133205c12c26ad79fd18e7fa80564620694a99b08",
    "pbkdf2:sha1:1000$VJpJMP2MnHq33cog$36cf68473d8ef89fb3b5437a4dfcd99f11cc0617",
    "pbkdf2:sha256:1000000$HwO1LqdRkUjhbN5W$3e9d563803fb0ea71d16e226c3b49ca1b0db786869f03639f88aa13f16a70abf",
];

#[cfg(feature = "legacy-hashes")]
#[test]
fn hashes_of_django_passlib_and_werkzeug_verify_and_are_outdated() {
    for scheme in [BCRYPT, Scheme::ARGON2ID] {
        let hasher = hasher(scheme);
        for (done, hash) in LEGACY.into_iter().enumerate() {
            assert!(PasswordHash::parse(hash).is_ok(), "{hash}");
            assert_eq!(verify(&hasher, "correct horse é", hash), Verdict::MatchOutdated, "{hash}");
            assert_eq!(verify(&hasher, "correct horse e", hash), Verdict::Mismatch, "{hash}");
            assert_eq!(hasher.executed(), 2 * (u64::try_from(done).unwrap() + 1), "one hash each");
        }
    }
}

#[cfg(feature = "legacy-hashes")]
#[test]
fn bcrypt_hashes_of_a_digest_distinguish_passwords_beyond_72_bytes() {
    for hash in [
        "bcrypt_sha256$$2b$05$n5mAzLCi74fb1d91sdNbCe0kq58mDA.E07pJnLcGcAQcnyed2YrNO",
        "$bcrypt-sha256$v=2,t=2b,r=5$v27M5rVBgGVp9z0OPueEJO$RI5KqLhLfOURuXE6.DcxkGgGCIJsAlS",
    ] {
        assert_eq!(verify(&hasher(BCRYPT), &"x".repeat(100), hash), Verdict::MatchOutdated, "{hash}");
        assert_eq!(verify(&hasher(BCRYPT), &"x".repeat(99), hash), Verdict::Mismatch, "{hash}");
    }
}

#[cfg(feature = "legacy-hashes")]
#[test]
fn damaged_or_expensive_legacy_hashes_are_rejected_without_running_them() {
    let output = "oEpq9+/MeKmLP3Cl5ISAELRria6+hUizrHyTM3OmIzw=";
    let hex = "36cf68473d8ef89fb3b5437a4dfcd99f11cc0617";
    let refused = [
        (format!("pbkdf2_sha256$3000001$salt${output}"), Refusal::TooExpensive),
        (format!("pbkdf2_sha256$99999999999999999999999$salt${output}"), Refusal::TooExpensive),
        (format!("pbkdf2:sha512:4294967296$salt${hex}"), Refusal::TooExpensive),
        (format!("$pbkdf2-sha256$3000001$c2FsdA${}", output.replace('+', ".")), Refusal::TooExpensive),
        (format!("scrypt:4194304:8:1$salt${hex}"), Refusal::TooExpensive),
        (format!("scrypt:1024:8:4096$salt${hex}"), Refusal::TooExpensive),
        (format!("scrypt:2:4294967296:4294967296$salt${hex}"), Refusal::TooExpensive),
        (format!("scrypt$1048576$salt$8$1${output}"), Refusal::TooExpensive),
        (format!("bcrypt$$2b$31${}", ".".repeat(53)), Refusal::TooExpensive),
        (format!("$bcrypt-sha256$v=2,t=2b,r=31${}${}", ".".repeat(22), ".".repeat(31)), Refusal::TooExpensive),
        (
            "argon2$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc".to_owned(),
            Refusal::TooExpensive,
        ),
        (format!("pbkdf2_sha256$0$salt${output}"), Refusal::UnknownFormat),
        (format!("pbkdf2_sha256$-1$salt${output}"), Refusal::UnknownFormat),
        (format!("pbkdf2_sha256$+5$salt${output}"), Refusal::UnknownFormat),
        (format!("pbkdf2_md5$1000$salt${output}"), Refusal::UnknownFormat),
        ("pbkdf2_sha256$1000$salt$".to_owned(), Refusal::UnknownFormat),
        ("pbkdf2_sha256$1000$salt$AAAA".to_owned(), Refusal::UnknownFormat),
        ("pbkdf2:sha256:1000$salt$".to_owned(), Refusal::UnknownFormat),
        ("pbkdf2:sha256:1000$salt$zz".to_owned(), Refusal::UnknownFormat),
        (format!("pbkdf2:sha256:1000$salt${}", &hex[1..]), Refusal::UnknownFormat),
        (format!("scrypt:1000:8:1$salt${hex}"), Refusal::UnknownFormat),
        (format!("scrypt:0:8:1$salt${hex}"), Refusal::UnknownFormat),
        (format!("scrypt:1024:0:1$salt${hex}"), Refusal::UnknownFormat),
        ("scrypt:1024:8:1$salt$".to_owned(), Refusal::UnknownFormat),
        ("bcrypt_sha256$$2b$05$short".to_owned(), Refusal::UnknownFormat),
        (
            "$bcrypt-sha256$v=3,t=2b,r=5$0EnAEp5YvFyudnjJo.oGru$6VZ0zcc.UX/UM9Syj3Vb9AH3SItXsaC".to_owned(),
            Refusal::UnknownFormat,
        ),
    ];
    let hasher = hasher(BCRYPT);
    for (done, (hash, refusal)) in (1..).zip(&refused) {
        assert_eq!(PasswordHash::parse(hash).unwrap_err(), *refusal, "{hash}");
        assert_eq!(verify(&hasher, "password", hash), Verdict::Refused(*refusal), "{hash}");
        assert_eq!(hasher.executed(), done, "{hash}: the decoy's work and no other");
    }
}

#[test]
fn an_imported_hash_of_a_long_password_compares_the_first_72_bytes() {
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
fn unused_bits_of_a_bcrypt_hash_are_ignored_as_in_c() {
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
fn expensive_parameters_are_rejected_without_running_them() {
    let argon2 = |m: u64, t: u64, p: u64| {
        format!("$argon2id$v=19$m={m},t={t},p={p}$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
    };
    let bcrypt = |cost: u32| format!("$2b${cost}${}", ".".repeat(53));
    // Running these would take a day (cost 31) or never end (4 TiB, four billion passes), so the test would not finish.
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
fn unknown_formats_are_rejected_and_cost_one_hash() {
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
        "!nGPc1rKBTAsv6B2zFcR0yKF3L7VQyh2e4uCWht1h",
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
    fn no_stored_string_panics_or_matches(stored in ".{0,80}", tail in "[./A-Za-z0-9]{50,56}", cost in 0_u8..100) {
        let cost = if (6..=15).contains(&cost) { 5 } else { cost };
        let hasher = hasher(BCRYPT);
        for stored in [format!("$argon2id{stored}"), format!("$2b${cost:02}${tail}"), stored] {
            prop_assert!(!verify(&hasher, "password", &stored).is_match());
        }
    }

    #[test]
    fn a_password_matches_only_itself(password in "[^\0]{1,60}", other in "[^\0]{1,60}") {
        let hasher = hasher(BCRYPT);
        let hash = hasher.hash(&password.as_str().into()).unwrap();
        prop_assert_eq!(verify(&hasher, &password, hash.as_str()), Verdict::Match);
        prop_assert_eq!(verify(&hasher, &other, hash.as_str()).is_match(), password == other);
    }
}
