//! A person at a terminal: a password is asked for, and not shown.

use std::fs::File;
use std::io::{Read, Write};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::harness::{Home, PASSWORD, eventually};

/// A terminal with a program on it.
struct Terminal {
    person: File,
    seen: Arc<Mutex<String>>,
}

impl Terminal {
    /// Waits until this is shown and what is typed then is not.
    async fn asks_in_secret(&mut self, question: &str) {
        let shown = || self.seen.lock().unwrap().contains(question);
        let echoes = || tcgetattr(&self.person).unwrap().local_modes.contains(LocalModes::ECHO);
        eventually(question, async || (shown() && !echoes()).then_some(())).await;
    }

    fn types(&mut self, line: &str) {
        self.person.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

#[tokio::test]
async fn a_password_that_is_typed_is_not_shown() {
    if Command::new("setsid").arg("--version").output().is_err() {
        eprintln!("skipped: no setsid on the PATH");
        return;
    }
    let home = Home::new();
    home.cli(["migrate", "upgrade"]).exits(0);
    for (second, code) in [("something else", 2), (PASSWORD, 0)] {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap();
        let program = || File::from(open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap());
        let mut command = Command::new("setsid");
        command.args(["--ctty", env!("CARGO_BIN_EXE_keepstone"), "create-user", "--email", "ada@example.com"]);
        command.env_clear().envs(&home.environment).current_dir(home.path());
        let mut process = command.stdin(program()).stdout(program()).stderr(program()).spawn().unwrap();
        drop(command); // and its side of the terminal

        let person = File::from(person);
        let seen = Arc::new(Mutex::new(String::new()));
        let (mut screen, kept) = (person.try_clone().unwrap(), Arc::clone(&seen));
        thread::spawn(move || {
            let mut part = [0; 512];
            while let Ok(length @ 1..) = screen.read(&mut part) {
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&part[..length]));
            }
        });
        let mut terminal = Terminal { person, seen: Arc::clone(&seen) };
        terminal.asks_in_secret("Password: ").await;
        terminal.types(PASSWORD);
        terminal.asks_in_secret("Once more: ").await;
        terminal.types(second);
        let status = eventually("its end", async || process.try_wait().unwrap()).await;
        let said = seen.lock().unwrap().clone();
        assert_eq!(status.code(), Some(code), "{said}");
        assert!(!said.contains(PASSWORD) && !said.contains(second), "{said}");
    }
    let server = home.start().await;
    server.anonymous().named("ada@example.com").log_in().await;
}
