//! A real server process: started, watched, and stopped at the end of the test.

use std::io::{BufRead, BufReader, Read};
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

use keepstone_test_backends::{Watch, Watched};
use rustix::process::{Pid, Signal};
use serde_json::Value;

use super::command::Run;
use super::{Client, Home, PATIENCE, together};

pub struct Server {
    pub home: Arc<Home>,
    pub url: String,
    process: Watched,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// Starts a server with the default test settings.
    pub async fn start() -> Self {
        Self::with().start().await
    }

    /// Returns a home for other settings: `Server::with().env("TOKEN_RESPONSE_CASE", "camel").start().await`.
    pub fn with() -> Home {
        Home::new()
    }

    /// Starts another server in the same home.
    pub async fn another(&self) -> Self {
        Self::of(Arc::clone(&self.home)).await
    }

    pub async fn of(home: Arc<Home>) -> Self {
        let log = Arc::new(Mutex::new(String::new()));
        let starting = {
            let (home, log) = (Arc::clone(&home), Arc::clone(&log));
            tokio::task::spawn_blocking(move || start(&home, &log))
        };
        let (process, url) = starting.await.unwrap();
        Self { home, url, process, log }
    }

    /// Stops this server, which must be the only one of its home, and returns the home.
    pub fn leave(self) -> Home {
        let home = Arc::clone(&self.home);
        drop(self);
        Arc::into_inner(home).unwrap()
    }

    /// Returns a client that has not logged in.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.url)
    }

    /// Registers `<name>@example.com` and logs in.
    pub async fn user(&self, name: &str) -> Client {
        self.anonymous().register(name).await.log_in().await
    }

    /// Creates an administrator on the command line and logs in.
    pub async fn admin(&self) -> Client {
        let email = "admin@example.com";
        let arguments = ["create-user", "--email", email, "--role", "admin", "--password-stdin"];
        self.home.cli_reading(super::PASSWORD, arguments).exits(0);
        self.anonymous().named(email).log_in().await
    }

    /// Seeds one verified user of each role, and logs in those with the given roles.
    pub async fn seeded<const N: usize>(&self, roles: [&str; N]) -> [Client; N] {
        self.home.cli_reading(super::PASSWORD, ["seed", "--items", "0", "--password-stdin"]).exits(0);
        let people = roles.map(|role| self.anonymous().named(&format!("{role}@example.com")).log_in());
        together(people).await.try_into().unwrap_or_else(|_| unreachable!())
    }

    /// Asserts that every account can log in, so that none is incomplete. Returns the number of accounts.
    pub async fn everyone_can_log_in(&self) -> usize {
        let users = self.home.users();
        for some in users.chunks(20) {
            let clients = some.iter().map(|user| self.anonymous().named(user["email"].as_str().unwrap()));
            together(clients.map(Client::log_in).collect::<Vec<_>>()).await;
        }
        users.len()
    }

    /// Runs the command line in this server's home.
    pub fn cli<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        self.home.cli(arguments)
    }

    /// Returns `host:port`, for raw TCP connections.
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// Returns the log so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Returns the process id.
    pub fn pid(&self) -> Pid {
        self.process.pid().unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for the process to exit.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        self.process.wait(PATIENCE).expect("the server must exit")
    }

    /// Sends SIGTERM and waits for the process to exit.
    #[track_caller]
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.end()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- log of {} ---\n{}---", self.url, self.log());
        }
    }
}

/// Starts the program and waits for the line that contains its address.
fn start(home: &Home, log: &Arc<Mutex<String>>) -> (Watched, String) {
    let mut watch = Watch::over("sh");
    let command = watch.command();
    let limit = home.descriptors.map_or_else(|| ":".to_owned(), |most| format!("ulimit -n {most}"));
    command.args(["-c", &format!("{limit}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_keepstone")]);
    command.args(["serve", "--port", "0", "--announce"]).current_dir(home.path());
    command.env_clear().envs(&home.environment).stderr(Stdio::piped());
    let mut process = watch.start();

    let mut stderr = BufReader::new(process.errors().unwrap());
    let sink = Arc::clone(log);
    thread::spawn(move || {
        let mut line = Vec::new();
        while stderr.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            sink.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });

    let mut stdout = process.output().unwrap();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut first = String::new();
        let _ = stdout.read_line(&mut first); // an empty line is handled below
        let _ = sender.send(first);
        let _ = stdout.read_to_end(&mut Vec::new()); // a full pipe would block the server
    });

    let first = receiver.recv_timeout(PATIENCE).unwrap_or_default();
    let announced: Option<Value> = serde_json::from_str(&first).ok();
    let Some(url) = announced.as_ref().and_then(|line| line["url"].as_str()) else {
        drop(process);
        panic!("serve --announce wrote {first:?} instead of its address; its log:\n{}", log.lock().unwrap());
    };
    (process, url.to_owned())
}
