//! A private mail server (aiosmtpd, which `tests/run` installs) that keeps what it gets and misbehaves when told to:
//!
//! ```no_run
//! # use keepstone_test_backends::{Fault, Smtp, SmtpStep};
//! let smtp = Smtp::start(); // or Smtp::with().starttls().login("user", "password").start()
//! let (mail_url, mail_ca_file) = (smtp.url(), smtp.ca_file()); // for MAIL_URL and MAIL_CA_FILE
//! smtp.fault(&Fault::Reply(SmtpStep::To, "451 4.2.1 come again"));
//! smtp.mend();
//! smtp.stop(); // its port refuses connections, and those that there were break
//! smtp.start_again();
//! for mail in smtp.received() {
//!     println!("{:?} {:?} {}", mail.to, mail.header("Subject"), mail.text);
//! }
//! ```
//!
//! An e-mail is among those received before the server says that it has it, so that nobody has to wait for it. Of what
//! a fault says, the server reads again at each step: it may be changed in the middle of a conversation.

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

/// A running mail server. Dropping it ends it, and so does the end of this process.
pub struct Smtp {
    port: u16,
    url: String,
    folder: PathBuf,
    process: Watched,
}

/// What a mail server is to be like.
#[derive(Debug, Clone)]
pub struct SmtpOptions {
    tls: &'static str,
    login: Option<(String, String)>,
    name: String,
    certificate: Kind,
}

/// Which certificate a mail server shows.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Valid,
    Expired,
    Authority,
}

/// How to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Says this, such as `550 5.1.1 no such user`, at this step of every conversation. After 421 it hangs up.
    Reply(SmtpStep, &'static str),
    /// Takes connections and never says anything (again).
    Silence,
    /// Says a byte each second.
    Slow,
    /// Hangs up when it has the whole e-mail, without a word. It is among those received, not `answered`.
    HangUp,
    /// Answers to STARTTLS with what is no TLS.
    BrokenTls,
    /// Has two more lines behind the answer to STARTTLS, in clear, as somebody between could put them there.
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
    /// After the text.
    End,
}

impl SmtpOptions {
    /// It offers STARTTLS, and takes nothing before that.
    #[must_use]
    pub fn starttls(self) -> Self {
        Self { tls: "starttls", ..self }
    }

    /// It speaks TLS from the start.
    #[must_use]
    pub fn tls(self) -> Self {
        Self { tls: "implicit", ..self }
    }

    /// It wants to know who sends. (`user` and `password` need no escapes in a URL.)
    #[must_use]
    pub fn login(self, user: &str, password: &str) -> Self {
        Self { login: Some((user.to_owned(), password.to_owned())), ..self }
    }

    /// Its certificate is for this name instead of `localhost`.
    #[must_use]
    pub fn certified_for(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// Its certificate has expired.
    #[must_use]
    pub fn expired(self) -> Self {
        Self { certificate: Kind::Expired, ..self }
    }

    /// It shows the certificate of the authority itself, as servers with a self-signed certificate do.
    #[must_use]
    pub fn self_signed(self) -> Self {
        Self { certificate: Kind::Authority, ..self }
    }

    /// Starts it.
    #[must_use]
    pub fn start(self) -> Smtp {
        let python = python().expect("tests/run installs aiosmtpd");
        // Between our choice of a port and the server's use of it another process may take it: try again.
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
        process.output().expect("nobody has asked").read_line(&mut line).expect("its output is a pipe");
        let login = self.login.as_ref().map_or_else(String::new, |(user, password)| format!("{user}:{password}@"));
        let url = match self.tls {
            "none" => format!("smtp://{login}127.0.0.1:{port}"),
            "starttls" => format!("smtp://{login}localhost:{port}?tls=required"),
            _ => format!("smtps://{login}localhost:{port}"),
        };
        if line != "listening\n" {
            eprintln!("{SCRIPT} did not start:\n{}", fs::read_to_string(log).unwrap_or_default()); // gone with its folder
            return None;
        }
        Some(Smtp { port, url, folder, process })
    }

    /// An authority (`ca.pem`), and a certificate from it.
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
    /// Starts one without TLS and without a login.
    #[must_use]
    pub fn start() -> Self {
        Self::with().start()
    }

    /// To start another one.
    #[must_use]
    pub fn with() -> SmtpOptions {
        SmtpOptions { tls: "none", login: None, name: "localhost".to_owned(), certificate: Kind::Valid }
    }

    /// Why this machine has none.
    #[must_use]
    pub fn missing() -> Option<String> {
        python().is_none().then(|| "no aiosmtpd, which tests/run installs".to_owned())
    }

    /// As `MAIL_URL` takes it, with the login if there is one.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.process.pid().expect("it was running at the start")
    }

    /// On 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The authority of its certificate, as `MAIL_CA_FILE` takes it.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Every e-mail until now, the first one first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        let lines = fs::read_to_string(self.folder.join("received")).unwrap_or_default(); // none yet
        let whole = lines.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).expect("the script writes JSON")).collect()
    }

    /// How often somebody has connected and, where it speaks TLS from the start, got so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        fs::read(self.folder.join("connections")).map_or(0, |bytes| bytes.len())
    }

    /// How many are connected.
    #[must_use]
    pub fn open(&self) -> usize {
        fs::read_to_string(self.folder.join("open")).map_or(0, |count| count.parse().expect("a number"))
    }

    /// Misbehaves from now on.
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

    /// Behaves from now on.
    pub fn mend(&self) {
        let _ = fs::remove_file(self.folder.join("fault")); // it may have behaved before
    }

    /// Refuses connections from now on, and breaks those that there are.
    pub fn stop(&self) {
        self.process.signal(Signal::USR1);
        self.wait_until_listening_is(false);
    }

    /// Takes connections again, on the same port.
    pub fn start_again(&self) {
        self.process.signal(Signal::USR2);
        self.wait_until_listening_is(true);
    }

    fn wait_until_listening_is(&self, listening: bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() != listening {
            assert!(Instant::now() < deadline, "the mail server must hear a signal");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Of the folder that `tests/run` installs into: `tmp/smtp` in the target folder, above the program that runs.
fn python() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program.ancestors().map(|folder| folder.join("tmp/smtp/bin/python3")).find(|python| python.is_file())
}
