//! The schema goes up and down, once, whoever else is at it, and a half-done step is never taken for a whole one.

use std::{fs, path::Path, sync::Arc};

use keepstone_persistence::{MigrationError, MigrationState, Migrator};
use keepstone_repository::Store;
use keepstone_test_backends::Database;

use crate::harness::{Opened, hash, schema, together, user};

/// The names of the folders, oldest first.
fn names() -> Vec<String> {
    let folder = match Database::chosen() {
        Database::Sqlite => "sqlite",
        Database::Postgres => "postgres",
        Database::Mariadb => "mysql",
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(folder);
    let mut names: Vec<String> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// As diesel writes it into its table.
fn version(name: &str) -> String {
    name.split('_').next().unwrap().replace('-', "")
}

fn states(names: &[String], is_applied: bool) -> Vec<MigrationState> {
    names.iter().map(|name| MigrationState { name: name.clone(), is_applied }).collect()
}

fn reversed(mut states: Vec<MigrationState>) -> Vec<MigrationState> {
    states.reverse();
    states
}

async fn applied_rows(opened: &Opened) -> Vec<String> {
    opened.raw().await.lines("SELECT version AS line FROM __diesel_schema_migrations ORDER BY version").await
}

fn migrator(opened: &Opened) -> &Migrator {
    opened.store.migrator()
}

#[tokio::test]
async fn an_empty_database_is_not_migrated_and_an_upgraded_one_is() {
    let opened = Opened::empty().await;
    assert_eq!(opened.ping().await, Ok(()));
    assert!(!opened.is_migrated().await.unwrap_or(false), "no table has been made");
    assert_eq!(migrator(&opened).look().await.unwrap(), states(&names(), false));

    assert_eq!(migrator(&opened).upgrade(1).await.unwrap(), states(&names()[..1], true));
    assert_eq!(opened.is_migrated().await, Ok(false), "only one has been applied");
    assert_eq!(migrator(&opened).upgrade(usize::MAX).await.unwrap(), states(&names()[1..], true));
    assert_eq!(opened.is_migrated().await, Ok(true));
    assert_eq!(migrator(&opened).look().await.unwrap(), states(&names(), true));
    assert_eq!(opened.ping().await, Ok(()));
    let versions: Vec<String> = names().iter().map(|name| version(name)).collect();
    assert_eq!(applied_rows(&opened).await, versions);
}

#[tokio::test]
async fn upgrading_again_changes_nothing() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let before = schema(&opened).await;
    assert_eq!(migrator(&opened).upgrade(usize::MAX).await.unwrap(), []);
    assert_eq!(migrator(&opened).upgrade(0).await.unwrap(), []);
    assert_eq!(migrator(&opened).downgrade(0).await.unwrap(), []);
    assert_eq!(schema(&opened).await, before);
    assert_eq!(opened.find(ada.id).await, Some(ada));
}

#[tokio::test]
async fn going_down_and_up_again_gives_the_same_schema_at_every_step() {
    let opened = Opened::empty().await;
    let mut steps = vec![schema(&opened).await];
    assert_eq!(steps[0], Vec::<String>::new());
    for name in names() {
        assert_eq!(migrator(&opened).upgrade(1).await.unwrap(), states(&[name], true));
        steps.push(schema(&opened).await);
    }
    for (index, name) in names().into_iter().enumerate().rev() {
        assert_eq!(migrator(&opened).downgrade(1).await.unwrap(), states(&[name], false));
        assert_eq!(schema(&opened).await, steps[index], "the newest only has been taken back");
        assert_eq!(opened.is_migrated().await, Ok(false));
    }
    assert_eq!(migrator(&opened).downgrade(1).await.unwrap(), []);
    assert_eq!(migrator(&opened).upgrade(usize::MAX).await.unwrap(), states(&names(), true));
    assert_eq!(Some(&schema(&opened).await), steps.last());
    assert_eq!(migrator(&opened).downgrade(usize::MAX).await.unwrap(), reversed(states(&names(), false)));
    assert_eq!(schema(&opened).await, steps[0]);
}

#[tokio::test]
async fn a_pool_that_was_used_before_works_after_the_schema_has_come_again() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    opened.assert_whole().await;
    migrator(&opened).downgrade(usize::MAX).await.unwrap();
    assert!(opened.read().await.unwrap().users().find(ada.id).await.is_err(), "there is no table");
    migrator(&opened).upgrade(usize::MAX).await.unwrap();
    opened.insert(&ada).await.unwrap();
    opened.assert_whole().await;
    assert_eq!(opened.find(ada.id).await, Some(ada));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_nodes_that_upgrade_at_once_each_migration_is_applied_by_one() {
    for before in [0, 0, 1] {
        let opened = Opened::empty().await;
        migrator(&opened).upgrade(before).await.unwrap();
        let mut nodes = Vec::new();
        for _node in 0..8 {
            nodes.push(opened.another().await);
        }
        let outcomes = together(nodes.into_iter().map(|node| async move {
            let applied = node.migrator().upgrade(usize::MAX).await.unwrap();
            assert_eq!(node.is_migrated().await, Ok(true));
            applied
        }))
        .await;
        let mut applied: Vec<_> = outcomes.into_iter().flatten().collect();
        applied.sort_by(|one, other| one.name.cmp(&other.name));
        assert_eq!(applied, states(&names()[before..], true));
        let versions: Vec<String> = names().iter().map(|name| version(name)).collect();
        assert_eq!(applied_rows(&opened).await, versions);

        let alone = Opened::migrated().await;
        assert_eq!(schema(&opened).await, schema(&alone).await);
    }
}

#[tokio::test]
async fn a_migration_that_fails_is_named_and_can_be_repaired() {
    let opened = Opened::empty().await;
    let all = names();
    // In the way of the second statement of the second migration.
    opened.raw().await.run("CREATE TABLE refresh_tokens (id INTEGER)").await;
    let failed = migrator(&opened).upgrade(usize::MAX).await;
    let Err(MigrationError::Failed { name, cause }) = failed else { panic!("{failed:?}") };
    assert_eq!(name, all[1]);
    assert!(cause.contains("refresh_tokens"), "{cause}");
    assert!(!opened.is_migrated().await.unwrap_or(false), "SQLite undoes the first one, too");

    opened.raw().await.run("DROP TABLE refresh_tokens").await;
    if opened.kind == Database::Mariadb {
        let mark = format!("__keepstone_unfinished_{}", version(&all[1]));
        let before = schema(&opened).await;
        for plan in [migrator(&opened).upgrade(usize::MAX).await, migrator(&opened).upgrade(1).await] {
            let refused = plan.unwrap_err().to_string();
            assert!(refused.contains(&all[1]) && refused.contains(&mark), "{refused}");
            assert!(refused.contains("interrupted"), "{refused}");
        }
        assert_eq!(schema(&opened).await, before, "whoever finds a mark touches nothing");
        opened.raw().await.run("DROP TABLE sessions").await; // by hand what it has done
        opened.raw().await.run(&format!("DROP TABLE {mark}")).await;
    }
    migrator(&opened).upgrade(usize::MAX).await.unwrap();
    assert_eq!(opened.is_migrated().await, Ok(true));
    let alone = Opened::migrated().await;
    assert_eq!(schema(&opened).await, schema(&alone).await);
}

#[tokio::test]
async fn a_mark_on_mariadb_stops_every_step_until_it_is_gone() {
    let opened = Opened::empty().await;
    if opened.kind != Database::Mariadb {
        eprintln!("skipped: {} undoes a migration by itself", opened.kind);
        return;
    }
    for (index, name) in names().iter().enumerate() {
        let mark = format!("__keepstone_unfinished_{}", version(name));
        let mut raw = opened.raw().await;
        raw.run(&format!("CREATE TABLE {mark} (since DATETIME NOT NULL DEFAULT NOW())")).await;
        let before = schema(&opened).await;
        let refused = migrator(&opened).upgrade(1).await;
        let Err(MigrationError::Failed { name: step, cause }) = refused else { panic!("{refused:?}") };
        assert_eq!((&step, cause.contains(&mark)), (name, true), "{cause}");
        assert_eq!(schema(&opened).await, before);
        assert_eq!(migrator(&opened).look().await.unwrap().iter().filter(|state| state.is_applied).count(), index);

        raw.run(&format!("DROP TABLE {mark}")).await;
        migrator(&opened).upgrade(1).await.unwrap();
        raw.run(&format!("CREATE TABLE {mark} (since DATETIME NOT NULL DEFAULT NOW())")).await;
        let refused = migrator(&opened).downgrade(1).await.unwrap_err().to_string();
        assert!(refused.contains(name.as_str()) && refused.contains(&mark), "{refused}");
        raw.run(&format!("DROP TABLE {mark}")).await;
    }
    assert_eq!(opened.is_migrated().await, Ok(true));
}

#[tokio::test]
async fn a_newer_schema_counts_as_migrated_and_is_left_alone() {
    let opened = Opened::migrated().await;
    opened.raw().await.run("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000001')").await;
    assert_eq!(opened.is_migrated().await, Ok(true));
    assert_eq!(migrator(&opened).upgrade(usize::MAX).await.unwrap(), []);
    assert_eq!(migrator(&opened).look().await.unwrap(), states(&names(), true));
    let store: Arc<dyn Store> = opened.shared();
    let ada = user("ada");
    store.transaction(async |tx| tx.users().insert(&ada, &hash("hash")).await).await.unwrap();
}
