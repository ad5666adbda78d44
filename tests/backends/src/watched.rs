//! A process that cannot outlive the test process, because it runs under `watchdog.sh`.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A process to start, and how to end it. Set its environment and arguments on [`command`](Self::command).
pub struct Watch(Command);

impl Watch {
    /// Creates a watch for this program.
    #[must_use]
    pub fn over(program: impl AsRef<OsStr>) -> Self {
        Self::with(Path::new(""), "KILL", ":", [program])
    }

    /// Creates a watch that first runs the shell command `prepare`. When the process must end, it sends `signal`, which
    /// must end `server` and all its children, and removes `folder`.
    pub(crate) fn with<S: AsRef<OsStr>>(
        folder: &Path,
        signal: &str,
        prepare: &str,
        server: impl IntoIterator<Item = S>,
    ) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", include_str!("watchdog.sh"), "watchdog"]).arg(folder).args([signal, prepare]).args(server);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0); // not interrupted by Ctrl-C
        Self(command)
    }

    /// Returns the command. Arguments added to it are passed to the program.
    pub fn command(&mut self) -> &mut Command {
        &mut self.0
    }

    /// Starts the process.
    pub fn start(mut self) -> Watched {
        let mut watchdog = self.0.spawn().expect("sh must start");
        let mut output = BufReader::new(watchdog.stdout.take().expect("it is piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the watchdog must answer");
        let pid = line.trim().parse().ok().and_then(Pid::from_raw);
        Watched { watchdog, output: Some(output), pid }
    }
}

/// A running process. Dropping it ends the process and waits until it has ended.
pub struct Watched {
    watchdog: Child,
    output: Option<BufReader<ChildStdout>>,
    pid: Option<Pid>,
}

impl Watched {
    /// Returns the process id. `None` if the preparation failed and nothing runs.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        self.pid
    }

    /// Returns its standard output. Only the first call returns it.
    pub fn output(&mut self) -> Option<BufReader<ChildStdout>> {
        self.output.take()
    }

    /// Returns its standard error, if the command pipes it. Only the first call returns it.
    pub fn errors(&mut self) -> Option<ChildStderr> {
        self.watchdog.stderr.take()
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid {
            let _ = kill_process(pid, signal); // it may have ended by itself
        }
    }

    /// Returns its exit status, or `None` while it runs. (`sh` reports termination by signal n as exit code 128 + n.)
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.watchdog.try_wait().expect("the watchdog is our child")
    }

    /// Waits until the process has ended, for at most `patience`.
    pub fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take()); // the watchdog ends the process
        let _ = self.watchdog.wait();
    }
}
