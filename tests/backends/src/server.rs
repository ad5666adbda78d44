//! A private server of a database or of Redis: in a temporary folder, on a free loopback port, and never as root.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::programs;
use crate::watched::{Watch, Watched};

/// The user and group that own nothing on Linux.
const UNPRIVILEGED: u32 = 65_534;

/// The commands that run a kind of server. The shell commands run in the server's folder, with its port in `$PORT`.
pub(crate) struct Recipe {
    pub(crate) programs: &'static [&'static str],
    pub(crate) prepare: &'static str,
    pub(crate) serve: &'static str,
    /// The signal that ends the server and its children at once.
    pub(crate) signal: &'static str,
    /// Returns whether the server responds.
    pub(crate) probe: fn(u16) -> bool,
}

/// The differences of a server from the default of its kind.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// Names and contents of files in its folder. The server's shell command finds them in `$PWD`.
    pub files: Vec<(&'static str, String)>,
    /// Additional arguments, in shell syntax.
    pub arguments: String,
    /// Additional environment variables.
    pub environment: Vec<(&'static str, String)>,
}

/// A running server. It ends when it is dropped, and when this process ends.
pub struct Server {
    /// The port on 127.0.0.1.
    pub port: u16,
    process: Watched,
}

impl Server {
    pub(crate) fn start(recipe: &Recipe) -> Self {
        Self::start_with(recipe, &ServerOptions::default())
    }

    pub(crate) fn start_with(recipe: &Recipe, options: &ServerOptions) -> Self {
        if let Some(missing) = programs::missing(recipe.programs) {
            panic!("{missing}");
        }
        let attempt =
            || Self::attempt(recipe, options).map_err(|log| eprintln!("{:?} did not start:\n{log}", recipe.programs));
        // Retries, because another process may bind the chosen port before the server does.
        (0..3).find_map(|_attempt| attempt().ok()).expect("the server must start; its log is above")
    }

    /// Returns the process id of the server.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.process.pid().expect("it was running at the start")
    }

    /// Sends a signal to the server and to the processes of its sessions.
    pub fn signal(&self, signal: Signal) {
        let pid = self.pid();
        let id = pid.as_raw_nonzero();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|child| Pid::from_raw(child.parse().ok()?));
        for process in children.chain([pid]) {
            let _ = kill_process(process, signal); // a session may have ended by itself
        }
    }

    fn attempt(recipe: &Recipe, options: &ServerOptions) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("keepstone-").tempdir().expect("a temporary folder").keep();
        let mut log = tempfile::tempfile().expect("a temporary file");
        let port = free_port();
        let serve = format!("exec {} {} >&2", recipe.serve, options.arguments);
        let mut watch = Watch::with(&folder, recipe.signal, recipe.prepare, ["sh", "-c", &serve]);
        let command = watch.command();
        command.env_clear().env("PATH", programs::path()).env("HOME", &folder).env("PORT", port.to_string());
        command.env("LC_ALL", if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" });
        command.envs(options.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&folder).stderr(log.try_clone().expect("a second handle"));
        for (name, content) in &options.files {
            // PostgreSQL rejects key files that other users may read.
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(name));
            file.and_then(|mut file| file.write_all(content.as_bytes())).expect("a file in the server's folder");
        }
        if geteuid().is_root() {
            // PostgreSQL refuses to run as root, and no other server needs root.
            chown(&folder, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).expect("root may do this");
            for (name, _) in &options.files {
                chown(folder.join(name), Some(UNPRIVILEGED), Some(UNPRIVILEGED)).expect("root may do this");
            }
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        let mut process = watch.start();
        let deadline = Instant::now() + Duration::from_mins(1);
        while Instant::now() < deadline && process.ended().is_none() {
            if (recipe.probe)(port) {
                return Ok(Self { port, process });
            }
            thread::sleep(Duration::from_millis(20));
        }
        drop(process);
        Err(text(&mut log))
    }
}

/// Runs a client program and returns whether it succeeded.
pub(crate) fn succeeds(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", programs::path()).envs(environment.iter().copied());
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

fn text(file: &mut File) -> String {
    let mut text = Vec::new();
    let _ = file.rewind().and_then(|()| file.read_to_end(&mut text)); // returns what could be read
    String::from_utf8_lossy(&text).into_owned()
}
