//! A private mail server (aiosmtpd, which `tests/run` installs) that stores received e-mails and can inject faults:
//!
//! ```no_run
//! # use keepstone_test_backends::{Fault, Smtp, SmtpStep};
//! let smtp = Smtp::start(); // or Smtp::with().starttls().login("user", "password").start()
//! let (mail_url, mail_ca_file) = (smtp.url(), smtp.ca_file()); // for MAIL_URL and MAIL_CA_FILE
//! smtp.fault(&Fault::Reply(SmtpStep::To, "451 4.2.1 try again later"));
//! smtp.clear_fault();
//! smtp.stop(); // refuses new connections, and closes the open ones
//! smtp.start_again();
//! for mail in smtp.received() {
//!     println!("{:?} {:?} {}", mail.to, mail.header("Subject"), mail.text);
//! }
//! ```
//!
//! An e-mail is stored before the server confirms it, so tests need not wait for it. The server reads the fault again
//! at each step, so a test may change it during a conversation.

use std::fs::{self, File};
use std::io::BufRead;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::json;

use crate::authority::Authority;
use crate::programs;
use crate::received::Received;
use crate::server::free_port;
use crate::watched::{Watch, Watched};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../smtp/server.py");

/// A running mail server. It ends when it is dropped, and when this process ends.
pub struct Smtp {
    port: u16,
    url: String,
    folder: PathBuf,
    process: Watched,
}

/// The options of a mail server.
#[derive(Debug, Clone)]
pub struct SmtpOptions {
    tls: &'static str,
    login: Option<(String, String)>,
    name: String,
    certificate: Kind,
}

/// The certificate of the mail server.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Valid,
    Expired,
    Authority,
}

/// A fault of the mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Sends this reply, such as `550 5.1.1 no such user`, at this step of every conversation. After 421 it
    /// disconnects.
    Reply(SmtpStep, &'static str),
    /// Accepts connections, but sends no reply.
    Silence,
    /// Sends one byte per second.
    Slow,
    /// Disconnects after the whole e-mail, without a reply. The e-mail is stored, but not `answered`.
    HangUp,
    /// Sends invalid TLS data after STARTTLS.
    BrokenTls,
    /// Sends two more lines in plain text after the reply to STARTTLS, as an attacker on the network path could.
    Injection,
}

/// The steps of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpStep {
    Connect,
    Login,
    From,
    To,
    Data,
    /// The reply after the text.
    End,
}

impl SmtpOptions {
    /// Requires STARTTLS before other commands.
    #[must_use]
    pub fn starttls(self) -> Self {
        Self { tls: "starttls", ..self }
    }

    /// Uses TLS from the start of a connection.
    #[must_use]
    pub fn tls(self) -> Self {
        Self { tls: "implicit", ..self }
    }

    /// Requires a login. (`user` and `password` must not need escaping in a URL.)
    #[must_use]
    pub fn login(self, user: &str, password: &str) -> Self {
        Self { login: Some((user.to_owned(), password.to_owned())), ..self }
    }

    /// Uses a certificate for this name instead of `localhost`.
    #[must_use]
    pub fn certified_for(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// Uses an expired certificate.
    #[must_use]
    pub fn expired(self) -> Self {
        Self { certificate: Kind::Expired, ..self }
    }

    /// Uses the certificate of the authority itself, as servers with a self-signed certificate do.
    #[must_use]
    pub fn self_signed(self) -> Self {
        Self { certificate: Kind::Authority, ..self }
    }

    /// Starts the server.
    #[must_use]
    pub fn start(self) -> Smtp {
        let python = python().expect("tests/run installs aiosmtpd");
        // Retries, because another process may bind the chosen port before the server does.
        (0..3).find_map(|_attempt| self.attempt(&python)).expect("the mail server must start; its errors are above")
    }

    fn attempt(&self, python: &Path) -> Option<Smtp> {
        let folder = tempfile::Builder::new().prefix("keepstone-").tempdir().expect("a temporary folder").keep();
        let port = free_port();
        self.certify(&folder);
        let options = json!({
            "tls": self.tls,
            "login": self.login,
            "certificate": folder.join("server.pem"),
            "key": folder.join("key.pem"),
        });
        let mut watch = Watch::with(&folder, "KILL", ":", [python.as_os_str(), "-B".as_ref(), SCRIPT.as_ref()]);
        let command = watch.command().arg(&folder).arg(port.to_string()).arg(options.to_string());
        let log = folder.join("log");
        command
            .env_clear()
            .env("PATH", programs::path())
            .current_dir(&folder)
            .stderr(File::create(&log).expect("the folder is ours"));
        let mut process = watch.start();
        let mut line = String::new();
        process.output().expect("the output was not read before").read_line(&mut line).expect("its output is a pipe");
        let login = self.login.as_ref().map_or_else(String::new, |(user, password)| format!("{user}:{password}@"));
        let url = match self.tls {
            "none" => format!("smtp://{login}127.0.0.1:{port}"),
            "starttls" => format!("smtp://{login}localhost:{port}?tls=required"),
            _ => format!("smtps://{login}localhost:{port}"),
        };
        if line != "listening\n" {
            // The log is printed now, because it is removed with its folder.
            eprintln!("{SCRIPT} did not start:\n{}", fs::read_to_string(log).unwrap_or_default());
            return None;
        }
        Some(Smtp { port, url, folder, process })
    }

    /// Creates an authority (`ca.pem`) and a certificate signed by it.
    fn certify(&self, folder: &Path) {
        let authority = Authority::new();
        let names = [self.name.as_str()];
        let server = match self.certificate {
            Kind::Valid => authority.issue(&names),
            Kind::Expired => authority.issue_expired(&names),
            Kind::Authority => authority.own(),
        };
        for (name, content) in [("ca.pem", authority.pem()), ("server.pem", &server.pem), ("key.pem", &server.key)] {
            fs::write(folder.join(name), content).expect("the folder is ours");
        }
    }
}

impl Smtp {
    /// Starts a server without TLS and without a login.
    #[must_use]
    pub fn start() -> Self {
        Self::with().start()
    }

    /// Returns the default options, to start a server with other options.
    #[must_use]
    pub fn with() -> SmtpOptions {
        SmtpOptions { tls: "none", login: None, name: "localhost".to_owned(), certificate: Kind::Valid }
    }

    /// Returns why this machine cannot run the mail server, or `None`.
    #[must_use]
    pub fn missing() -> Option<String> {
        python().is_none().then(|| "no aiosmtpd, which tests/run installs".to_owned())
    }

    /// Returns the URL for `MAIL_URL`, with the login if one is required.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the process id of the server.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.process.pid().expect("it was running at the start")
    }

    /// Returns the port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the authority of its certificate, for `MAIL_CA_FILE`.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Returns all e-mails received so far, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        let lines = fs::read_to_string(self.folder.join("received")).unwrap_or_default(); // none yet
        let whole = lines.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).expect("the script writes JSON")).collect()
    }

    /// Returns the number of connections so far. With TLS from the start, only those with a complete handshake count.
    #[must_use]
    pub fn connections(&self) -> usize {
        fs::read(self.folder.join("connections")).map_or(0, |bytes| bytes.len())
    }

    /// Returns the number of open connections.
    #[must_use]
    pub fn open(&self) -> usize {
        fs::read_to_string(self.folder.join("open")).map_or(0, |count| count.parse().expect("a number"))
    }

    /// Injects a fault from now on.
    pub fn fault(&self, fault: &Fault) {
        let (at, say) = match fault {
            Fault::Reply(SmtpStep::Connect, text) => ("connect", *text),
            Fault::Reply(SmtpStep::Login, text) => ("login", *text),
            Fault::Reply(SmtpStep::From, text) => ("from", *text),
            Fault::Reply(SmtpStep::To, text) => ("to", *text),
            Fault::Reply(SmtpStep::Data, text) => ("data", *text),
            Fault::Reply(SmtpStep::End, text) => ("end", *text),
            Fault::Silence => ("silence", ""),
            Fault::Slow => ("slow", ""),
            Fault::HangUp => ("hang_up", ""),
            Fault::BrokenTls => ("broken_tls", ""),
            Fault::Injection => ("injection", ""),
        };
        let (draft, file) = (self.folder.join("fault.draft"), self.folder.join("fault"));
        fs::write(&draft, json!({ "at": at, "say": say }).to_string()).expect("the folder is ours");
        fs::rename(draft, file).expect("the folder is ours");
    }

    /// Removes the fault.
    pub fn clear_fault(&self) {
        let _ = fs::remove_file(self.folder.join("fault")); // there may be no fault
    }

    /// Refuses new connections from now on, and closes the open ones.
    pub fn stop(&self) {
        self.process.signal(Signal::USR1);
        self.wait_until_listening_is(false);
    }

    /// Accepts connections again, on the same port.
    pub fn start_again(&self) {
        self.process.signal(Signal::USR2);
        self.wait_until_listening_is(true);
    }

    fn wait_until_listening_is(&self, listening: bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() != listening {
            assert!(Instant::now() < deadline, "the mail server did not react to a signal");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Returns the Python that `tests/run` installs: `tmp/smtp` in the target folder, which contains the running program.
fn python() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program.ancestors().map(|folder| folder.join("tmp/smtp/bin/python3")).find(|python| python.is_file())
}
