//! The verbs of alembic: upgrade, downgrade, current, history, check, revision.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keepstone_test_backends::Database;

use crate::harness::{Home, Server, together};

#[test]
fn a_database_goes_up_and_down() {
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
async fn a_database_that_went_down_to_nothing_and_up_again_works() {
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
fn each_migration_goes_down_and_up_again() {
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
fn the_history_names_every_migration_and_current_the_last() {
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
fn to_look_makes_nothing() {
    let home = Home::new();
    for look in [["migrate", "history"], ["migrate", "current"], ["migrate", "check"]] {
        home.cli(look).exits(i32::from(look[1] == "check"));
    }
    if let Some(folder) = home.database.folder() {
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "a file that is not there is not made");
    }
}

#[test]
fn a_target_that_is_none_exits_with_2() {
    let home = Home::new();
    for [verb, target] in [["upgrade", "nonsense"], ["upgrade", "-1"], ["downgrade", "+1"], ["downgrade", "nonsense"]] {
        home.cli(["migrate", verb, target]).exits(2);
    }
    home.cli(["migrate", "check"]).exits(1); // and nothing was done
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
async fn several_that_migrate_at_once_migrate_once() {
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
async fn several_servers_that_start_at_once_are_all_ready() {
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
fn a_database_that_is_not_there_is_an_error_and_not_a_panic() {
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

/// The names under `migrations`, which are the same for every kind of database and have both directions.
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
