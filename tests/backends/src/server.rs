//! A private server of a database or of Redis: in a temporary folder, on a free port of the loopback, as nobody.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, geteuid};

use crate::programs;
use crate::watched::{Watch, Watched};

/// How to run one kind of server. The lines of shell run in the server's folder and find its port in `$PORT`.
pub(crate) struct Recipe {
    pub(crate) programs: &'static [&'static str],
    pub(crate) prepare: &'static str,
    pub(crate) serve: &'static str,
    /// Ends the server at once, its children too.
    pub(crate) signal: &'static str,
    /// Succeeds as soon as the server answers.
    pub(crate) probe: fn(u16) -> bool,
}

/// How a server differs from the usual one of its kind.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// Files of its folder: their names and contents. The server's line of shell finds them in `$PWD`.
    pub files: Vec<(&'static str, String)>,
    /// More arguments, as a line of shell.
    pub arguments: String,
    /// More of its environment.
    pub environment: Vec<(&'static str, String)>,
}

/// A running server. Dropping it ends it, and so does the end of this process.
pub struct Server {
    /// It listens on 127.0.0.1.
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
        // Between our choice of a port and the server's use of it another process may take it: try again.
        (0..3).find_map(|_attempt| attempt().ok()).expect("the server must start; its log is above")
    }

    /// The process to stop, to kill, to watch.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.process.pid().expect("it was running at the start")
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
            // PostgreSQL takes no key that others may read.
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(name));
            file.and_then(|mut file| file.write_all(content.as_bytes())).expect("a file in the server's folder");
        }
        if geteuid().is_root() {
            // PostgreSQL refuses to run as root, and nothing else has to.
            let (user, group) = (id("-u"), id("-g"));
            chown(&folder, Some(user), Some(group)).expect("root may do this");
            for (name, _) in &options.files {
                chown(folder.join(name), Some(user), Some(group)).expect("root may do this");
            }
            command.uid(user).gid(group);
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

/// Runs a client program and says whether it succeeded.
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

fn id(which: &str) -> u32 {
    let output = Command::new("id").args([which, "nobody"]).output().expect("id must run");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("there is a user nobody")
}

fn text(file: &mut File) -> String {
    let mut text = Vec::new();
    let _ = file.rewind().and_then(|()| file.read_to_end(&mut text)); // as much as there is
    String::from_utf8_lossy(&text).into_owned()
}
