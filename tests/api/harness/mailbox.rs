//! The e-mails that the servers of a home send: into its folder, or to a mail server.

use std::fs;

use keepstone_domain::{Routine, Task};
use keepstone_test_backends::{Smtp, is_skipped};
use mailparse::{MailHeaderMap, ParsedMail, addrparse_header, parse_mail};
use serde_json::Value;

use super::{Home, Server, eventually};

/// An e-mail, as a mail program displays it.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The address, without the name.
    pub to: String,
    pub subject: String,
    pub message_id: String,
    pub text: String,
    pub html: String,
    /// The unparsed message.
    pub raw: String,
}

impl Letter {
    fn read(raw: &[u8]) -> Self {
        let mail = parse_mail(raw).unwrap();
        let header = |name| mail.headers.get_first_value(name).unwrap_or_default();
        let part = |media_type: &str| body(&mail, media_type).unwrap_or_default();
        Self {
            to: address(&mail),
            subject: header("Subject"),
            message_id: header("Message-ID"),
            text: part("text/plain"),
            html: part("text/html"),
            raw: String::from_utf8_lossy(raw).into_owned(),
        }
    }

    /// Returns its only link.
    #[track_caller]
    pub fn link(&self) -> &str {
        let mut links = self.text.split_whitespace().filter(|word| word.contains("#token="));
        let link = links.next().unwrap_or_else(|| panic!("no link in {self:#?}"));
        assert_eq!(links.next(), None, "{self:#?}");
        let token = link.split_once("#token=").unwrap().1;
        assert!(self.html.contains(token), "{self:#?}");
        link
    }

    /// Returns the token in its link.
    #[track_caller]
    pub fn token(&self) -> String {
        self.link().split_once("#token=").unwrap().1.to_owned()
    }
}

fn address(mail: &ParsedMail) -> String {
    let to = addrparse_header(mail.headers.get_first_header("To").unwrap()).unwrap();
    to.clone().extract_single_info().unwrap_or_else(|| panic!("not one address: {to}")).addr
}

fn body(mail: &ParsedMail, media_type: &str) -> Option<String> {
    if mail.ctype.mimetype == media_type {
        return mail.get_body().ok();
    }
    mail.subparts.iter().find_map(|part| body(part, media_type))
}

/// Returns whether the tests have no mail server.
pub fn no_smtp() -> bool {
    is_skipped(Smtp::missing())
}

/// Returns a home that sends e-mails to this server and retries failed jobs soon.
pub fn posting_to(smtp: &Smtp) -> Home {
    Home::new().env("MAIL_URL", smtp.url()).env("JOB_MAX_BACKOFF", "1").env("JOB_POLL_INTERVAL", "1")
}

impl Home {
    /// Configures the servers to write e-mails into a folder.
    pub fn with_mail(self) -> Self {
        self.env("MAIL_URL", "file:mail").env("PUBLIC_URL", "https://api.example.com/")
    }

    /// Returns the e-mails to this address, in the order of the events that caused them.
    pub fn letters(&self, to: &str) -> Vec<Letter> {
        let Ok(folder) = fs::read_dir(self.path().join("mail")) else { return Vec::new() };
        let files = folder.map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "eml")).collect();
        files.sort(); // the files are named after the jobs that sent them
        let letters = files.iter().map(|file| Letter::read(&fs::read(file).unwrap()));
        letters.filter(|letter| letter.to == to).collect()
    }
}

impl Server {
    /// Waits for this number of e-mails to this address, and returns the last one.
    pub async fn letter(&self, to: &str, count: usize) -> Letter {
        let letters = eventually(&format!("{count} e-mails to {to}"), async || {
            Some(self.home.letters(to)).filter(|letters| letters.len() >= count)
        })
        .await;
        assert_eq!(letters.len(), count, "{letters:#?}");
        letters.last().unwrap().clone()
    }

    /// Waits until all jobs have ended, and returns the e-mails to this address.
    pub async fn letters_after_jobs(&self, to: &str) -> Vec<Letter> {
        self.jobs_end().await;
        self.home.letters(to)
    }

    /// Waits until every job that is not recurring has ended.
    pub async fn jobs_end(&self) {
        eventually("the end of all jobs", async || self.unfinished().is_empty().then_some(())).await;
    }

    /// Returns the jobs that are neither done nor dead nor recurring.
    pub fn unfinished(&self) -> Vec<Value> {
        let jobs = self.cli(["jobs", "list", "--json"]).exits(0).json();
        let is_over = |job: &Value| ["done", "dead"].contains(&job["state"].as_str().unwrap());
        let routines = Routine::ALL.map(|routine| Task::from(routine).kind());
        let is_routine = |job: &Value| routines.contains(&job["kind"].as_str().unwrap());
        jobs.as_array().unwrap().iter().filter(|job| !is_over(job) && !is_routine(job)).cloned().collect()
    }
}
