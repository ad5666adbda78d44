//! Tests that the servers start, that each database is new, and that no server outlives the process that started it.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use keepstone_test_backends::{Browser, Database, Server, Smtp, is_skipped, redis, redis_missing, redis_url};

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        sleep(Duration::from_millis(10));
    }
}

fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[test]
fn every_created_database_is_different() {
    for database in Database::ALL {
        if !is_skipped(database.missing()) {
            assert_ne!(database.create().url(), database.create().url());
        }
    }
}

#[test]
fn a_server_ends_when_it_is_dropped() {
    for database in [Database::Postgres, Database::Mariadb] {
        if !is_skipped(database.missing()) {
            let server = database.server();
            let port = server.port;
            assert!(listens(port));
            drop(server);
            assert!(!listens(port), "{database} must have ended");
        }
    }
}

#[test]
fn redis_answers() {
    if !is_skipped(redis_missing()) {
        let port = redis_url().trim_end_matches("/0").rsplit(':').next().unwrap().parse().unwrap();
        assert!(listens(port));
    }
}

#[test]
fn postgres_ends_with_a_killed_test_process() {
    if !is_skipped(Database::Postgres.missing()) {
        ends_with_its_test_process("postgres");
    }
}

#[test]
fn mariadb_ends_with_a_killed_test_process() {
    if !is_skipped(Database::Mariadb.missing()) {
        ends_with_its_test_process("mariadb");
    }
}

#[test]
fn redis_ends_with_a_killed_test_process() {
    if !is_skipped(redis_missing()) {
        ends_with_its_test_process("redis");
    }
}

#[test]
fn a_mail_server_ends_with_a_killed_test_process() {
    if !is_skipped(Smtp::missing()) {
        ends_with_its_test_process("smtp");
    }
}

#[test]
fn a_mail_server_that_was_stopped_starts_again_on_its_port() {
    if !is_skipped(Smtp::missing()) {
        let smtp = Smtp::start();
        assert!(listens(smtp.port()));
        smtp.stop();
        assert!(!listens(smtp.port()));
        smtp.start_again();
        assert!(listens(smtp.port()));
    }
}

#[test]
fn a_browser_ends_with_a_killed_test_process_and_so_do_its_children() {
    if !is_skipped(Browser::missing()) {
        ends_with_its_test_process("browser");
    }
}

/// Starts the server in another process, kills that process with SIGKILL, and checks that nothing is left.
fn ends_with_its_test_process(server: &str) {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "holds_a_server_until_it_is_killed", "--ignored", "--nocapture"])
        .env("TEST_HOLDS", server)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).find_map(|line| Some(line.split_once("holding ")?.1.to_owned())).unwrap();
    let (pid, port) = line.split_once(' ').unwrap();
    let (pid, port) = (rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap(), port.parse().unwrap());
    assert!(listens(port));
    let folder = std::fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero())).ok(); // Linux only
    let folder = folder.map(|folder| folder.ancestors().find(|folder| is_ours(folder)).unwrap_or(&folder).to_owned());
    assert!(folder.as_deref().is_none_or(|folder| processes_in(folder) > 0));
    process.kill().unwrap();
    process.wait().unwrap();
    eventually("the server's process has ended", || rustix::process::test_kill_process(pid).is_err());
    eventually("its port is free", || !listens(port));
    if let Some(folder) = folder {
        eventually("its children have ended", || processes_in(&folder) == 0);
        eventually("its folder has been removed", || !folder.exists());
    }
}

/// Counts the processes that run in this folder or have it among their arguments.
fn processes_in(folder: &Path) -> usize {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let runs_there = |process: &Path| {
        let arguments = std::fs::read(process.join("cmdline")).unwrap_or_default();
        let is_argument = String::from_utf8_lossy(&arguments).contains(&name);
        is_argument || std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.to_string_lossy().contains(&name))
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter(|process| runs_there(&process.path())).count()
}

fn is_ours(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("keepstone-"))
}

#[test]
#[ignore = "the tests above start this in a separate process"]
#[expect(clippy::disallowed_methods, reason = "tests do not read their environment through the settings")]
fn holds_a_server_until_it_is_killed() {
    let hold_process = |pid: rustix::process::Pid, port: u16| {
        let mut output = std::io::stdout();
        writeln!(output, "holding {} {port}", pid.as_raw_nonzero()).unwrap();
        sleep(Duration::from_mins(1));
    };
    let hold = |server: &Server| hold_process(server.pid(), server.port);
    match std::env::var("TEST_HOLDS").unwrap().as_str() {
        "postgres" => hold(&Database::Postgres.server()),
        "mariadb" => hold(&Database::Mariadb.server()),
        "browser" => hold(Browser::start().chromium()),
        "smtp" => {
            let smtp = Smtp::start();
            hold_process(smtp.pid(), smtp.port());
        }
        _redis => hold(&redis()),
    }
}
