//! Scripts: the printed SQL has the same effect as a migration, and printing it changes nothing.

use keepstone_persistence::{DatabaseUrl, MigrationState, Migrator, Target};
use keepstone_test_backends::Database;

use crate::harness::{Opened, schema, user};

/// Returns a migrator that knows only the address of the database.
fn looking(opened: &Opened) -> Migrator {
    Migrator::of(&opened.url)
}

#[tokio::test]
async fn a_script_creates_the_same_schema_as_a_migration() {
    for before in [0, 3] {
        let opened = Opened::empty().await;
        opened.store.migrator().upgrade(Target::Steps(before)).await.unwrap();
        let made = schema(&opened).await;
        let script = looking(&opened).upgrade_script(Target::All).await.unwrap();
        assert_eq!(schema(&opened).await, made, "printing changes nothing");
        opened.raw().await.run(&script).await;
        assert_eq!(opened.is_migrated().await, Ok(true));
        assert_eq!(schema(&opened).await, schema(&Opened::migrated().await).await);
        assert_eq!(opened.store.migrator().upgrade(Target::All).await.unwrap(), []);
        opened.insert(&user("ada")).await.unwrap();
    }
}

#[tokio::test]
async fn a_script_goes_up_by_steps_and_down_again() {
    let opened = Opened::empty().await;
    let empty = schema(&opened).await;
    let mut steps = Vec::new();
    while !opened.is_migrated().await.unwrap_or(false) {
        steps.push(schema(&opened).await);
        let script = looking(&opened).upgrade_script(Target::Steps(1)).await.unwrap();
        opened.raw().await.run(&script).await;
    }
    assert_eq!(steps.len(), looking(&opened).look().await.unwrap().len());
    for step in steps.iter().rev().take(2) {
        let script = looking(&opened).downgrade_script(Target::Steps(1)).await.unwrap();
        opened.raw().await.run(&script).await;
        assert_eq!(&schema(&opened).await, step);
    }
    let script = looking(&opened).downgrade_script(Target::All).await.unwrap();
    opened.raw().await.run(&script).await;
    assert_eq!(schema(&opened).await, empty);
    assert_eq!(looking(&opened).downgrade_script(Target::All).await.unwrap(), "-- nothing to do\n");
}

#[tokio::test]
async fn the_status_lists_the_history_and_creates_no_table_or_file() {
    let opened = Opened::empty().await;
    let made = async || {
        let tables = match opened.kind {
            Database::Sqlite => "SELECT CAST(count(*) AS TEXT) AS line FROM sqlite_master",
            Database::Postgres => "SELECT count(*)::text AS line FROM pg_tables WHERE schemaname = 'public'",
            Database::Mariadb => {
                "SELECT CONVERT(count(*), CHAR) AS line FROM information_schema.tables WHERE table_schema = DATABASE()"
            }
        };
        opened.raw().await.lines(tables).await
    };
    assert!(looking(&opened).look().await.unwrap().iter().all(|migration| !migration.is_applied));
    assert_eq!(made().await, ["0"]);
    let applied: Vec<MigrationState> = opened.store.migrator().upgrade(Target::Steps(2)).await.unwrap();
    let listed = looking(&opened).look().await.unwrap();
    assert_eq!(listed[..2], applied);
    assert!(listed[2..].iter().all(|migration| !migration.is_applied), "{listed:?}");

    let folder = tempfile::tempdir().unwrap();
    let absent = DatabaseUrl::SqliteFile(folder.path().join("absent.db"));
    assert!(Migrator::of(&absent).look().await.unwrap().iter().all(|migration| !migration.is_applied));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn marker_tables_are_listed_where_the_database_uses_them() {
    let opened = Opened::migrated().await;
    assert_eq!(looking(&opened).marks().await.unwrap(), Vec::<String>::new());
    opened.raw().await.run("CREATE TABLE __keepstone_unfinished_20990101000001 (since INTEGER)").await;
    let marks = looking(&opened).marks().await.unwrap();
    match opened.kind {
        Database::Mariadb => assert_eq!(marks, ["__keepstone_unfinished_20990101000001"]),
        Database::Sqlite | Database::Postgres => assert!(marks.is_empty(), "{marks:?}"),
    }
}

#[tokio::test]
async fn a_database_reports_version_time_and_integrity() {
    let opened = Opened::migrated().await;
    let version = opened.store.version().await.unwrap();
    let time = opened.store.time().await.unwrap();
    let names = match opened.kind {
        Database::Sqlite => ["SQLite", "SQLite"],
        Database::Postgres => ["PostgreSQL", "PostgreSQL"],
        Database::Mariadb => ["MariaDB", "MySQL"],
    };
    assert!(names.iter().any(|name| version.contains(name)), "{version}");
    assert_eq!(time.is_none(), opened.is_sqlite());
    if let Some(time) = time {
        let here = keepstone_domain::Timestamp::from(std::time::SystemTime::now());
        assert!(time.as_micros().abs_diff(here.as_micros()) < 60_000_000, "{time} is not {here}");
    }
    assert_eq!(opened.store.damage().await, Ok(vec![]));
}
