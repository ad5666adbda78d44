//! Interactive use at a terminal: questions, echo, and repeated questions after invalid input.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;

use keepstone_test_backends::{Database, is_skipped};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use serde_json::json;

use crate::harness::{Home, PASSWORD, eventually};

/// The key that ends the input (Ctrl-D).
const END: &str = "\u{4}";

/// A terminal that runs a program.
struct Terminal {
    person: File,
    process: Child,
    seen: Arc<Mutex<String>>,
    /// The length of the output that has already been matched.
    read: usize,
}

impl Terminal {
    fn run(home: &Home, arguments: &[&str]) -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap();
        let program = || File::from(open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap());
        let mut command = Command::new("setsid");
        command.args(["--ctty", env!("CARGO_BIN_EXE_keepstone")]).args(arguments);
        command.env_clear().envs(&home.environment).current_dir(home.path());
        let process = command.stdin(program()).stdout(program()).stderr(program()).spawn().unwrap();
        drop(command); // closes its side of the terminal

        let person = File::from(person);
        let seen = Arc::new(Mutex::new(String::new()));
        let (mut screen, shared) = (person.try_clone().unwrap(), Arc::clone(&seen));
        thread::spawn(move || {
            let mut part = [0; 512];
            while let Ok(length @ 1..) = screen.read(&mut part) {
                shared.lock().unwrap().push_str(&String::from_utf8_lossy(&part[..length]));
            }
        });
        Self { person, process, seen, read: 0 }
    }

    /// Waits until this text appears after the text matched before.
    async fn shows(&mut self, text: &str) {
        let seen = Arc::clone(&self.seen);
        let read = self.read;
        let end = || seen.lock().unwrap()[read..].find(text).map(|place| read + place + text.len());
        self.read = eventually(text, async || end()).await;
    }

    /// Waits for this question and for echo to be off.
    async fn asks_in_secret(&mut self, question: &str) {
        self.shows(question).await;
        let echoes = || tcgetattr(&self.person).unwrap().local_modes.contains(LocalModes::ECHO);
        eventually(question, async || (!echoes()).then_some(())).await;
    }

    fn types(&mut self, line: &str) {
        self.person.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Waits for the program to exit, and returns its complete output.
    async fn exits(mut self, code: i32) -> String {
        let status = eventually("the program exits", async || self.process.try_wait().unwrap()).await;
        let seen = self.seen.lock().unwrap().clone();
        assert_eq!(status.code(), Some(code), "{seen}");
        seen
    }
}

fn is_here() -> bool {
    let has_setsid = Command::new("setsid").arg("--version").output().is_ok();
    !is_skipped((!has_setsid).then(|| "no setsid on the PATH".to_owned()))
}

#[tokio::test]
async fn a_typed_password_is_hidden_and_asked_again_if_invalid() {
    if !is_here() {
        return;
    }
    let home = Home::new().migrated();
    let mut terminal = Terminal::run(&home, &["create-user", "--email", "ada@example.com"]);
    terminal.asks_in_secret("Password: ").await;
    terminal.types("short");
    terminal.shows("the password must have at least 8 characters").await;
    terminal.asks_in_secret("Password: ").await;
    terminal.types(PASSWORD);
    terminal.asks_in_secret("Once more: ").await;
    terminal.types("something else");
    terminal.shows("the two passwords differ").await;
    terminal.asks_in_secret("Password: ").await;
    terminal.types(PASSWORD);
    terminal.asks_in_secret("Once more: ").await;
    terminal.types(PASSWORD);
    let seen = terminal.exits(0).await;
    for typed in [PASSWORD, "something else", "short"] {
        assert!(!seen.contains(typed), "{seen}");
    }
    let server = home.start().await;
    server.anonymous().named("ada@example.com").log_in().await;
}

#[tokio::test]
async fn an_invalid_or_taken_address_is_asked_again() {
    if !is_here() {
        return;
    }
    let home = Home::new().migrated();
    home.cli_reading(PASSWORD, ["create-user", "--email", "ada@example.com", "--password-stdin"]).exits(0);
    let mut terminal = Terminal::run(&home, &["create-user", "--role", "admin"]);
    terminal.shows("E-mail: ").await;
    terminal.types("ada.example.com");
    terminal.shows("the address must be an e-mail address").await;
    terminal.shows("E-mail: ").await;
    terminal.types(" Ada@example.com ");
    for question in ["Password: ", "Once more: "] {
        terminal.asks_in_secret(question).await;
        terminal.types(PASSWORD);
    }
    terminal.shows("already registered").await;
    terminal.shows("E-mail: ").await;
    terminal.types("bob@example.com");
    terminal.exits(0).await;
    let users = home.users();
    let bob = users.iter().find(|user| user["email"] == "bob@example.com").unwrap();
    assert_eq!((users.len(), &bob["role"]), (2, &json!("admin")));
}

#[tokio::test]
async fn questions_end_after_three_attempts_or_at_end_of_input() {
    if !is_here() {
        return;
    }
    let home = Home::on(Database::Sqlite).migrated();
    let mut terminal = Terminal::run(&home, &["create-user"]);
    for _attempt in 0..3 {
        terminal.shows("E-mail: ").await;
        terminal.types("nonsense");
    }
    let seen = terminal.exits(2).await;
    assert!(seen.contains("no user was created"), "{seen}");

    let mut terminal = Terminal::run(&home, &["create-user"]);
    terminal.shows("E-mail: ").await;
    terminal.person.write_all(END.as_bytes()).unwrap();
    terminal.exits(2).await;

    let mut terminal = Terminal::run(&home, &["create-user", "--email", "ada@example.com"]);
    terminal.asks_in_secret("Password: ").await;
    terminal.person.write_all(END.as_bytes()).unwrap();
    terminal.exits(2).await;
    assert!(home.users().is_empty());
}

#[tokio::test]
async fn a_downgrade_asks_for_confirmation() {
    if !is_here() {
        return;
    }
    let home = Home::on(Database::Sqlite).migrated();
    let mut home = home;
    for (environment, answer) in
        [("test", "n\n"), ("test", "\n"), ("test", "yes please\n"), ("production", "no\n"), ("test", END)]
    {
        home = home.env("ENVIRONMENT", environment);
        let mut terminal = Terminal::run(&home, &["migrate", "downgrade", "base"]);
        terminal.shows("all data in table users").await;
        terminal.shows("[y/N] ").await;
        terminal.person.write_all(answer.as_bytes()).unwrap();
        terminal.exits(1).await;
        home.cli(["migrate", "check"]).exits(0);
    }
    for (environment, answer) in [("test", "y"), ("production", "YES")] {
        home = home.env("ENVIRONMENT", environment);
        let mut terminal = Terminal::run(&home, &["migrate", "downgrade", "base"]);
        terminal.shows("[y/N] ").await;
        terminal.types(answer);
        terminal.exits(0).await;
        home.cli(["migrate", "check"]).exits(1);
        home.cli(["migrate", "upgrade"]).exits(0);
    }
    let terminal = Terminal::run(&home, &["migrate", "downgrade", "--yes", "base"]);
    let seen = terminal.exits(0).await;
    assert!(!seen.contains("[y/N]"), "{seen}");
}
