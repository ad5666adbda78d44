//! The command line, run to completion in the folder and the environment of a home.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{Home, PATIENCE};

/// The result of a command.
#[derive(Debug)]
pub struct Run {
    pub stdout: String,
    pub stderr: String,
    /// `None` if a signal ended the process.
    pub code: Option<i32>,
}

impl Run {
    /// Runs any program, which must end in time.
    pub fn of(mut command: Command, input: &str, patience: Duration) -> Self {
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes()); // the program need not read its input
        let id = Pid::from_child(&process);
        let (sender, receiver) = channel();
        thread::spawn(move || sender.send(process.wait_with_output().unwrap()));
        let output = receiver.recv_timeout(patience).unwrap_or_else(|_late| {
            kill_process(id, Signal::KILL).unwrap();
            panic!("it does not end: {command:?}");
        });
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { stdout: text(&output.stdout), stderr: text(&output.stderr), code: output.status.code() }
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Returns both outputs, for text that may be on either.
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self:#?}"))
    }
}

impl Home {
    /// Runs `keepstone` with these arguments.
    pub fn cli<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        self.cli_reading("", arguments)
    }

    /// Runs `keepstone` with this text on standard input.
    pub fn cli_reading<'a>(&self, input: &str, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        self.cli_patiently(input, arguments, PATIENCE)
    }

    /// Runs `keepstone` with a longer time limit.
    pub fn cli_patiently<'a>(
        &self,
        input: &str,
        arguments: impl IntoIterator<Item = &'a str>,
        patience: Duration,
    ) -> Run {
        self.run(input, Stdio::piped(), patience, arguments)
    }

    /// Runs `keepstone` with the given standard output.
    pub fn cli_between<'a>(&self, input: &str, output: Stdio, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        self.run(input, output, PATIENCE, arguments)
    }

    /// Applies all migrations.
    pub fn migrated(self) -> Self {
        self.cli(["migrate", "upgrade", "head"]).exits(0);
        self
    }

    fn run<'a>(
        &self,
        input: &str,
        output: Stdio,
        patience: Duration,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keepstone"));
        command.args(arguments).env_clear().envs(&self.environment).current_dir(self.path());
        command.stdout(output);
        Run::of(command, input, patience)
    }

    /// Returns every account, as listed by `list-users --json`.
    #[track_caller]
    pub fn users(&self) -> Vec<Value> {
        match self.cli(["list-users", "--json"]).exits(0).json() {
            Value::Array(users) => users,
            other => panic!("list-users must be an array: {other}"),
        }
    }
}
