//! Unusable keys are detected before a server starts. `config check`, `doctor` and `serve` must report the same: which
//! file, what is wrong with it, and how to fix it.

use std::fs;

use keepstone_test_backends::Database;

use crate::harness::Home;

macro_rules! key {
    ($name:literal) => {
        include_str!(concat!("../../crates/auth/tests/tokens/keys/", $name))
    };
}

/// Returns a home whose folder `keys` has these files.
fn home(algorithm: &str, files: &[(&str, &str)]) -> Home {
    let home = Home::on(Database::Sqlite).migrated().env("JWT_ALGORITHM", algorithm).env("JWT_KEYS_DIR", "keys");
    fs::create_dir(home.path().join("keys")).unwrap();
    for (name, text) in files {
        fs::write(home.path().join("keys").join(name), text).unwrap();
    }
    home
}

/// Asserts that every command reports each of these problems, given as a part of a message and a part of its fix.
#[track_caller]
fn all_find(home: &Home, expected: &[(&str, &str)]) {
    let check = home.cli(["config", "check"]).exits(2);
    let json = home.cli(["config", "check", "--json"]).exits(2).json();
    let serve = home.cli(["serve", "--announce", "--port", "0"]).exits(2);
    let doctor = home.cli(["doctor", "--json"]).json();
    let of_doctor: Vec<_> =
        doctor["checks"].as_array().unwrap().iter().filter(|check| check["name"] == "keys").collect();
    assert_eq!(doctor["state"], "failed", "{doctor:#}");
    for (message, fix) in expected {
        for text in [&check.stderr, &serve.stderr] {
            assert!(text.contains("JWT_KEYS_DIR") && text.contains(message) && text.contains(fix), "{message}: {text}");
        }
        let problem = json["problems"].as_array().unwrap().iter().any(|problem| {
            let has = |text: &str| problem.to_string().contains(text);
            problem["key"] == "JWT_KEYS_DIR" && has(message) && has(fix)
        });
        assert!(problem && json["ok"] == false, "{message}: {json:#}");
        let finding = of_doctor.iter().any(|check| {
            let text = check.to_string();
            check["state"] == "failed" && text.contains(message) && text.contains(fix)
        });
        assert!(finding, "{message}: {doctor:#}");
    }
}

#[test]
fn an_unusable_key_is_reported_by_every_command() {
    for (algorithm, text, message, fix) in [
        (
            "ES256",
            key!("rsa.pem"),
            "the key is for RS256",
            "generate-keys --algorithm ES256, or set JWT_ALGORITHM=RS256",
        ),
        (
            "RS256",
            key!("p256.pem"),
            "the key is for ES256",
            "generate-keys --algorithm RS256, or set JWT_ALGORITHM=ES256",
        ),
        ("EdDSA", key!("p256.sec1.pem"), "the key is for ES256", "generate-keys --algorithm EdDSA"),
        ("RS256", key!("refused/encrypted.pem"), "the private key is encrypted", "openssl pkey -in keys/"),
        ("RS256", key!("refused/encrypted.pkcs1.pem"), "the private key is encrypted", "openssl pkey -in keys/"),
        ("EdDSA", "no key", "not a PEM file with a key", "generate-keys --algorithm EdDSA"),
        ("EdDSA", "", "not a PEM file with a key", "generate-keys --algorithm EdDSA"),
        (
            "ES256",
            key!("refused/p384.pem"),
            "neither an Ed25519 key, nor a P-256 key",
            "generate-keys --algorithm ES256",
        ),
        ("RS256", key!("refused/rsa1024.pem"), "an RSA key of 2048 to 8192 bits", "generate-keys --algorithm RS256"),
        ("RS256", key!("refused/two.pem"), "more than one key in one PEM file", "split keys/"),
    ] {
        all_find(&home(algorithm, &[("bad.pem", text)]), &[("keys/bad.pem", fix), (message, fix)]);
    }
    all_find(&home("RS256", &[("bad.pem", key!("rsa.pub.pem"))]), &[("contains a private key", "generate-keys")]);
}

#[test]
fn every_bad_file_is_reported_at_once_with_other_configuration_problems() {
    let files = [("a.pem", "no key"), ("b.pem", key!("p256.pem")), ("c.pem", key!("refused/encrypted.pem"))];
    let home = home("ES256", &files);
    fs::create_dir(home.path().join("keys/d.pem")).unwrap();
    all_find(
        &home,
        &[("a.pem", "remove keys/a.pem"), ("c.pem", "openssl pkey"), ("d.pem", "make keys/d.pem readable")],
    );
    let run = home.env("PORT", "eighty").cli(["config", "check"]).exits(2);
    assert!(run.stderr.contains("PORT") && run.stderr.contains("keys/a.pem"), "{run:#?}");
}

#[test]
fn an_empty_folder_is_filled_in_development_and_an_error_in_production() {
    let production = |home: Home| {
        let secret = "k3Zp-9vQw_2LrTn8XyBd5Hs7Jf1Mc4Ga6Ue0oIi";
        home.env("ENVIRONMENT", "production").env("JWT_SECRET_KEY", secret).env("JWT_KEYS_DIR", "keys")
    };
    all_find(&production(home("EdDSA", &[])), &[("no file *.pem", "generate-keys --algorithm EdDSA")]);
    all_find(&production(home("EdDSA", &[("README", "no key")])), &[("no file *.pem", "generate-keys")]);
    let missing = production(home("EdDSA", &[]));
    fs::remove_dir(missing.path().join("keys")).unwrap();
    all_find(&missing, &[("keys: No such file", "generate-keys --algorithm EdDSA")]);
    missing.cli(["generate-keys"]).exits(0);
    missing.cli(["config", "check"]).exits(0);

    let development = home("EdDSA", &[("README", "no key")]);
    development.cli(["config", "check"]).exits(0);
    let report = development.cli(["doctor", "--json"]).exits(0).json();
    let keys = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "keys").unwrap().clone();
    assert_eq!(keys["state"], "warning", "{report:#}");
    assert_eq!(fs::read_dir(development.path().join("keys")).unwrap().count(), 1, "read-only commands create nothing");
}
