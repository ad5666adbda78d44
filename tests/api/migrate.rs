//! The migration commands, named as in alembic: upgrade, downgrade, current, history, check, revision.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keepstone_test_backends::Database;
use serde_json::Value;

use crate::harness::{Home, Server, eventually, together};

#[test]
fn a_database_can_be_upgraded_and_downgraded() {
    let home = Home::new();
    home.cli(["migrate", "check"]).exits(1);
    home.cli(["migrate", "current"]).exits(0);
    home.cli(["migrate", "upgrade", "head"]).exits(0);
    home.cli(["migrate", "check"]).exits(0);
    home.cli(["migrate", "downgrade", "-1"]).exits(0);
    home.cli(["migrate", "check"]).exits(1);
    home.cli(["migrate", "upgrade"]).exits(0);
    home.cli(["migrate", "check"]).exits(0);
    home.cli(["migrate", "downgrade", "base"]).exits(0);
    home.cli(["migrate", "check"]).exits(1);
}

#[tokio::test]
async fn a_database_works_after_a_downgrade_to_base_and_an_upgrade() {
    let home = Home::new();
    for verb in ["upgrade", "downgrade", "upgrade"] {
        let target = if verb == "upgrade" { "head" } else { "base" };
        home.cli(["migrate", verb, target]).exits(0);
    }
    home.start().await.user("ada").await;
}

#[test]
fn upgrading_twice_changes_nothing() {
    let home = Home::new();
    home.cli(["migrate", "upgrade", "head"]).exits(0);
    let current = home.cli(["migrate", "current"]).exits(0).stdout;
    home.cli(["migrate", "upgrade", "head"]).exits(0);
    home.cli(["init-db"]).exits(0);
    assert_eq!(home.cli(["migrate", "current"]).exits(0).stdout, current);
}

#[test]
fn the_migrations_can_be_applied_one_by_one() {
    let home = Home::new();
    for number in 1..=migrations(&repository()).len() {
        home.cli(["migrate", "check"]).exits(1);
        home.cli(["migrate", "upgrade", "+1"]).exits(0);
        let run = home.cli(["migrate", "current"]).exits(0);
        assert!(!run.stdout.trim().is_empty(), "after {number}: {run:#?}");
    }
    home.cli(["migrate", "check"]).exits(0);
}

#[test]
fn each_migration_can_be_reverted_and_reapplied() {
    let home = Home::new();
    home.cli(["migrate", "upgrade", "head"]).exits(0);
    for number in (1..=migrations(&repository()).len()).rev() {
        for verb in [["downgrade", "-1"], ["upgrade", "+1"], ["downgrade", "-1"]] {
            let run = home.cli(["migrate", verb[0], verb[1]]);
            assert_eq!(run.code, Some(0), "{verb:?} of {number}: {run:#?}");
        }
    }
}

#[test]
fn history_lists_every_migration_and_current_the_last() {
    let home = Home::new();
    let history = home.cli(["migrate", "history"]).exits(0).stdout;
    let names = migrations(&repository());
    for name in &names {
        assert!(history.contains(name.as_str()), "{name} is not in:\n{history}");
    }
    home.cli(["migrate", "upgrade", "head"]).exits(0);
    let current = home.cli(["migrate", "current"]).exits(0).stdout;
    assert!(current.contains(names.last().unwrap().as_str()), "{current}");
}

#[test]
fn read_only_commands_create_nothing() {
    let home = Home::new();
    for look in [["migrate", "history"], ["migrate", "current"], ["migrate", "check"]] {
        home.cli(look).exits(i32::from(look[1] == "check"));
    }
    if let Some(folder) = home.database.folder() {
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "no database file is created");
    }
}

/// Returns the version of a migration without and with dashes, and its full name. 0 is the oldest.
fn revisions(index: usize) -> [String; 3] {
    let name = migrations(&repository()).into_iter().nth(index).unwrap();
    let dashed = name.split('_').next().unwrap().to_owned();
    [dashed.replace('-', ""), dashed, name]
}

fn history(home: &Home) -> Vec<Value> {
    home.cli(["migrate", "history", "--json"]).exits(0).json().as_array().unwrap().clone()
}

fn applied(home: &Home) -> usize {
    history(home).iter().filter(|migration| migration["applied"] == true).count()
}

#[test]
fn an_invalid_target_exits_with_2_and_changes_nothing() {
    let home = Home::new().without("AUTO_MIGRATE");
    let [third, ..] = revisions(2);
    let refuses_all = |home: &Home| {
        let before = history(home);
        let [fifth, ..] = revisions(4);
        let [second, ..] = revisions(1);
        let more = migrations(&repository()).len() + 1;
        let (up, down) = (format!("+{more}"), format!("-{more}"));
        for (verb, target) in [
            ("upgrade", "nonsense"),
            ("upgrade", "-1"),
            ("upgrade", "3"),
            ("upgrade", "base"),
            ("upgrade", "20261121999999"),
            ("upgrade", up.as_str()),
            ("downgrade", "+1"),
            ("downgrade", "nonsense"),
            ("downgrade", "3"),
            ("downgrade", "head"),
            ("downgrade", "20261121999999"),
            ("downgrade", down.as_str()),
            ("downgrade", fifth.as_str()),
        ] {
            for sql in [&[][..], &["--sql"]] {
                let run = home.cli(["migrate", verb, target].into_iter().chain(sql.iter().copied())).exits(2);
                assert!(run.stdout.is_empty() && !run.stderr.is_empty(), "{verb} {target}: {run:#?}");
            }
        }
        if before[2]["applied"] == true {
            let run = home.cli(["migrate", "upgrade", &second]).exits(2);
            assert!(run.stderr.contains("downgrade"), "the right command is named: {run:#?}");
        }
        assert_eq!(history(home), before);
    };
    refuses_all(&home);
    if let Some(folder) = home.database.folder() {
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "no file is created");
    }
    home.cli(["migrate", "upgrade", &third]).exits(0);
    refuses_all(&home);
    for (verb, form) in [("upgrade", "+N"), ("downgrade", "-N")] {
        let run = home.cli(["migrate", verb, "3"]).exits(2);
        assert!(run.stderr.contains(form), "the expected form is named: {run:#?}");
    }
}

#[tokio::test]
async fn a_downgrade_to_a_revision_keeps_it_and_all_earlier_ones() {
    let server = Server::start().await;
    server.user("ada").await;
    let home = server.leave();
    for (index, revision) in revisions(2).into_iter().enumerate() {
        home.cli(["migrate", "upgrade", "head"]).exits(0);
        home.cli(["migrate", "downgrade", &revision]).exits(0);
        assert_eq!(applied(&home), 3, "{revision}");
        let current = home.cli(["migrate", "current"]).exits(0).stdout;
        assert!(current.starts_with(&revisions(2)[2]), "{current}");
        let sql = home.cli(["migrate", "downgrade", &revisions(1)[index], "--sql"]).exits(0).stdout;
        assert_eq!(sql.matches("DELETE FROM __diesel_schema_migrations").count(), 1, "{sql}");
        let sql = home.cli(["migrate", "upgrade", &revisions(4)[index], "--sql"]).exits(0).stdout;
        assert_eq!(sql.matches("INSERT INTO __diesel_schema_migrations").count(), 2, "{sql}");
        home.cli(["migrate", "upgrade", &revisions(4)[index]]).exits(0);
        assert_eq!(applied(&home), 5, "{revision}");
    }
    home.cli(["migrate", "upgrade"]).exits(0);
    assert_eq!(home.users().len(), 1, "the account is older than the reverted migrations");
}

#[tokio::test]
async fn a_migration_of_a_newer_program_is_named_and_nothing_is_reverted() {
    let home = Home::new();
    home.cli(["migrate", "upgrade"]).exits(0);
    home.database.run("INSERT INTO __diesel_schema_migrations (version) VALUES ('20270101000001')");
    for command in ["current", "history", "check"] {
        let run = home.cli(["migrate", command]).exits(0);
        assert!(run.stdout.contains("20270101000001") && run.stdout.contains("does not know"), "{run:#?}");
        let run = home.cli(["migrate", command, "--json"]).exits(0);
        assert!(run.json().to_string().contains("20270101000001"), "{run:#?}");
    }
    let doctor = home.cli(["doctor"]).exits(0);
    assert!(doctor.stdout.contains("20270101000001"), "{doctor:#?}");
    let before = history(&home);
    for target in ["-1", "base", &revisions(0)[0]] {
        for more in [&[][..], &["--yes"], &["--sql"]] {
            let run = home.cli(["migrate", "downgrade", target].into_iter().chain(more.iter().copied())).exits(1);
            assert!(run.stderr.contains("20270101000001") && run.stderr.contains("use the program"), "{run:#?}");
        }
    }
    assert_eq!(history(&home), before);
    home.cli(["migrate", "upgrade"]).exits(0);
    let server = home.start().await;
    server.anonymous().get("/health/ready").await.is(200);
    eventually("a warning", async || server.log().contains("20270101000001").then_some(())).await;
}

#[test]
fn in_production_a_downgrade_requires_confirmation() {
    // On SQLite, because the database servers of the tests have passwords that production rejects.
    let home = Home::on(Database::Sqlite).migrated();
    let production = home.env("ENVIRONMENT", "production");
    let before = history(&production);
    let run = production.cli_reading("yes\n", ["migrate", "downgrade", &revisions(0)[0]]).exits(2);
    assert!(run.stderr.contains("--yes") && run.stderr.contains("table items"), "{run:#?}");
    assert_eq!(history(&production), before);
    production.cli(["migrate", "downgrade", "base", "--sql"]).exits(0);
    production.cli(["migrate", "downgrade", "--yes", &revisions(0)[0]]).exits(0);
    assert_eq!(applied(&production), 1);
}

#[test]
fn a_revision_is_a_pair_of_files_for_each_kind_of_database() {
    let home = Home::new();
    home.cli(["migrate", "revision", "-m", "Add a colour to items"]).exits(0);
    let names = migrations(home.path());
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(names.first().unwrap().ends_with("_add_a_colour_to_items"), "{names:?}");
}

#[tokio::test]
async fn concurrent_upgrades_migrate_once() {
    let home = Arc::new(Home::new());
    let runs = together((0..4).map(|_number| {
        let home = Arc::clone(&home);
        async move { tokio::task::spawn_blocking(move || home.cli(["migrate", "upgrade", "head"])).await.unwrap() }
    }))
    .await;
    for run in runs {
        run.exits(0);
    }
    home.cli(["migrate", "check"]).exits(0);
}

#[tokio::test]
async fn servers_that_start_concurrently_are_all_ready() {
    let home = Arc::new(Home::new());
    let servers = together((0..4).map(|_number| Server::of(Arc::clone(&home)))).await;
    for server in &servers {
        server.anonymous().get("/health/ready").await.is(200);
    }
    let ada = servers[0].user("ada").await;
    for server in &servers {
        ada.clone().at(&server.url).get("/api/v1/users/me").await.is(200);
    }
}

#[test]
fn a_missing_database_is_an_error_and_not_a_panic() {
    let url = match Database::chosen() {
        Database::Sqlite => "sqlite:////nonexistent/folder/keepstone.db",
        Database::Postgres => "postgres://keepstone:keepstone@127.0.0.1:1/test",
        Database::Mariadb => "mysql://keepstone:keepstone@127.0.0.1:1/test",
    };
    let run = Home::new().env("DATABASE_URL", url).cli(["migrate", "upgrade", "head"]).exits(1);
    assert!(!run.stderr.is_empty() && !run.output().contains("panicked"), "{run:#?}");
    assert!(!run.output().contains("keepstone:keepstone"), "a password must not be shown: {run:#?}");
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the migration names, which are equal for every kind of database. Asserts that each has both directions.
pub fn migrations(root: &Path) -> BTreeSet<String> {
    let names = |kind: &str| -> BTreeSet<String> {
        let folder = root.join("migrations").join(kind);
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        entries
            .map(|entry| {
                let path = entry.unwrap().path();
                for file in ["up.sql", "down.sql"] {
                    assert!(path.join(file).is_file(), "{} has no {file}", path.display());
                }
                path.file_name().unwrap().to_str().unwrap().to_owned()
            })
            .collect()
    };
    let sqlite = names("sqlite");
    assert_eq!(sqlite, names("postgres"));
    assert_eq!(sqlite, names("mysql"));
    sqlite
}
