//! `doctor` finds problems, says how to fix them, and changes nothing.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt;

use keepstone_test_backends::{Database, Fault, Smtp, SmtpStep, is_skipped, redis, redis_missing};
use serde_json::Value;

use crate::harness::{Home, Run, Server, no_smtp};

pub fn doctor(home: &Home) -> Run {
    home.cli(["doctor", "--json"])
}

/// Returns every finding with this name as `state: detail`, and asserts that each one that is not `ok` has a fix.
#[track_caller]
pub fn found(run: &Run, name: &str) -> Vec<String> {
    let report = run.json();
    let checks: Vec<&Value> =
        report["checks"].as_array().unwrap().iter().filter(|check| check["name"] == name).collect();
    for check in &checks {
        assert_eq!(check["state"] == "ok", check["fix"].is_null(), "{check}");
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    checks.iter().map(|check| format!("{}: {}", text(&check["state"]), text(&check["detail"]))).collect()
}

#[track_caller]
pub fn has(run: &Run, name: &str, words: &str) {
    let found = found(run, name);
    assert!(found.iter().any(|line| line.contains(words)), "{words:?} is not in {found:?} of {run:#?}");
}

fn files(home: &Home) -> usize {
    fs::read_dir(home.path()).unwrap().count()
        + home.database.folder().map_or(0, |folder| fs::read_dir(folder).unwrap().count())
}

#[test]
fn a_healthy_environment_is_reported_ok_and_left_unchanged() {
    let home = Home::new().migrated();
    let before = files(&home);
    let run = doctor(&home).exits(0);
    assert_eq!(found(&run, "configuration"), ["ok: the environment is test"]);
    has(&run, "schema", "ok: up to date");
    has(&run, "database", "ok: can be written to");
    has(&run, "files", "ok: ");
    assert!(found(&run, "clock")[0].starts_with("ok: "), "{run:#?}");
    let program = match Database::chosen() {
        Database::Sqlite => "ok: SQLite 3.",
        Database::Postgres => "ok: PostgreSQL 1",
        Database::Mariadb => "MariaDB",
    };
    has(&run, "database", program);
    assert_ne!(run.json()["state"], "failed");
    let text = home.cli(["doctor"]).exits(0).stdout;
    assert!(text.contains("ok       configuration  the environment is test\n"), "{text}");
    assert_eq!(files(&home), before);
}

#[tokio::test]
async fn files_written_by_a_check_are_removed() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let events = async || admin.get("/api/v1/audit").await.is(200).json();
    let before = events().await;
    has(&doctor(&server.home).exits(0), "database", "ok: can be written to");
    assert_eq!(events().await, before);
}

/// Returns the number of migrations.
fn migrations() -> usize {
    fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/sqlite")).unwrap().count()
}

#[test]
fn an_outdated_schema_is_reported() {
    let home = Home::new().without("AUTO_MIGRATE");
    if Database::chosen() == Database::Sqlite {
        let run = doctor(&home).exits(0);
        has(&run, "database", "does not exist yet");
        assert_eq!(files(&home), 0, "no file is created");
        home.cli(["migrate", "upgrade", "+2"]).exits(0);
        has(&doctor(&home).exits(0), "schema", &format!("warning: {} migrations are not applied", migrations() - 2));
    } else {
        has(&doctor(&home).exits(1), "schema", &format!("failed: {} migrations are not applied", migrations()));
        home.cli(["migrate", "upgrade", "+2"]).exits(0);
        let run = doctor(&home).exits(1);
        has(&run, "schema", &format!("failed: {} migrations are not applied", migrations() - 2));
        assert!(!found(&run, "database").iter().any(|line| line.contains("written")), "{run:#?}");
        has(&doctor(&home.env("AUTO_MIGRATE", "true")).exits(0), "schema", &format!("warning: {}", migrations() - 2));
    }
}

#[test]
fn a_bad_configuration_is_reported_in_full_and_other_checks_still_run() {
    let home = Home::new().migrated().env("PORT", "eighty").env("JWT_ALGORITHM", "none").env("REDIS_URL", "canary");
    let run = doctor(&home).exits(2);
    for key in ["PORT", "JWT_ALGORITHM", "REDIS_URL"] {
        has(&run, "configuration", &format!("failed: {key} (environment variable {key}): "));
    }
    has(&run, "schema", "ok: up to date");
    let home = home.env("DATABASE_URL", "oracle://scott:tiger4711@host/db").env("JWT_SECRET_KEY", "canary");
    let run = doctor(&home).exits(2);
    has(&run, "database", "DATABASE_URL is invalid");
    assert!(!run.output().contains("canary") && !run.output().contains("tiger4711"), "{run:#?}");
    assert!(home.cli(["doctor"]).exits(2).stdout.contains("fix: "));
}

#[test]
fn every_warning_has_a_fix() {
    let production = Home::new().migrated().env("ENVIRONMENT", "production");
    let fix = |run: &Run, key: &str| {
        let report = run.json();
        let check = report["checks"].as_array().unwrap().iter().find(|check| {
            check["name"] == "configuration" && check["detail"].as_str().unwrap().starts_with(&format!("{key} ("))
        });
        let check = check.unwrap_or_else(|| panic!("{key} is not in {report:#}"));
        assert_eq!(check["state"], "warning");
        check["fix"].as_str().unwrap().to_owned()
    };
    let run = doctor(&production);
    has(&run, "configuration", "MAIL_URL (default): is not set, so no e-mail is sent");
    assert!(fix(&run, "MAIL_URL").contains("smtps://"), "{run:#?}");
    assert!(found(&run, "mail").is_empty(), "{run:#?}");
    let overheard = Home::new().env("ENVIRONMENT", "production").env("ALLOW_INSECURE_BACKEND", "true");
    let run = doctor(&overheard.env("DATABASE_URL", "postgres://app:s3same-0pen@keepstone.invalid/app"));
    assert!(fix(&run, "DATABASE_URL").contains("tunnel"), "{run:#?}");
    let run = doctor(&Home::new().migrated().env("JWT_REFRESH_SECRET", "canary")).exits(0);
    assert!(fix(&run, "JWT_REFRESH_SECRET").contains("openssl rand"), "{run:#?}");
}

#[test]
fn the_e_mail_target_is_reported() {
    let home = Home::new().migrated();
    assert_eq!(found(&doctor(&home).exits(0), "mail"), ["ok: MAIL_URL is not set, so no e-mail is sent"]);
    let home = home.env("ENVIRONMENT", "development");
    assert_eq!(found(&doctor(&home), "mail"), ["ok: MAIL_URL is not set; development writes e-mails into its log"]);
    for environment in ["test", "development", "production"] {
        // On SQLite, because the database servers of the tests have passwords that production rejects.
        let home = Home::on(Database::Sqlite).env("ENVIRONMENT", environment);
        let home = home.env("MAIL_URL", "ftp://canary:canary@mail.example.com");
        let run = doctor(&home.env("REGISTRATION_CONCEAL", "true")).exits(2);
        assert_eq!(found(&run, "mail"), ["failed: not checked, because MAIL_URL is invalid"]);
        let failed = found(&run, "configuration").into_iter().filter(|line| line.starts_with("failed: "));
        assert_eq!(failed.count(), 1, "it causes no other failure: {run:#?}");
        assert!(!run.output().contains("is not set") && !run.output().contains("canary"), "{run:#?}");
    }
    let run = doctor(&Home::new().env("REGISTRATION_CONCEAL", "true")).exits(2);
    assert!(run.stdout.contains("set MAIL_URL, or REGISTRATION_CONCEAL=false"), "{run:#?}");
}

#[test]
fn an_unreachable_database_is_reported_without_its_password() {
    let url = match Database::chosen() {
        Database::Sqlite => "sqlite:////nonexistent/folder/keepstone.db",
        Database::Postgres => "postgres://canary:canary@127.0.0.1:1/test",
        Database::Mariadb => "mysql://canary:canary@127.0.0.1:1/test",
    };
    let run = doctor(&Home::new().env("DATABASE_URL", url)).exits(1);
    assert_eq!(found(&run, "database").len(), 1, "{run:#?}");
    has(&run, "database", "failed: ");
    has(&run, "open files", "connections");
    assert!(!run.output().contains("canary"), "{run:#?}");
}

#[test]
fn files_readable_by_others_are_reported_and_fail_in_production() {
    let home = Home::on(Database::Sqlite).migrated().without("JWT_SECRET_KEY");
    let folder = home.database.folder().unwrap().to_owned();
    let files = ["keepstone.db", "keepstone.db.secret"].map(|name| folder.join(name));
    fs::write(&files[1], "a secret of more than thirty-two bytes, no doubt").unwrap();
    for file in &files {
        fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let run = doctor(&home).exits(0);
    for file in &files {
        has(&run, "files", &format!("warning: {} is accessible to users other than its owner", file.display()));
    }
    let production =
        home.env("ENVIRONMENT", "production").env("JWT_SECRET_KEY", "k3Zp-9vQw_2LrTn8XyBd5Hs7Jf1Mc4Ga6Ue0oIi");
    let run = doctor(&production).exits(1);
    has(&run, "files", "failed: ");
    for file in &files {
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    has(&doctor(&production).exits(0), "files", "ok: ");
}

#[test]
fn a_damaged_database_file_is_reported() {
    let home = Home::on(Database::Sqlite).migrated();
    let file = home.database.folder().unwrap().join("keepstone.db");
    let mut bytes = fs::read(&file).unwrap();
    // The last page is the root of some index: the tables stay readable.
    let page = bytes.len() - 4096;
    bytes[page..].fill(0x5a);
    fs::write(&file, bytes).unwrap();
    let run = doctor(&home).exits(1);
    assert!(found(&run, "database").iter().any(|line| line.starts_with("failed: ")), "{run:#?}");
    assert!(!run.output().contains("panicked"), "{run:#?}");
}

#[test]
fn redis_is_checked_with_its_password() {
    if is_skipped(redis_missing()) {
        return;
    }
    let server = redis();
    let home = |url: &str| Home::on(Database::Sqlite).migrated().env("REDIS_URL", url);
    let open = home(&format!("redis://127.0.0.1:{}/0", server.port));
    has(&doctor(&open).exits(0), "redis", "responds; this version does not use it yet");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).unwrap();
    stream.write_all(b"CONFIG SET requirepass can/ary\r\n").unwrap();
    stream.read_exact(&mut [0; 5]).unwrap();
    has(&doctor(&open).exits(1), "redis", "failed: ");
    let right = home(&format!("redis://:can%2Fary@127.0.0.1:{}/0", server.port));
    has(&doctor(&right).exits(0), "redis", "ok: ");
    let wrong = home(&format!("redis://default:canary@127.0.0.1:{}/0", server.port));
    let run = doctor(&wrong).exits(1);
    has(&run, "redis", "AUTH");
    assert!(!run.output().contains("canary"), "{run:#?}");
    has(&doctor(&home("redis://127.0.0.1:1")).exits(1), "redis", "failed: ");
}

#[test]
fn the_mail_login_must_work_and_the_mail_folder_must_be_writable() {
    if no_smtp() {
        return;
    }
    let smtp = Smtp::with().tls().login("ada", "canary").start();
    let home = Home::on(Database::Sqlite).migrated().env("MAIL_CA_FILE", smtp.ca_file().to_str().unwrap());
    let home = home.env("MAIL_URL", smtp.url());
    has(&doctor(&home).exits(0), "mail", "ok: smtps://");
    smtp.fault(&Fault::Reply(SmtpStep::Login, "535 5.7.8 go away"));
    let run = doctor(&home).exits(1);
    has(&run, "mail", "535");
    assert!(!run.output().contains("canary"), "{run:#?}");
    smtp.stop();
    has(&doctor(&home).exits(1), "mail", "failed: smtps://");
    let home = home.env("MAIL_URL", "file:letters").without("MAIL_CA_FILE");
    has(&doctor(&home).exits(0), "mail", "ok: file:letters");
    has(&doctor(&home.env("MAIL_URL", "file:/dev/null/letters")).exits(1), "mail", "failed: file:/dev/null/letters");
}
