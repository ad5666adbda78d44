//! A backup is taken while people write, and restored by the book: by the commands of docs/backups.md.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keepstone_test_backends::{Database, is_skipped, path};
use serde_json::json;

use crate::harness::{Client, Home, PASSWORD, PATIENCE, Run, Server};

const BOOK: &str = include_str!("../../docs/backups.md");

/// The commands for this database: how to copy, how to restore.
fn commands(database: Database) -> [&'static str; 2] {
    let title = match database {
        Database::Sqlite => "\n## SQLite\n",
        Database::Postgres => "\n## PostgreSQL\n",
        Database::Mariadb => "\n## MariaDB\n",
    };
    let section = BOOK.split(title).nth(1).unwrap().split("\n## ").next().unwrap();
    let mut blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    [blocks.next().unwrap(), blocks.next().unwrap()]
}

/// Runs commands of the book in this folder, from one home to another.
fn by_the_book(commands: &str, folder: &Path, from: &Home, to: &Home) -> Run {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", commands]).current_dir(folder).env_clear().envs(&from.environment);
    let program = Path::new(env!("CARGO_BIN_EXE_keepstone")).parent().unwrap();
    let path = std::env::join_paths([program.to_owned()].into_iter().chain(std::env::split_paths(&path()))).unwrap();
    command.env("PATH", path).env("FROM", from.database.url()).env("TO", to.database.url());
    if from.database.database() == Database::Mariadb {
        let place = |home: &Home| {
            let (server, name) = home.database.url().rsplit_once('/').unwrap();
            (server.rsplit_once(':').unwrap().1.to_owned(), name.to_owned())
        };
        let ((port, name), (_port, empty)) = (place(from), place(to));
        command.env("HOST", "127.0.0.1").env("PORT", port).env("USER", "keepstone").env("MYSQL_PWD", "keepstone");
        command.env("NAME", name).env("EMPTY", empty);
    }
    command.stdout(Stdio::piped());
    Run::of(command, "", PATIENCE)
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

/// Makes items until it is told to stop, and gives the ids of those that the server has acknowledged.
async fn write_until(stop: Arc<AtomicBool>, client: Client) -> Vec<String> {
    let mut ids = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let made = client.post("/api/v1/items").json(&json!({"title": format!("item {}", ids.len())})).await.is(201);
        ids.push(made.json()["id"].as_str().unwrap().to_owned());
    }
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_copied_while_people_wrote_is_restored_whole() {
    let database = Database::chosen();
    if is_skipped(database.dump_missing()) {
        return;
    }
    let [copy, restore] = commands(database);
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let mut before = Vec::new();
    for number in 0..50 {
        let made = ada.post("/api/v1/items").json(&json!({"title": format!("first {number}")})).await.is(201);
        before.push(made.json()["id"].as_str().unwrap().to_owned());
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2).map(|_| tokio::spawn(write_until(Arc::clone(&stop), ada.clone()))).collect();
    let (from, to) = (Arc::clone(&server.home), Home::new());
    let (run, to) = tokio::task::spawn_blocking(move || (by_the_book(copy, to.path(), &from, &to), to)).await.unwrap();
    run.exits(0);
    stop.store(true, Ordering::Relaxed);
    let mut during = 0;
    for writer in writers {
        during += writer.await.unwrap().len();
    }

    let copies: Vec<_> = fs::read_dir(to.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(copies.len(), 1, "nothing but the copy: {copies:?}");
    assert_eq!(mode(&copies[0]), 0o600);
    let folder = to.database.folder().unwrap_or(to.path()).to_owned();
    let moved = folder.join(copies[0].file_name().unwrap());
    if moved != copies[0] {
        fs::rename(&copies[0], &moved).unwrap();
    }
    by_the_book(restore, &folder, &server.home, &to).exits(0);
    let to = to.without("AUTO_MIGRATE");
    to.cli(["migrate", "check"]).exits(0);
    let restored = to.start().await;
    let ada = ada.at(&restored.url);
    ada.get("/api/v1/users/me").await.is(200); // a session of that day
    ada.refresh().await.is(200);
    ada.clone().anonymous().log_in().await;
    for id in &before {
        ada.get(&format!("/api/v1/items/{id}")).await.is(200);
    }
    let total = ada.get("/api/v1/items").await.is(200).json()["total"].as_u64().unwrap();
    let most = u64::try_from(before.len() + during).unwrap();
    assert!((50..=most).contains(&total), "{total} of 50 to {most}");
    let found = ada.get("/api/v1/items/search?q=first&page_size=100").await.is(200).json();
    assert_eq!(found["items"].as_array().unwrap().len(), 50, "the index of the search is there, too");
    restored.anonymous().register("new").await;
}

#[test]
fn a_copy_is_never_written_over_anything_unless_that_is_said() {
    let home = Home::on(Database::Sqlite);
    home.cli(["migrate", "upgrade"]).exits(0);
    let copy = home.path().join("copy.db");
    let report = home.cli(["backup", "copy.db", "--json"]).exits(0).json();
    assert_eq!(
        (&report["file"], report["bytes"].as_u64()),
        (&json!("copy.db"), Some(fs::metadata(&copy).unwrap().len()))
    );
    assert_eq!(mode(&copy), 0o600);

    fs::write(&copy, "precious").unwrap();
    let refused = home.cli(["backup", "copy.db"]).exits(2);
    assert!(refused.stderr.contains("--force"), "{refused:#?}");
    assert_eq!(fs::read_to_string(&copy).unwrap(), "precious");
    home.cli(["backup", "copy.db", "--force"]).exits(0);
    assert!(fs::read(&copy).unwrap().starts_with(b"SQLite format 3\0"));
    assert_eq!(mode(&copy), 0o600);

    let database = home.database.folder().unwrap().join("keepstone.db");
    let linked = home.path().join("linked.db");
    std::os::unix::fs::symlink(&database, &linked).unwrap();
    let wal = format!("{}-wal", database.display());
    let folder = database.parent().unwrap();
    let roundabout = folder.join("..").join(folder.file_name().unwrap()).join("keepstone.db-wal");
    for itself in [database.to_str().unwrap(), "linked.db", &wal, roundabout.to_str().unwrap()] {
        let refused = home.cli(["backup", "--force", itself]).exits(2);
        assert!(refused.stderr.contains("is the database itself"), "{refused:#?}");
    }
    fs::create_dir(home.path().join("copies")).unwrap();
    for folder in [".", "..", "/", "copies", "copies/", "absent/"] {
        for options in [&["backup", folder][..], &["backup", "--force", folder]] {
            let refused = home.cli(options.iter().copied()).exits(2);
            assert!(refused.stderr.contains(&format!("{folder} is a folder; name a file in it")), "{refused:#?}");
        }
    }
    fs::remove_dir(home.path().join("copies")).unwrap();
    home.cli(["backup", "absent/copy.db"]).exits(1);
    home.cli(["migrate", "check"]).exits(0);
    let mut left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["copy.db", "linked.db"], "nothing else is left");
}

#[test]
fn what_cannot_be_copied_says_so_and_leaves_nothing() {
    let home = Home::on(Database::Sqlite);
    let file = home.database.folder().unwrap().join("keepstone.db");
    let absent = home.cli(["backup", "copy.db"]).exits(2);
    assert!(absent.stderr.contains("cannot be backed up"), "{absent:#?}");
    assert!(!file.exists(), "to look is not to make");
    let below_a_file = Home::on(Database::Sqlite).file("file", "").env("DATABASE_URL", "sqlite:///./file/keepstone.db");
    let unreadable = below_a_file.cli(["backup", "copy.db"]).exits(1);
    assert!(unreadable.stderr.contains("cannot be read: "), "{unreadable:#?}");
    let memory = Home::on(Database::Sqlite).env("DATABASE_URL", "sqlite::memory:");
    assert!(memory.cli(["backup", "copy.db"]).exits(2).stderr.contains("in memory"));

    home.cli(["migrate", "upgrade"]).exits(0);
    let mut bytes = fs::read(&file).unwrap();
    let end = bytes.len();
    bytes[8192..end].fill(0x5a);
    fs::write(&file, bytes).unwrap();
    let damaged = home.cli(["backup", "copy.db"]).exits(1);
    assert!(damaged.stderr.contains("malformed") || damaged.stderr.contains("damaged"), "{damaged:#?}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn where_there_is_no_room_nothing_is_left() {
    let home = Home::on(Database::Sqlite);
    home.cli(["migrate", "upgrade"]).exits(0);
    home.cli_reading(PASSWORD, ["seed", "--items", "20000", "--password-stdin"]).exits(0);
    let commands = "trap '' XFSZ; ulimit -f 1000; exec keepstone backup copy.db";
    let full = by_the_book(commands, home.path(), &home, &home).exits(1);
    assert!(full.stderr.contains("cannot be copied"), "{full:#?}");
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn the_command_of_a_database_server_is_named() {
    for (url, program) in [
        (
            "postgresql+asyncpg://ada:canary@db.test/app",
            "pg_dump --format=custom --file=copy postgres://ada@db.test/app",
        ),
        ("mysql://ada:canary@db.test/app", "--host=db.test --port=3306 --user=ada app >copy"),
    ] {
        let run = Home::on(Database::Sqlite).env("DATABASE_URL", url).cli(["backup", "copy"]).exits(2);
        assert!(run.stderr.contains(program) && !run.output().contains("canary"), "{run:#?}");
    }
}
